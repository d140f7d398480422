using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>The frozen random matrices G_1 ... G_k of one NOLA factor, and the fixed part M0: M = M0 + sum over i of c_i G_i.</summary>
/// <remarks>Two kinds: made again from a seed wherever they are needed, or held in memory (another tool's basis, dumped).</remarks>
public abstract class NolaBasis : IDisposable
{
    private protected NolaBasis(int count, Shape shape)
    {
        Count = count;
        Shape = shape;
    }

    /// <summary>k, how many matrices.</summary>
    public int Count { get; }

    /// <summary>The shape of each, and of the factor: [r, inputs] or [outputs, r].</summary>
    public Shape Shape { get; }

    /// <summary>The factor, recorded with respect to its coefficients: d c_i = sum over e of dM[e] G_i[e].</summary>
    /// <param name="run">The run.</param>
    /// <param name="coefficients">c, [k].</param>
    public abstract Tensor Combine(Run run, in Tensor coefficients);

    /// <summary>Elements [first, first + length) of all matrices, as [k, length].</summary>
    /// <param name="first">The first element.</param>
    /// <param name="length">How many.</param>
    /// <param name="to">Receives them.</param>
    public abstract void Read(int first, int length, Span<float> to);

    /// <summary>The fixed part M0, or default where it is zero.</summary>
    public abstract Tensor Start { get; }

    /// <summary>True where the other's matrices are the same, so that adapters of both expand in one product.</summary>
    /// <param name="other">Another basis.</param>
    public abstract bool Same(NolaBasis other);

    /// <summary>The factor for finished coefficients: M0 + sum over i of c_i G_i.</summary>
    /// <param name="coefficients">c, [k].</param>
    /// <param name="to">Receives M.</param>
    public void Expand(ReadOnlySpan<float> coefficients, Span<float> to) => ExpandMany(coefficients, 1, to);

    /// <summary>The factors of T adapters by one product [T, k] x [k, elements], tile by tile: each basis number is made once for all of them.</summary>
    /// <remarks>Each factor is one chain over ascending i whatever T is: the bits are those of a lone expansion.</remarks>
    /// <param name="coefficients">[T, k].</param>
    /// <param name="adapters">T.</param>
    /// <param name="to">Receives [T, elements].</param>
    public void ExpandMany(ReadOnlySpan<float> coefficients, int adapters, Span<float> to)
    {
        int length = checked((int)Shape.Length);
        if (coefficients.Length != adapters * Count || to.Length != adapters * length)
        {
            throw new ArgumentException(
                $"NOLA: {coefficients.Length} coefficients and room for {to.Length} numbers; {adapters} adapters of {Count} make {adapters} x {length}");
        }
        int tile = Math.Clamp(TileNumbers / Math.Max(Count, 1), Math.Min(16, length), length);
        float[] basis = new float[Count * tile];
        float[] part = new float[adapters * tile];
        for (int first = 0; first < length; first += tile)
        {
            int now = Math.Min(tile, length - first);
            Read(first, now, basis.AsSpan(0, Count * now));
            MatrixProduct.Multiply(coefficients, false, basis.AsSpan(0, Count * now), false, part.AsSpan(0, adapters * now), adapters, now, Count);
            for (int adapter = 0; adapter < adapters; adapter++)
            {
                Span<float> own = to.Slice((adapter * length) + first, now);
                ReadOnlySpan<float> made = part.AsSpan(adapter * now, now);
                if (Start.Exists)
                {
                    Elementwise.Add(Start.Span.Slice(first, now), made, own);
                }
                else
                {
                    made.CopyTo(own);
                }
            }
        }
    }

    /// <summary>Numbers of basis in memory at once: a quarter of a second-level cache.</summary>
    private const int TileNumbers = 1 << 15;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what it holds.</summary>
    /// <param name="disposing">Always true: there is no finaliser.</param>
    protected abstract void Dispose(bool disposing);
}
