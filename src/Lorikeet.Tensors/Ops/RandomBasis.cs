using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>NOLA's factor: a matrix from coefficients of frozen random matrices that are never stored, M = M0 + sum over i of c_i G_i.</summary>
/// <remarks>
/// Source: Koohpayegani et al., arXiv 2310.02556, Eq. 3, and the authors' GenerateParams. Element e of G_i is number i * length + e of the
/// stream, uniform in [-bound, bound), so each chunk can be made anywhere. Backward: dc_i = sum over e of dM[e] G_i[e], the basis made again.
/// </remarks>
public static class RandomBasis
{
    /// <summary>M = start + sum over i of c_i G_i, added in ascending i.</summary>
    /// <param name="run">The run.</param>
    /// <param name="coefficients">c, [k].</param>
    /// <param name="random">The stream of this factor's basis.</param>
    /// <param name="bound">Half the width of the uniform distribution.</param>
    /// <param name="start">M0, or default for zero.</param>
    /// <param name="shape">The shape of M.</param>
    /// <returns>M in new memory.</returns>
    public static Tensor Combine(Run run, in Tensor coefficients, CounterRandom random, float bound, in Tensor start, Shape shape)
    {
        Tensor m = run.Arena.Allocate(shape);
        Expand(coefficients.Span, random, bound, start.Exists ? start.Span : [], m.Span);
        return run.Tape is not null && coefficients.Recorded
            ? run.Tape.Record(run, m, new RandomBasisNode(coefficients, random, bound))
            : m;
    }

    /// <summary>The same without a run, for loading adapters.</summary>
    /// <param name="coefficients">c, [k].</param>
    /// <param name="random">The stream of this factor's basis.</param>
    /// <param name="bound">Half the width of the uniform distribution.</param>
    /// <param name="start">M0, or empty for zero.</param>
    /// <param name="to">Receives M.</param>
    public static void Expand(ReadOnlySpan<float> coefficients, CounterRandom random, float bound, ReadOnlySpan<float> start, Span<float> to)
    {
        if (start.IsEmpty)
        {
            to.Clear();
        }
        else
        {
            start.CopyTo(to);
        }
        // Tiles of 4096 elements: the basis streams through the first-level cache whatever the size of M.
        Span<float> tile = stackalloc float[Tile];
        for (int at = 0; at < to.Length; at += Tile)
        {
            int length = Math.Min(Tile, to.Length - at);
            Span<float> part = to.Slice(at, length);
            for (int i = 0; i < coefficients.Length; i++)
            {
                random.FillUniform(tile[..length], -bound, bound, ((ulong)i * (ulong)to.Length) + (ulong)at);
                Elementwise.AddScaled(coefficients[i], tile[..length], part);
            }
        }
    }

    private const int Tile = 4096;

    private sealed class RandomBasisNode(Tensor coefficients, CounterRandom random, float bound) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            ReadOnlySpan<float> dm = gradient.Output.Span;
            Span<float> dc = gradient.GradientToAddTo(coefficients).Span;
            Span<float> tile = stackalloc float[Tile];
            for (int at = 0; at < dm.Length; at += Tile)
            {
                int length = Math.Min(Tile, dm.Length - at);
                for (int i = 0; i < dc.Length; i++)
                {
                    random.FillUniform(tile[..length], -bound, bound, ((ulong)i * (ulong)dm.Length) + (ulong)at);
                    dc[i] += Reduce.Dot(dm.Slice(at, length), tile[..length]);
                }
            }
        }
    }
}
