using Lorikeet.Tensors;

namespace Lorikeet.Serving;

/// <summary>Makes one vector of a prompt's hidden states, chunk by chunk; the bits do not depend on how the prompt was cut.</summary>
internal sealed class HiddenPool(Ask ask)
{
    private double[] sum = [];
    private float[] vector = [];
    private int seen;

    /// <summary>Takes the next rows.</summary>
    /// <param name="hidden">[rows of the step, hidden].</param>
    /// <param name="row">The first of them.</param>
    /// <param name="rows">How many.</param>
    /// <param name="start">The position of the first; rows taken before a preemption are passed over.</param>
    public void Take(in Tensor hidden, int row, int rows, int start)
    {
        if (ask == Ask.EmbedMean && sum.Length == 0)
        {
            sum = new double[hidden.Width];
        }
        for (int i = Math.Max(0, seen - start); i < rows; i++)
        {
            ReadOnlySpan<float> values = hidden.Row(row + i);
            if (ask == Ask.EmbedMean)
            {
                for (int k = 0; k < sum.Length; k++)
                {
                    sum[k] += values[k];
                }
            }
            else if (ask == Ask.EmbedLast ? i == rows - 1 : start + i == 0)
            {
                vector = values.ToArray();
            }
        }
        seen = Math.Max(seen, start + rows);
    }

    /// <summary>The vector, [hidden].</summary>
    public float[] Vector() => ask == Ask.EmbedMean ? [.. sum.Select(s => (float)(s / seen))] : vector;
}
