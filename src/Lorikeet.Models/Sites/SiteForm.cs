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
