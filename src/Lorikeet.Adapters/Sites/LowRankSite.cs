using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>LoRA at a linear layer: y = W x + s (B (A drop(x)) + bB) + b.</summary>
/// <remarks>Source: Hu et al., arXiv 2106.09685, Eq. 3. Parameters: A [r, inputs], B [outputs, r]; bB and b [outputs] where they are trained.</remarks>
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
    public LowRankSite(LowRankPair pair, float dropout = 0f, Parameter? factorBias = null, Parameter? bias = null)
    {
        ArgumentNullException.ThrowIfNull(pair);
        Pair = pair;
        this.dropout = dropout;
        this.factorBias = factorBias;
        this.bias = bias;
        Parameters = [.. new[] { pair.A, pair.B, factorBias, bias }.OfType<Parameter>()];
    }

    /// <summary>A, B and s.</summary>
    public LowRankPair Pair { get; }

    bool ILowRankChange.IsPlain => factorBias is null && bias is null;

    /// <inheritdoc/>
    public override bool IsSum => ((ILowRankChange)this).IsPlain;

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; }

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        ModelRun run = call.Run;
        Tensor x = Dropout.Forward(run, call.X, dropout, call.Site.Name);
        Tensor y = LowRankAdd.Into(run, call.Product(call.X), x, run.Use(Pair.A), run.Use(Pair.B), Pair.Scale);
        if (factorBias is not null)
        {
            y = AddRow.Into(run, y, run.Use(factorBias), Pair.Scale);
        }
        Tensor b = bias is null ? call.Bias : run.Use(bias);
        return b.Exists ? AddRow.Into(run, y, b) : y;
    }

    /// <inheritdoc/>
    public override SiteForm? Lower(Site site, FactorStorage factors) => new()
    {
        LowRank = [SiteForm.PackLowRank(Pair.A.Value, Pair.B.Value, Pair.Scale, factors)],
        Bias = FormBias(site),
    };

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        if (factorBias is not null && site is LinearSite { Bias: null })
        {
            return false;
        }
        Pair.AddTo(weight);
        this.bias?.Value.Span.CopyTo(bias);
        if (factorBias is not null)
        {
            Elementwise.AddScaled(Pair.Scale, factorBias.Value.Span, bias);
        }
        return true;
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
