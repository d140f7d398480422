using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Reads columns of a matrix: y[i, k] = a[k, ids[i]].</summary>
/// <remarks>Backward: da[k, ids[i]] += dy[i, k].</remarks>
internal static class GatherColumns
{
    /// <param name="run">The run.</param>
    /// <param name="a">[r, vocabulary].</param>
    /// <param name="ids">Column numbers, checked by the look-up of the base before.</param>
    /// <returns>[ids, r].</returns>
    public static Tensor Forward(Run run, in Tensor a, ReadOnlySpan<int> ids)
    {
        int rank = a.Rows, width = a.Width;
        Tensor y = run.Allocate(ids.Length, rank);
        ReadOnlySpan<float> from = a.Span;
        for (int i = 0; i < ids.Length; i++)
        {
            Span<float> row = y.Row(i);
            for (int k = 0; k < rank; k++)
            {
                row[k] = from[(k * width) + ids[i]];
            }
        }
        return run.Tape is not null && a.Recorded ? run.Tape.Record(run, y, new GatherColumnsNode(a, ids.ToArray())) : y;
    }

    private sealed class GatherColumnsNode(Tensor a, int[] ids) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            Span<float> da = gradient.GradientToAddTo(a).Span;
            int width = a.Width;
            for (int i = 0; i < ids.Length; i++)
            {
                ReadOnlySpan<float> row = dy.Row(i);
                for (int k = 0; k < row.Length; k++)
                {
                    da[(k * width) + ids[i]] += row[k];
                }
            }
        }
    }
}
