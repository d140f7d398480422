using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Works out all merged weights first and exchanges them last: a merge that cannot be done leaves the model as it was.</summary>
internal sealed class Merger(LanguageModel model, Adapter adapter, ElementType type)
{
    private readonly Dictionary<object, float[]> matrices = [];
    private readonly List<(Site Site, object Group, float[] Bias, float[] OldBias)> done = [];
    private readonly List<string> warnings = [];

    public MergedModel Run()
    {
        if (!ReferenceEquals(adapter.Model, model))
        {
            throw new ArgumentException($"adapter {adapter.Name} was made for another model");
        }
        if (adapter.Side is not null || Enumerable.Range(0, model.Blocks.Count).Any(layer => adapter.Mixer(layer) is not null))
        {
            throw Cannot("it brings parts that are no weights");
        }
        if (adapter.Classifier is not null)
        {
            warnings.Add($"adapter {adapter.Name}: its classification head is no weight of the model and is left out");
        }
        foreach ((Site site, SiteAdapter change) in adapter.Changes)
        {
            Fold(site, change);
        }
        foreach (float[] values in matrices.Values)
        {
            int bad = Array.FindIndex(values, v => !float.IsFinite(v));
            if (bad >= 0)
            {
                throw new InvalidOperationException($"adapter {adapter.Name}: merging gives a weight that is not finite (element {bad}); nothing was changed");
            }
        }
        return Exchange();
    }

    private void Fold(Site site, SiteAdapter change)
    {
        // Sites that share the base's matrix share the merged one too, unless the adapter brings a matrix of its own.
        object? group = site is NormSite norm ? norm : change is ReplacedWeightSite replaced ? replaced.Weight : WeightOf(site);
        if (group is null)
        {
            throw Cannot($"its change of {site} acts on no weight");
        }
        if (!matrices.TryGetValue(group, out float[]? values))
        {
            values = site is NormSite of ? of.Weight.Value.Span.ToArray() : WeightOf(site)!.ToArray();
            matrices.Add(group, values);
        }
        Parameter? bias = BiasOf(site);
        float[] shift = bias is null ? new float[site.Outputs] : bias.Value.Span.ToArray();
        float[] before = (float[])shift.Clone();
        if (!change.Merge(site, values, shift) || (bias is null && shift.AsSpan().IndexOfAnyExcept(0f) >= 0))
        {
            throw Cannot($"its change of {site} does not fold into the weight");
        }
        done.Add((site, group, shift, before));
    }

    private MergedModel Exchange()
    {
        Warn();
        MergedModel merged = new(model, warnings);
        Dictionary<object, Weight> packed = [];
        foreach ((Site site, object group, float[] shift, float[] before) in done)
        {
            if (site is NormSite norm)
            {
                Vector(merged, site.Name + ".weight", matrices[group], norm.Weight, p => norm.Weight = p);
            }
            else if (group is not Weight original || !ReferenceEquals(original, WeightOf(site)) || !matrices[group].AsSpan().SequenceEqual(original.ToArray()))
            {
                if (!packed.TryGetValue(group, out Weight? weight))
                {
                    Weight old = WeightOf(site)!;
                    packed.Add(group, weight = new DenseWeight(matrices[group], old.Outputs, old.Inputs, type));
                    merged.Own(weight);
                }
            }
            if (!shift.AsSpan().SequenceEqual(before) && BiasOf(site) is { } bias)
            {
                Vector(merged, site.Name + ".bias", shift, bias, p => SetBias(site, p));
            }
        }
        foreach (Site site in model.Sites)
        {
            object? own = done.FirstOrDefault(d => d.Site == site).Group ?? WeightOf(site);
            if (own is not null && packed.TryGetValue(own, out Weight? weight))
            {
                Weight old = WeightOf(site)!;
                merged.Exchange(site.Name + ".weight", () => SetWeight(site, weight), () => SetWeight(site, old));
            }
        }
        LinearSite head = model.Head.Sites[0];
        if (head.Tied && !ReferenceEquals(head.Weight, model.Embedding.Weight))
        {
            merged.Exchange("lm_head.weight", () => head.Tied = false, () => head.Tied = true);
        }
        return merged;
    }

    private void Warn()
    {
        LinearSite head = model.Head.Sites[0];
        if (!head.Tied || !done.Exists(d => ReferenceEquals(d.Group, head.Weight)))
        {
            return;
        }
        if (adapter[head] is null || adapter[model.Embedding] is null)
        {
            warnings.Add($"{adapter.Name} changes the token table, which is the output head too: merged, it changes both, unmerged one of them");
        }
        else if (adapter[head]!.Parameters.Count > 0 && adapter[model.Embedding]!.Parameters.Count > 0)
        {
            // As PEFT does it. A change without parameters of its own is the other one: the table holds it once.
            warnings.Add($"{adapter.Name} changes the token table and, apart from it, the output head, which is the same matrix: merged, it holds both changes");
        }
    }

    private static void Vector(MergedModel merged, string name, float[] values, Parameter old, Action<Parameter> set)
    {
        if (old.Value.Span.SequenceEqual(values))
        {
            return;
        }
        Tensor value = Storage.Zeros(old.Value.Shape);
        values.CopyTo(value.Span);
        Parameter own = new(old.Name, value, trainable: false);
        merged.Own(own);
        merged.Exchange(name, () => set(own), () => set(old));
    }

    private NotSupportedException Cannot(string why) => new($"adapter {adapter.Name} cannot be merged: {why}; serve it beside the base");

    private static Weight? WeightOf(Site site) => (site as LinearSite)?.Weight ?? (site as EmbeddingSite)?.Weight;

    private static Parameter? BiasOf(Site site) => (site as LinearSite)?.Bias ?? (site as NormSite)?.Bias;

    private static void SetWeight(Site site, Weight weight)
    {
        if (site is LinearSite linear)
        {
            linear.Weight = weight;
        }
        else
        {
            ((EmbeddingSite)site).Weight = weight;
        }
    }

    private static void SetBias(Site site, Parameter bias)
    {
        if (site is LinearSite linear)
        {
            linear.Bias = bias;
        }
        else
        {
            ((NormSite)site).Bias = bias;
        }
    }
}
