using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Sites;

/// <summary>Adapters at every linear layer but the head, made from parts of the contract alone.</summary>
internal static class TinyAdapters
{
    /// <summary>A low-rank change, with a batched form or without one.</summary>
    public static Adapter LowRank(LanguageModel model, string name, ulong seed, int rank, bool lowers = true) =>
        Make(model, name, new CounterRandom(seed), (site, random) => new LowRankChange(site, random, rank, lowers));

    /// <summary>A scaled input.</summary>
    public static Adapter Scaled(LanguageModel model, string name, ulong seed) =>
        Make(model, name, new CounterRandom(seed), (site, random) => new ScaledInput(site, random));

    private static Adapter Make(LanguageModel model, string name, CounterRandom random, Func<LinearSite, CounterRandom, SiteAdapter> change)
    {
        Adapter adapter = new(name, model);
        foreach (LinearSite site in model.Sites.OfType<LinearSite>().Where(s => !s.IsHead))
        {
            adapter.Set(site, change(site, random.Named(site.Name)));
        }
        return adapter;
    }

    private static Parameter Normal(string name, CounterRandom random, Shape shape)
    {
        Tensor value = Storage.Zeros(shape);
        random.Named(name).FillNormal(value.Span, 0.2f);
        return new Parameter(name, value);
    }

    private sealed class LowRankChange(LinearSite site, CounterRandom random, int rank, bool lowers) : SiteAdapter
    {
        private readonly Parameter a = Normal("a", random, new Shape(rank, site.Inputs)), b = Normal("b", random, new Shape(site.Outputs, rank));

        public override IReadOnlyList<Parameter> Parameters => [a, b];

        public override Tensor Forward(in SiteCall call) =>
            LowRankAdd.Into(call.Run, call.Base(), call.X, call.Run.Use(a), call.Run.Use(b), 0.5f);

        public override SiteForm? Lower(Site site, FactorPacker packer) => lowers ? new SiteForm { LowRank = [packer.LowRank(a, b, 0.5f)] } : null;
    }

    private sealed class ScaledInput(LinearSite site, CounterRandom random) : SiteAdapter
    {
        private readonly Parameter scale = Normal("scale", random, new Shape(site.Inputs));

        public override IReadOnlyList<Parameter> Parameters => [scale];

        public override Tensor Forward(in SiteCall call) => call.Base(MultiplyRow.Forward(call.Run, call.X, call.Run.Use(scale)));

        public override SiteForm Lower(Site site, FactorPacker packer)
        {
            Tensor copy = Storage.Zeros(scale.Value.Shape);
            scale.Value.Span.CopyTo(copy.Span);
            return new SiteForm { Pre = copy };
        }
    }
}
