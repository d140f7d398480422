using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>LoRA at a linear layer: y = W x + s (B (A drop(x)) + bB) + b; where the factors started as a part of W, - s B0 (A0 x) besides.</summary>
/// <remarks>
/// Source: Hu et al., arXiv 2106.09685, Eq. 3. Parameters: A [r, inputs], B [outputs, r]; bB and b [outputs] where they are trained. PiSSA and OLoRA take
/// s B0 A0 out of W and go on from there; here W stays, and what was taken is subtracted, so that rows of other adapters share W.
/// </remarks>
public sealed class LowRankSite : SiteAdapter, ILowRankChange
{
    private readonly Parameter? factorBias;
    private readonly Parameter? bias;
    private readonly float dropout;

    /// <summary>A change.</summary>
    /// <param name="pair">A, B and s.</param>
    /// <param name="dropout">Share of the input that is dropped before A, in training only.</param>
    /// <param name="factorBias">bB, a trained bias on B, or null.</param>
    /// <param name="bias">A bias that takes the base's place, or null.</param>
    /// <param name="start">A0, B0 and s of what the factors took over from W, or null; the change owns it.</param>
    public LowRankSite(LowRankPair pair, float dropout = 0f, Parameter? factorBias = null, Parameter? bias = null, LowRankPair? start = null)
    {
        ArgumentNullException.ThrowIfNull(pair);
        Pair = pair;
        Start = start;
        this.dropout = dropout;
        this.factorBias = factorBias;
        this.bias = bias;
        Parameters = [.. new[] { pair.A, pair.B, factorBias, bias }.OfType<Parameter>()];
    }

    /// <summary>A, B and s.</summary>
    public LowRankPair Pair { get; }

    /// <summary>A0, B0 and s of what the factors took over from W, or null.</summary>
    public LowRankPair? Start { get; }

    bool ILowRankChange.IsPlain => factorBias is null && bias is null && Start is null;

    /// <inheritdoc/>
    public override bool IsSum => ((ILowRankChange)this).IsPlain;

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; }

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        ModelRun run = call.Run;
        Tensor x = Dropout.Forward(run, call.X, dropout, call.Site.Name);
        Tensor y = call.Product(call.X);
        if (Start is not null)
        {
            y = LowRankAdd.Into(run, y, call.X, Start.A.Value, Start.B.Value, -Start.Scale);
        }
        y = LowRankAdd.Into(run, y, x, run.Use(Pair.A), run.Use(Pair.B), Pair.Scale);
        if (factorBias is not null)
        {
            y = AddRow.Into(run, y, run.Use(factorBias), Pair.Scale);
        }
        Tensor b = bias is null ? call.Bias : run.Use(bias);
        return b.Exists ? AddRow.Into(run, y, b) : y;
    }

    /// <inheritdoc/>
    public override bool LowersAlone => true;

    /// <inheritdoc/>
    public override SiteForm? Lower(Site site, FactorPacker packer) => new()
    {
        LowRank = Start is null
            ? [packer.LowRank(Pair.A, Pair.B, Pair.Scale)]
            : [packer.LowRank(Start.A, Start.B, -Start.Scale), packer.LowRank(Pair.A, Pair.B, Pair.Scale)],
        Bias = FormBias(site),
    };

    /// <summary>The change of W as one pair of rank 2 r: A' = [A ; A0] [2 r, inputs], B' = [B | -B0] [outputs, 2 r]; without a start A and B.</summary>
    public (float[] A, float[] B) Whole()
    {
        if (Start is null)
        {
            return (Pair.A.Value.Span.ToArray(), Pair.B.Value.Span.ToArray());
        }
        int rank = Pair.Rank, outputs = Pair.B.Value.Rows;
        float[] a = [.. Pair.A.Value.Span, .. Start.A.Value.Span], b = new float[2 * rank * outputs];
        for (int o = 0; o < outputs; o++)
        {
            Pair.B.Value.Row(o).CopyTo(b.AsSpan(2 * rank * o));
            Elementwise.Scale(Start.B.Value.Row(o), -1f, b.AsSpan((2 * rank * o) + rank, rank));
        }
        return (a, b);
    }

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        if (factorBias is not null && site is LinearSite { Bias: null })
        {
            return false;
        }
        Start?.AddTo(weight, -1f);
        Pair.AddTo(weight);
        this.bias?.Value.Span.CopyTo(bias);
        if (factorBias is not null)
        {
            Elementwise.AddScaled(Pair.Scale, factorBias.Value.Span, bias);
        }
        return true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        Start?.A.Dispose();
        Start?.B.Dispose();
    }

    private Tensor FormBias(Site site)
    {
        if (factorBias is null && bias is null)
        {
            return default;
        }
        Tensor sum = Storage.Zeros(new Shape(site.Outputs));
        (bias ?? (site as LinearSite)?.Bias)?.Value.Span.CopyTo(sum.Span);
        if (factorBias is not null)
        {
            Elementwise.AddScaled(Pair.Scale, factorBias.Value.Span, sum.Span);
        }
        return sum;
    }
}
