using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>A whole weight of the adapter's own in the base's place: a linear layer, the head, or a token table saved whole.</summary>
/// <param name="weight">[outputs, inputs].</param>
/// <param name="ownBias">[outputs], or null where the layer has none.</param>
/// <param name="shared">True where the weight belongs to another site's change (a tied head): it is trained and counted there.</param>
public sealed class ReplacedWeightSite(TrainableWeight weight, Parameter? ownBias = null, bool shared = false) : SiteAdapter
{
    /// <summary>The weight.</summary>
    public TrainableWeight Weight { get; } = weight;

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; } =
        shared ? [] : ownBias is null ? [weight.Parameter] : [weight.Parameter, ownBias];

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call)
    {
        ModelRun run = call.Run;
        return call.Site is EmbeddingSite
            ? Embedding.Forward(run, Weight, call.Ids)
            : Linear.Forward(run, Weight.Prepare(run, call.X), Weight, ownBias is null ? default : run.Use(ownBias));
    }

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        Weight.Parameter.Value.Span.CopyTo(weight);
        ownBias?.Value.Span.CopyTo(bias);
        return true;
    }
}
