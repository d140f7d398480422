using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Proofs;

/// <summary>(IA)3 on an input: y = W (l o x) + bias: the form's Pre.</summary>
internal sealed class InputScale(Parameter l) : SiteAdapter
{
    public override IReadOnlyList<Parameter> Parameters => [l];

    public override Tensor Forward(in SiteCall call) => call.Base(MultiplyRow.Forward(call.Run, call.X, call.Run.Use(l)));

    public override SiteForm? Lower(Site site, FactorPacker packer) => new() { Pre = Proof.Copy(l.Value) };

    public override bool Merge(Site site, Span<float> weight, Span<float> bias)
    {
        for (int i = 0; i < weight.Length; i++)
        {
            weight[i] *= l.Value.Span[i % site.Inputs];
        }
        return true;
    }
}

/// <summary>(IA)3 on an output: y = l o (W x + bias): the form's Post, with a bias of its own.</summary>
internal sealed class OutputScale(Parameter l) : SiteAdapter
{
    public override IReadOnlyList<Parameter> Parameters => [l];

    public override Tensor Forward(in SiteCall call) => MultiplyRow.Forward(call.Run, call.Base(), call.Run.Use(l));

    public override SiteForm? Lower(Site site, FactorPacker packer)
    {
        Tensor bias = default;
        if (((LinearSite)site).Bias is { } own)
        {
            bias = Proof.Copy(own.Value);
            for (int i = 0; i < bias.Width; i++)
            {
                bias.Span[i] *= l.Value.Span[i];
            }
        }
        return new SiteForm { Post = Proof.Copy(l.Value), Bias = bias };
    }
}

/// <summary>A change without a batched form, at any site: y = base + x0 o l (here only where inputs and outputs are equal).</summary>
internal sealed class Unlowered(Parameter l) : SiteAdapter
{
    public override IReadOnlyList<Parameter> Parameters => [l];

    public override Tensor Forward(in SiteCall call) =>
        Sum.Into(call.Run, MultiplyRow.Forward(call.Run, call.X, call.Run.Use(l)), call.Base());
}
