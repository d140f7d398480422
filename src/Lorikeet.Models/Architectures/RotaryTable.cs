using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Cosines and sines of the rotary angles, position * frequency, for the rows of a step.</summary>
/// <remarks>
/// Angles are float32 products as in the reference implementations; cosine and sine are computed in float64 and rounded once. The tables grow
/// with the longest sequence seen; a grown one takes the old one's place at once, so that runs on several threads may share a model.
/// </remarks>
/// <param name="rotary">Rotated elements of a head, even.</param>
/// <param name="settings">Base and scaling.</param>
/// <param name="interleaved">Pairs are neighbours.</param>
public sealed class RotaryTable(int rotary, RopeSettings settings, bool interleaved = false)
{
    private const int FirstPositions = 256;
    private readonly int half = rotary / 2;
    // Of sequences up to the trained length, and of longer ones where those have other frequencies.
    private readonly Known[] known = [new([], [], 0), new([], [], 0)];

    /// <summary>True: pairs are (2i, 2i + 1), as in GPT-J; false: (i, i + d/2).</summary>
    public bool Interleaved { get; } = interleaved;

    /// <summary>Puts the rows' cosines and sines, [rows, rotary / 2] each, where the blocks find them.</summary>
    /// <param name="run">The run.</param>
    public void Prepare(ModelRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        Tensor cos = run.Allocate(run.Rows.Count, half), sin = run.Allocate(run.Rows.Count, half);
        for (int i = 0; i < run.Rows.Sequences.Length; i++)
        {
            AttentionSequence sequence = run.Rows.Sequences[i];
            int end = sequence.Start + sequence.Rows, length = run.Rows.Length(i);
            Span<float> rowCos = cos.ViewRows(sequence.Row, sequence.Rows).Span, rowSin = sin.ViewRows(sequence.Row, sequence.Rows).Span;
            if (settings.Kind == RopeKind.Dynamic && length > settings.OriginalPositions)
            {
                // Beyond the trained length every length has a base of its own; keys stored before keep theirs, as in the reference.
                Fill(length, sequence.Start, rowCos, rowSin);
                continue;
            }
            Known table = Reach(end, settings.Kind == RopeKind.LongRope && length > settings.OriginalPositions ? 1 : 0);
            table.Cos.AsSpan(sequence.Start * half, rowCos.Length).CopyTo(rowCos);
            table.Sin.AsSpan(sequence.Start * half, rowSin.Length).CopyTo(rowSin);
        }
        run.SetTable(this, cos, sin);
    }

    private Known Reach(int positions, int beyond)
    {
        Known table = Volatile.Read(ref known[beyond]);
        if (positions <= table.Positions)
        {
            return table;
        }
        int until = Math.Max(positions, Math.Max(FirstPositions, 2 * table.Positions));
        float[] cos = new float[checked(until * half)], sin = new float[until * half];
        Fill(beyond == 1 ? int.MaxValue : 0, 0, cos, sin);
        table = new Known(cos, sin, until);
        Volatile.Write(ref known[beyond], table);
        return table;
    }

    private void Fill(int length, int first, Span<float> cos, Span<float> sin)
    {
        // A head has at most 512 elements: config.json and AttentionShape are checked for that.
        Span<float> frequencies = stackalloc float[half];
        RopeScaling.Frequencies(settings, length, frequencies);
        for (int at = 0; at < cos.Length; at++)
        {
            float angle = (first + (at / half)) * frequencies[at % half];
            cos[at] = (float)(settings.AttentionFactor * Math.Cos(angle));
            sin[at] = (float)(settings.AttentionFactor * Math.Sin(angle));
        }
    }

    private sealed record Known(float[] Cos, float[] Sin, int Positions);
}
