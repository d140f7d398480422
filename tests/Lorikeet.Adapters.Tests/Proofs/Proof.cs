using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Proofs;

/// <summary>The throw-away methods that prove the contract, by name.</summary>
internal static class Proof
{
    public static IReadOnlyList<string> Names { get; } =
        ["ia3-input", "ia3-output", "sparse", "unlowered", "output-site", "norm", "side", "mixer", "mixer-and-side", "everything"];

    public static Adapter Make(string name, LanguageModel model, ulong seed = 9)
    {
        CounterRandom random = new(seed);
        Adapter adapter = name switch
        {
            "mixer" => new MixerAdapter(name, model, 1, RecurrentMixer.Random(model, 1, random)),
            "mixer-and-side" or "everything" =>
                new MixerAdapter(name, model, 0, RecurrentMixer.Random(model, 0, random)) { Side = Ladder.Random(model, random) },
            "side" => new Adapter(name, model) { Side = Ladder.Random(model, random) },
            _ => new Adapter(name, model),
        };
        foreach (Site site in model.Sites)
        {
            if (Change(name, site, random) is { } change)
            {
                adapter.Set(site, change);
            }
        }
        return adapter;
    }

    public static Tensor Copy(in Tensor from)
    {
        Tensor to = Storage.Zeros(from.Shape);
        from.Span.CopyTo(to.Span);
        return to;
    }

    public static Parameter Normal(string name, Shape shape, CounterRandom random, float deviation, float mean = 0f)
    {
        Tensor value = Storage.Zeros(shape);
        random.Named(name).FillNormal(value.Span, deviation);
        foreach (ref float number in value.Span)
        {
            number += mean;
        }
        return new Parameter(name, value);
    }

    private static SiteAdapter? Change(string name, Site site, CounterRandom random) => name switch
    {
        "ia3-input" when site.Name.EndsWith("down_proj", StringComparison.Ordinal) => new InputScale(Vector(site, site.Inputs)),
        "ia3-output" when site.Name.EndsWith("v_proj", StringComparison.Ordinal) => new OutputScale(Vector(site, site.Outputs)),
        "sparse" or "everything" when site is LinearSite linear && site.Name.EndsWith("up_proj", StringComparison.Ordinal) => SparseAdd.Random(linear, random),
        // In block 0 of "everything" the attention is replaced, and its projections with it.
        "everything" when site.Layer != 0 && site.Name.EndsWith("q_proj", StringComparison.Ordinal) => new Unlowered(Vector(site, site.Inputs)),
        "unlowered" when site.Name.EndsWith("q_proj", StringComparison.Ordinal) || site.Name.EndsWith("o_proj", StringComparison.Ordinal) =>
            new Unlowered(Vector(site, site.Inputs)),
        "output-site" when site is OutputSite => new OutputScale(Vector(site, site.Outputs)),
        "norm" when site is NormSite => new OutputScale(Vector(site, site.Outputs)),
        _ => null,
    };

    private static Parameter Vector(Site site, int length) => Normal(site.Name + ".l", new Shape(length), new CounterRandom(4), 0.2f, 1f);
}
