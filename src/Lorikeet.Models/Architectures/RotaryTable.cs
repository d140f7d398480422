using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Cosines and sines of the rotary angles, position * theta^(-2i/d), for the rows of a step.</summary>
/// <remarks>Angles are float32 products as in the reference implementations; cosine and sine are computed in float64 and rounded once.</remarks>
public sealed class RotaryTable
{
    private readonly float[] inverseFrequencies;
    private float[] cos = [];
    private float[] sin = [];
    private int known;

    /// <summary>A table.</summary>
    /// <param name="rotary">Rotated elements of a head, even.</param>
    /// <param name="theta">The base.</param>
    public RotaryTable(int rotary, double theta)
    {
        inverseFrequencies = new float[rotary / 2];
        for (int i = 0; i < inverseFrequencies.Length; i++)
        {
            inverseFrequencies[i] = (float)(1.0 / Math.Pow(theta, 2.0 * i / rotary));
        }
    }

    /// <summary>Puts the rows' cosines and sines, [rows, rotary / 2] each, where the blocks find them.</summary>
    /// <param name="run">The run.</param>
    public void Prepare(ModelRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        int half = inverseFrequencies.Length;
        Tensor rowCos = run.Allocate(run.Rows.Count, half), rowSin = run.Allocate(run.Rows.Count, half);
        foreach (Kernels.AttentionSequence sequence in run.Rows.Sequences)
        {
            Extend(sequence.Start + sequence.Rows);
            cos.AsSpan(sequence.Start * half, sequence.Rows * half).CopyTo(rowCos.ViewRows(sequence.Row, sequence.Rows).Span);
            sin.AsSpan(sequence.Start * half, sequence.Rows * half).CopyTo(rowSin.ViewRows(sequence.Row, sequence.Rows).Span);
        }
        run.SetTable(this, rowCos, rowSin);
    }

    private void Extend(int positions)
    {
        if (positions <= known)
        {
            return;
        }
        int half = inverseFrequencies.Length;
        int until = Math.Max(positions, Math.Max(256, 2 * known));
        Array.Resize(ref cos, until * half);
        Array.Resize(ref sin, until * half);
        for (int position = known; position < until; position++)
        {
            for (int i = 0; i < half; i++)
            {
                float angle = position * inverseFrequencies[i];
                cos[(position * half) + i] = (float)Math.Cos(angle);
                sin[(position * half) + i] = (float)Math.Sin(angle);
            }
        }
        known = until;
    }
}
