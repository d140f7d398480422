using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>LoRA, or DoRA, at a token table: y[i] = W[t] + s B A[:, t], t = ids[i]; with DoRA c o that.</summary>
/// <remarks>Parameters: A [r, vocabulary], B [hidden, r], m [hidden] with DoRA. There is no dropout, as in PEFT.</remarks>
public sealed class LowRankEmbeddingSite : SiteAdapter, ILowRankChange
{
    private readonly DirectionNorm? norm;

    /// <summary>A change.</summary>
    /// <param name="pair">A, B and s.</param>
    /// <param name="magnitude">m of DoRA, [hidden], or null.</param>
    public LowRankEmbeddingSite(LowRankPair pair, Parameter? magnitude = null)
    {
        ArgumentNullException.ThrowIfNull(pair);
        Pair = pair;
        norm = magnitude is null ? null : new DirectionNorm(pair, magnitude);
        Parameters = magnitude is null ? [pair.A, pair.B] : [pair.A, pair.B, magnitude];
    }

    /// <summary>A, B and s.</summary>
    public LowRankPair Pair { get; }

    bool ILowRankChange.IsPlain => norm is null;

    /// <inheritdoc/>
    public override bool IsSum => ((ILowRankChange)this).IsPlain;

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; }

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        ModelRun run = call.Run;
        Tensor y = call.Base();
        Tensor h = GatherColumns.Forward(run, run.Use(Pair.A), call.Ids);
        y = Sum.Into(run, y, MatMul.Forward(run, h, run.Use(Pair.B), transposeB: true, scale: Pair.Scale));
        return norm is null ? y : MultiplyRow.Forward(run, y, norm.Factor(run, ((EmbeddingSite)call.Site).Weight, transposed: true));
    }

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        Pair.AddTransposedTo(weight);
        norm?.Apply(weight, weight.Length / site.Outputs, site.Outputs, transposed: true);
        return true;
    }
}
