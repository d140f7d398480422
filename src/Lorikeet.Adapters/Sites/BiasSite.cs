using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Another bias at a linear layer: y = W x + b', the weight unchanged.</summary>
/// <param name="own">b', [outputs].</param>
public sealed class BiasSite(Parameter own) : SiteAdapter
{
    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; } = [own];

    /// <inheritdoc/>
    public override Tensor Forward(in SiteCall call) => AddRow.Into(call.Run, call.Product(call.X), call.Run.Use(own));

    /// <inheritdoc/>
    public override SiteForm? Lower(Site site, FactorPacker packer)
    {
        Tensor copy = Storage.Zeros(own.Value.Shape);
        own.Value.Span.CopyTo(copy.Span);
        return new SiteForm { Bias = copy };
    }

    /// <inheritdoc/>
    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        own.Value.Span.CopyTo(bias);
        return true;
    }
}
