using System.Numerics;
using System.Runtime.InteropServices;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>What an adapter becomes at a linear site in a batch: y = Post( Reduce( W Expand( Pre(x) ) ) + sum of Adds(x) ).</summary>
/// <remarks>
/// Every part may be absent. The bias of the base belongs to Post: y = scale o z + bias, where the form's own bias, if it has one, takes the
/// base's place. Memory is native and owned by the form, so that a serving engine can count and evict it.
/// </remarks>
public sealed class SiteForm : IDisposable
{
    /// <summary>(IA)3 on the input: x o Pre, [inputs].</summary>
    public Tensor Pre { get; init; }

    /// <summary>FLoRA's factors around the shared product: Expand makes rows B[j] o x, Reduce y = s sum over j of A[j] o q_j.</summary>
    public HadamardPart? Around { get; init; }

    /// <summary>How many rows of the shared product one row of the batch becomes: r, r + 1 in the residual form, 1 without <see cref="Around"/>.</summary>
    public int ExpandedRows => Around is { } around ? around.Rank + (around.AddsBase ? 1 : 0) : 1;

    /// <summary>Low-rank changes y += s B (A x).</summary>
    public IReadOnlyList<LowRankPart> LowRank { get; init; } = [];

    /// <summary>False: the low-rank factors are another form's, which outlives this one. Default true.</summary>
    public bool OwnsFactors { get; init; } = true;

    /// <summary>True where the form is nothing but low-rank changes.</summary>
    public bool IsLowRankOnly => !Pre.Exists && Around is null && !Post.Exists && !Bias.Exists && Sparse is null;

    /// <summary>Sparse changes, row by row.</summary>
    public SparsePart? Sparse { get; init; }

    /// <summary>DoRA's or (IA)3's scale of the outputs, [outputs].</summary>
    public Tensor Post { get; init; }

    /// <summary>A bias that takes the base's place, [outputs].</summary>
    public Tensor Bias { get; init; }

    /// <summary>Bytes of memory that the form holds.</summary>
    public long Bytes
    {
        get
        {
            long bytes = sizeof(float) * (Length(Pre) + Length(Post) + Length(Bias));
            foreach (LowRankPart part in LowRank)
            {
                bytes += OwnsFactors ? part.Factors.Bytes : 0;
            }
            return bytes + (Around?.Factors.Bytes ?? 0) + (Sparse?.Bytes ?? 0);
        }
    }

    /// <summary>Packs a low-rank change for the grouped kernel.</summary>
    /// <param name="a">A, [r, inputs].</param>
    /// <param name="b">B, [outputs, r].</param>
    /// <param name="scale">s.</param>
    /// <param name="storage">How the numbers are kept.</param>
    public static LowRankPart PackLowRank(in Tensor a, in Tensor b, float scale, FactorStorage storage = FactorStorage.Exact)
    {
        FactorType type = TypeOf(a, b, storage);
        Storage factors = new(Kernels.LowRank.ByteLength(a.Rows, a.Width, b.Rows, type));
        try
        {
            Kernels.LowRank.Pack(a.Span, b.Span, a.Rows, a.Width, b.Rows, type, factors.Span);
        }
        catch
        {
            factors.Dispose();
            throw;
        }
        return new LowRankPart(factors, type, a.Rows, scale);
    }

    /// <summary>Packs factors around the shared product.</summary>
    /// <param name="a">A, [r, outputs].</param>
    /// <param name="b">B transposed, [r, inputs].</param>
    /// <param name="scale">1/r for the mean, 1 for the sum, s for the residual form.</param>
    /// <param name="addsBase">True: the product of the row as it is is added too (the residual form).</param>
    /// <param name="storage">How the numbers are kept.</param>
    public static HadamardPart PackHadamard(in Tensor a, in Tensor b, float scale, bool addsBase, FactorStorage storage = FactorStorage.Exact)
    {
        FactorType type = TypeOf(a, b, storage);
        Storage factors = new(Hadamard.ByteLength(b.Rows, b.Width, a.Width, type));
        try
        {
            Hadamard.Pack(a.Span, b.Span, b.Rows, b.Width, a.Width, type, factors.Span);
        }
        catch
        {
            factors.Dispose();
            throw;
        }
        return new HadamardPart(factors, type, b.Rows, scale, addsBase);
    }

    private static FactorType TypeOf(in Tensor a, in Tensor b, FactorStorage storage) => storage switch
    {
        FactorStorage.F32 => FactorType.F32,
        FactorStorage.BF16 => FactorType.BF16,
        FactorStorage.Int8 => FactorType.Int8,
        _ => IsBrief(a.Span) && IsBrief(b.Span) ? FactorType.BF16 : FactorType.F32,
    };

    /// <summary>True where every number is a bfloat16: the lower half of each word is zero.</summary>
    private static bool IsBrief(ReadOnlySpan<float> numbers)
    {
        ReadOnlySpan<Vector<uint>> wide = MemoryMarshal.Cast<float, Vector<uint>>(numbers);
        Vector<uint> mask = new(0xFFFF);
        for (int i = 0; i < wide.Length; i++)
        {
            if ((wide[i] & mask) != Vector<uint>.Zero)
            {
                return false;
            }
        }
        foreach (float number in numbers[(wide.Length * Vector<uint>.Count)..])
        {
            if ((BitConverter.SingleToUInt32Bits(number) & 0xFFFF) != 0)
            {
                return false;
            }
        }
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Pre.Free();
        Around?.Factors.Dispose();
        Post.Free();
        Bias.Free();
        foreach (LowRankPart part in OwnsFactors ? LowRank : [])
        {
            part.Factors.Dispose();
        }
    }

    private static long Length(in Tensor tensor) => tensor.Exists ? tensor.Shape.Length : 0;
}

/// <summary>A low-rank change packed for the grouped kernel.</summary>
/// <param name="Factors">A [r, inputs] and B [outputs, r] in the layout of <see cref="Kernels.LowRank.Pack"/>; the form owns them.</param>
/// <param name="Type">How their numbers are kept.</param>
/// <param name="Rank">r.</param>
/// <param name="Scale">s.</param>
public readonly record struct LowRankPart(Storage Factors, FactorType Type, int Rank, float Scale);

/// <summary>FLoRA's factors, packed for the shared product: y = Scale * sum over j of A[j] o (W (B[j] o x)), plus W x where the base is added.</summary>
/// <param name="Factors">A [r, outputs] and B [r, inputs] in the layout of <see cref="Hadamard.Pack"/>; the form owns them.</param>
/// <param name="Type">How their numbers are kept.</param>
/// <param name="Rank">r.</param>
/// <param name="Scale">1/r for the mean, 1 for the sum, s for the residual form.</param>
/// <param name="AddsBase">True in the residual form.</param>
public readonly record struct HadamardPart(Storage Factors, FactorType Type, int Rank, float Scale, bool AddsBase);

/// <summary>A sparse change of the weight: y[o] += sum over its entries of value * x[column], entries in ascending order.</summary>
/// <param name="RowStarts">For each output, where its entries begin; one more at the end.</param>
/// <param name="Columns">The input each entry reads.</param>
/// <param name="Values">The entries.</param>
public sealed record SparsePart(int[] RowStarts, int[] Columns, float[] Values)
{
    /// <summary>Bytes of memory.</summary>
    public long Bytes => 4L * (RowStarts.Length + Columns.Length + Values.Length);
}
