using System.Runtime.CompilerServices;
using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>NOLA's factor: a matrix from coefficients of frozen random matrices that are never stored, M = M0 + sum over i of c_i G_i.</summary>
/// <remarks>
/// Source: Koohpayegani et al., arXiv 2310.02556, Eq. 3, and the authors' GenerateParams. Element e of G_i is number i * length + e of the
/// stream, uniform in [-bound, bound), so each part can be made anywhere: the basis streams through the first-level cache whatever the size
/// of M. Each element of M is one chain of fused multiply-adds over ascending i, whatever the threads and tiles. Backward:
/// dc_i = sum over e of dM[e] G_i[e], the basis made again; sums of tiles of 4096 elements are added in ascending order.
/// </remarks>
public static unsafe class RandomBasis
{
    private const int Tile = 4096;

    /// <summary>Basis matrices of one chunk of the backward: about 50 microseconds with a whole tile each.</summary>
    private const int Few = 16;

    /// <summary>M = start + sum over i of c_i G_i, added in ascending i.</summary>
    /// <param name="run">The run.</param>
    /// <param name="coefficients">c, [k].</param>
    /// <param name="random">The stream of this factor's basis.</param>
    /// <param name="bound">Half the width of the uniform distribution.</param>
    /// <param name="start">M0, or default for zero; no gradient flows to it.</param>
    /// <param name="shape">The shape of M.</param>
    /// <returns>M in new memory.</returns>
    /// <exception cref="ArgumentException">M0 is recorded, or has another length than M.</exception>
    public static Tensor Combine(Run run, in Tensor coefficients, CounterRandom random, float bound, in Tensor start, Shape shape)
    {
        if (start.Recorded)
        {
            throw new ArgumentException($"random basis: the start {start.Shape} wants a gradient, but it is frozen: add it with Sum instead", nameof(start));
        }
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
    /// <exception cref="ArgumentException">M0 has another length than M.</exception>
    public static void Expand(ReadOnlySpan<float> coefficients, CounterRandom random, float bound, ReadOnlySpan<float> start, Span<float> to) =>
        Expand(coefficients, random, bound, start, to, TileFor(to.Length));

    internal static void Expand(
        ReadOnlySpan<float> coefficients, CounterRandom random, float bound, ReadOnlySpan<float> start, Span<float> to, int tile)
    {
        if (start.IsEmpty)
        {
            to.Clear();
        }
        else if (start.Length == to.Length)
        {
            start.CopyTo(to);
        }
        else
        {
            throw new ArgumentException($"random basis: the start has {start.Length} elements, the matrix {to.Length}", nameof(start));
        }
        fixed (float* c = coefficients)
        fixed (float* m = to)
        {
            ExpandJob job = new() { C = c, Count = coefficients.Length, Random = random, Bound = bound, M = m, Length = to.Length, Tile = tile };
            Team.Shared.Run(ref job, (to.Length + tile - 1) / tile);
        }
    }

    /// <summary>Small matrices are cut finer than the cache asks, so that every thread has a part.</summary>
    private static int TileFor(int length) => Math.Clamp(length / (4 * Team.Shared.Threads) / 64 * 64, 256, Tile);

    private sealed class RandomBasisNode(Tensor coefficients, CounterRandom random, float bound) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dm = gradient.Output;
            int length = (int)dm.Shape.Length, count = (int)coefficients.Shape.Length;
            int tiles = (length + Tile - 1) / Tile;
            Span<float> dc = gradient.GradientToAddTo(coefficients).Span;
            ArenaMark mark = run.Arena.Mark;
            Tensor sums = run.Allocate(tiles, count);
            DotJob job = new() { Dm = dm.Pointer, Length = length, Random = random, Bound = bound, Sums = sums.Pointer, Count = count };
            Team.Shared.Run(ref job, tiles * DotJob.Groups(count));
            for (int i = 0; i < count; i++)
            {
                double sum = 0;
                for (int tile = 0; tile < tiles; tile++)
                {
                    sum += sums.Pointer[((long)tile * count) + i];
                }
                dc[i] += (float)sum;
            }
            run.Arena.Release(mark);
        }
    }

    /// <summary>One tile of M: all basis matrices in order.</summary>
    private struct ExpandJob : IJob
    {
        public float* C;
        public int Count;
        public CounterRandom Random;
        public float Bound;
        public float* M;
        public int Length;
        public int Tile;

        [SkipLocalsInit]
        public readonly void Execute(int chunk)
        {
            Span<float> basis = stackalloc float[RandomBasis.Tile];
            int end = (int)Math.Min(Length, (chunk + 1L) * Tile);
            for (int at = chunk * Tile; at < end; at += RandomBasis.Tile)
            {
                int length = Math.Min(RandomBasis.Tile, end - at);
                Span<float> g = basis[..length], m = new(M + at, length);
                for (int i = 0; i < Count; i++)
                {
                    Random.FillUniform(g, -Bound, Bound, ((ulong)i * (ulong)Length) + (ulong)at);
                    Elementwise.AddScaled(C[i], g, m);
                }
            }
        }
    }

    /// <summary>One tile of M's gradient with a few basis matrices.</summary>
    private struct DotJob : IJob
    {
        public float* Dm;
        public int Length;
        public CounterRandom Random;
        public float Bound;
        public float* Sums;
        public int Count;

        public static int Groups(int count) => (count + Few - 1) / Few;

        [SkipLocalsInit]
        public readonly void Execute(int chunk)
        {
            Span<float> basis = stackalloc float[RandomBasis.Tile];
            int groups = Groups(Count), tile = chunk / groups, first = chunk % groups * Few;
            int at = tile * RandomBasis.Tile;
            int length = Math.Min(RandomBasis.Tile, Length - at);
            Span<float> g = basis[..length];
            for (int i = first; i < Math.Min(Count, first + Few); i++)
            {
                Random.FillUniform(g, -Bound, Bound, ((ulong)i * (ulong)Length) + (ulong)at);
                Sums[((long)tile * Count) + i] = Reduce.Dot(new ReadOnlySpan<float>(Dm + at, length), g);
            }
        }
    }
}
