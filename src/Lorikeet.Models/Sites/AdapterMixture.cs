using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Several adapters at once, each with a weight: y = W x + sum over i of w_i D_i(x), D_i being what adapter i adds.</summary>
/// <remarks>
/// It reads the adapters' own factors and copies none: a mixture costs no memory. The adapters are not owned and must outlive it. Only changes that
/// are sums can be weighed (<see cref="SiteAdapter.IsSum"/>): a scale of the outputs, or a prefix, has no weighted sum.
/// </remarks>
public sealed class AdapterMixture : Adapter
{
    /// <summary>Mixes adapters in the order given; the sum's bits depend on it.</summary>
    /// <param name="name">The mixture's name in messages.</param>
    /// <param name="parts">The adapters, all made for one model, and their weights.</param>
    /// <exception cref="ArgumentException">There is none, or an adapter cannot be weighed; the message names it.</exception>
    public AdapterMixture(string name, IReadOnlyList<(Adapter Adapter, float Weight)> parts)
        : base(name, Model(parts))
    {
        foreach ((Adapter adapter, _) in parts)
        {
            string? hindrance = Hindrance(adapter);
            if (hindrance is not null)
            {
                throw new ArgumentException($"adapter {adapter.Name} cannot be mixed: {hindrance}", nameof(parts));
            }
        }
        foreach (Site site in base.Model.Sites)
        {
            (Adapter, SiteAdapter, float)[] own = [.. parts.Where(p => p.Adapter[site] is not null).Select(p => (p.Adapter, p.Adapter[site]!, p.Weight))];
            if (own.Length > 0)
            {
                Set(site, new MixedChange(own));
            }
        }
    }

    /// <summary>Why an adapter cannot be weighed in a mixture; null: it can.</summary>
    /// <param name="adapter">The adapter.</param>
    public static string? Hindrance(Adapter adapter)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        if (adapter.Side is not null)
        {
            return "it has a side network";
        }
        for (int layer = 0; layer < adapter.Model.Blocks.Count; layer++)
        {
            if (adapter.Mixer(layer) is not null)
            {
                return $"it replaces the mixer of block {layer}";
            }
        }
        foreach ((Site site, SiteAdapter change) in adapter.Changes)
        {
            if (!change.IsSum)
            {
                return $"its change of {site} is not a plain sum (DoRA, FLoRA, (IA)3, biases and whole modules are not)";
            }
        }
        return null;
    }

    private static new LanguageModel Model(IReadOnlyList<(Adapter Adapter, float Weight)> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Count == 0)
        {
            throw new ArgumentException("a mixture of no adapters; expected at least one", nameof(parts));
        }
        LanguageModel model = parts[0].Adapter.Model;
        foreach ((Adapter adapter, _) in parts)
        {
            if (!ReferenceEquals(adapter.Model, model))
            {
                throw new ArgumentException($"adapter {adapter.Name} was made for another model than {parts[0].Adapter.Name}", nameof(parts));
            }
        }
        return model;
    }

    private sealed class MixedChange((Adapter Adapter, SiteAdapter Change, float Weight)[] parts) : SiteAdapter
    {
        public override bool IsSum => true;

        public override Tensor Forward(in SiteCall call)
        {
            ModelRun run = call.Run;
            if (run.Tape is not null)
            {
                throw new InvalidOperationException("a mixture of adapters is for serving: it cannot be recorded; merge the adapters to train them further");
            }
            // Each change gets a base answer of its own: it may work in place.
            Tensor y = run.Allocate(call.X.Exists ? call.X.Rows : call.Ids.Length, call.Site.Outputs);
            call.Fresh().Base().Span.CopyTo(y.Span);
            Tensor plain = run.Allocate(y.Rows, y.Width);
            y.Span.CopyTo(plain.Span);
            foreach ((_, SiteAdapter change, float weight) in parts)
            {
                Tensor own = change.Forward(call.Fresh());
                Elementwise.AddScaled(weight, own.Span, y.Span);
                Elementwise.AddScaled(-weight, plain.Span, y.Span);
            }
            return y;
        }

        public override SiteForm? Lower(Site site, FactorPacker packer)
        {
            List<LowRankPart> all = [];
            foreach ((Adapter adapter, _, float weight) in parts)
            {
                if (adapter.Form(site) is not { IsLowRankOnly: true } form)
                {
                    return null;
                }
                all.AddRange(form.LowRank.Select(part => part with { Scale = weight * part.Scale }));
            }
            return new SiteForm { LowRank = all, OwnsFactors = false };
        }
    }
}
