using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>The factors of a stacked parameter of experts: dW_e = s B_e A_e.</summary>
/// <param name="A">[experts * r, inputs]; A_e are the rows from e r on.</param>
/// <param name="B">[outputs, r * experts]; B_e are the columns e, e + experts, e + 2 experts and so on.</param>
/// <param name="Experts">How many.</param>
/// <param name="Scale">s.</param>
internal sealed record StackedPair(Parameter A, Parameter B, int Experts, float Scale)
{
    /// <summary>r.</summary>
    public int Rank => A.Shape.Rows / Experts;

    /// <summary>A_e, [r, inputs].</summary>
    public Tensor AOf(Run run, int expert) => RowSlice.Forward(run, run.Use(A), expert * Rank, Rank);

    /// <summary>The rows of B_e that one of the stacked layers has, [rows, r].</summary>
    public Tensor BOf(Run run, int expert, int row, int rows) => ColumnSlice.Forward(run, RowSlice.Forward(run, run.Use(B), row, rows), expert, 1, Rank, Experts);
}

/// <summary>LoRA on a stacked parameter, at one layer of one expert: y = W x + s B_e (A_e x) + b.</summary>
/// <param name="pair">The factors, which all layers of the parameter share.</param>
/// <param name="expert">e.</param>
/// <param name="row">The layer's first row in the expert's part of the parameter.</param>
/// <param name="rows">Its rows.</param>
/// <param name="owner">True: the factors are listed and freed here.</param>
internal sealed class StackedSite(StackedPair pair, int expert, int row, int rows, bool owner) : SiteAdapter
{
    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; } = owner ? [pair.A, pair.B] : [];

    /// <inheritdoc/>
    public override bool IsSum => true;

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        Tensor a = pair.AOf(call.Run, expert), b = pair.BOf(call.Run, expert, row, rows);
        Tensor y = LowRankAdd.Into(call.Run, call.Product(call.X), call.X, a, b, pair.Scale);
        return call.Bias.Exists ? AddRow.Into(call.Run, y, call.Bias) : y;
    }

    /// <inheritdoc/>
    public override SiteForm? Lower(Site site, FactorPacker packer)
    {
        using Run run = new();
        return new SiteForm { LowRank = [packer.LowRank(pair.AOf(run, expert), pair.BOf(run, expert, row, rows), pair.Scale)] };
    }

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        using Run run = new();
        Tensor a = pair.AOf(run, expert), b = pair.BOf(run, expert, row, rows);
        MatrixProduct.Multiply(b.Span, false, a.Span, false, weight, rows, a.Width, pair.Rank, pair.Scale, true);
        return true;
    }
}
