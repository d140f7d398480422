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

    /// <summary>FLoRA's B, transposed: each row of x becomes r rows B[j] o x, [r, inputs].</summary>
    public Tensor Expand { get; init; }

    /// <summary>FLoRA's A: y = ReduceScale * sum over j of A[j] o q_j, [r, outputs]; present exactly where <see cref="Expand"/> is.</summary>
    public Tensor Reduce { get; init; }

    /// <summary>1/r for the mean, 1 for the sum, s for the residual form.</summary>
    public float ReduceScale { get; init; } = 1f;

    /// <summary>True: the unexpanded product is added too (the residual form of FLoRA).</summary>
    public bool ReduceAddsBase { get; init; }

    /// <summary>How many rows of the shared product one row of the batch becomes: r, r + 1 in the residual form, 1 without <see cref="Expand"/>.</summary>
    public int ExpandedRows => Expand.Exists ? Expand.Rows + (ReduceAddsBase ? 1 : 0) : 1;

    /// <summary>Low-rank changes y += s B (A x).</summary>
    public IReadOnlyList<LowRankPart> LowRank { get; init; } = [];

    /// <summary>False: the low-rank factors are another form's, which outlives this one. Default true.</summary>
    public bool OwnsFactors { get; init; } = true;

    /// <summary>True where the form is nothing but low-rank changes.</summary>
    public bool IsLowRankOnly => !Pre.Exists && !Expand.Exists && !Post.Exists && !Bias.Exists && Sparse is null;

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
            long bytes = sizeof(float) * (Length(Pre) + Length(Expand) + Length(Reduce) + Length(Post) + Length(Bias));
            foreach (LowRankPart part in LowRank)
            {
                bytes += OwnsFactors ? part.Factors.Bytes : 0;
            }
            return bytes + (Sparse?.Bytes ?? 0);
        }
    }

    /// <summary>Packs a low-rank change for the grouped kernel.</summary>
    /// <param name="a">A, [r, inputs].</param>
    /// <param name="b">B, [outputs, r].</param>
    /// <param name="scale">s.</param>
    /// <param name="storage">How the numbers are kept.</param>
    public static LowRankPart PackLowRank(in Tensor a, in Tensor b, float scale, FactorStorage storage = FactorStorage.Exact)
    {
        FactorType type = storage switch
        {
            FactorStorage.F32 => FactorType.F32,
            FactorStorage.BF16 => FactorType.BF16,
            FactorStorage.Int8 => FactorType.Int8,
            _ => IsBrief(a.Span) && IsBrief(b.Span) ? FactorType.BF16 : FactorType.F32,
        };
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

    /// <summary>True where every number is a bfloat16: the lower half of each word is zero.</summary>
    private static bool IsBrief(ReadOnlySpan<float> numbers)
    {
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<float, uint>(numbers);
        uint lower = 0;
        for (int i = 0; i < words.Length && lower == 0; i++)
        {
            lower |= words[i] & 0xFFFF;
        }
        return lower == 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Pre.Free();
        Expand.Free();
        Reduce.Free();
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

/// <summary>A sparse change of the weight: y[o] += sum over its entries of value * x[column], entries in ascending order.</summary>
/// <param name="RowStarts">For each output, where its entries begin; one more at the end.</param>
/// <param name="Columns">The input each entry reads.</param>
/// <param name="Values">The entries.</param>
public sealed record SparsePart(int[] RowStarts, int[] Columns, float[] Values)
{
    /// <summary>Bytes of memory.</summary>
    public long Bytes => 4L * (RowStarts.Length + Columns.Length + Values.Length);
}
