using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>A norm with a scale and shift of the adapter's own.</summary>
/// <param name="ownWeight">[hidden], or null: the base's.</param>
/// <param name="ownBias">[hidden], or null: the base's, if it has one.</param>
public sealed class ReplacedNormSite(Parameter? ownWeight, Parameter? ownBias) : SiteAdapter
{
    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; } = [.. new[] { ownWeight, ownBias }.OfType<Parameter>()];

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        NormSite norm = (NormSite)call.Site;
        Parameter? shift = ownBias ?? norm.Bias;
        return norm.Normalise(call.Run, call.X, call.Run.Use(ownWeight ?? norm.Weight), shift is null ? default : call.Run.Use(shift));
    }

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        ownWeight?.Value.Span.CopyTo(weight);
        ownBias?.Value.Span.CopyTo(bias);
        return true;
    }
}
