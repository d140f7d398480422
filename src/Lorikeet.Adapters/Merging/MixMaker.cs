using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Makes the factors of a weighted sum of low-rank adapters.</summary>
internal sealed class MixMaker : ITensorMaker
{
    private readonly IReadOnlyList<TrainedAdapter> adapters;
    private readonly bool stack;
    private readonly int rank;
    private readonly List<(Site Site, List<(LowRankPair Pair, double Weight)> Parts)> sites = [];
    private readonly Dictionary<string, List<(LowRankPair Pair, double Weight)>> byPath = [];

    public MixMaker(LanguageModel model, IReadOnlyList<TrainedAdapter> adapters, IReadOnlyList<double> weights, bool stack)
    {
        this.adapters = adapters;
        this.stack = stack;
        foreach (Site site in model.Sites)
        {
            List<(LowRankPair Pair, double Weight)> parts = [];
            for (int i = 0; i < adapters.Count; i++)
            {
                if (!ReferenceEquals(adapters[i].Model, model))
                {
                    throw new ArgumentException($"adapter {adapters[i].Name} was made for another model than {adapters[0].Name}", nameof(adapters));
                }
                if (adapters[i][site] is { } change)
                {
                    parts.Add(change is ILowRankChange { IsPlain: true } low
                        ? (low.Pair, weights[i] * low.Pair.Scale)
                        : throw new NotSupportedException(
                            $"adapter {adapters[i].Name} cannot be mixed: its change of {site} is not a plain low-rank one (DoRA, biases, whole modules and token rows are not)"));
                }
            }
            if (parts.Count > 0)
            {
                if (!stack && parts.Any(p => p.Pair.Rank != parts[0].Pair.Rank))
                {
                    throw new ArgumentException($"combination_type linear needs equal ranks: at {site} they are {string.Join(", ", parts.Select(p => p.Pair.Rank))}; use cat");
                }
                sites.Add((site, parts));
                byPath.Add(site.Name, parts);
            }
        }
        int[] ranks = [.. adapters.Select(a => new AdapterConfig(a.Config, AdapterFolder.ConfigName).Integer("r", 8, 1))];
        rank = stack ? ranks.Sum() : ranks.Max();
    }

    /// <summary>A configuration that says what the mix is, each module's scale being 1.</summary>
    public JsonObject Config()
    {
        JsonObject ranks = [], alphas = [];
        foreach ((Site site, List<(LowRankPair Pair, double Weight)> parts) in sites)
        {
            int own = RankOf(parts);
            if (own != rank)
            {
                ranks["^" + Regex.Escape(site.Name)] = own;
                alphas["^" + Regex.Escape(site.Name)] = own;
            }
        }
        JsonObject first = adapters[0].Config;
        return LoraOptions.Complete(new JsonObject
        {
            ["peft_type"] = "LORA",
            ["task_type"] = first["task_type"]?.DeepClone(),
            ["base_model_name_or_path"] = first["base_model_name_or_path"]?.DeepClone(),
            ["r"] = rank,
            ["lora_alpha"] = rank,
            ["rank_pattern"] = ranks,
            ["alpha_pattern"] = alphas,
            ["target_modules"] = new JsonArray([.. Targets().Select(t => (JsonNode)t)]),
        });
    }

    public bool Has(string key) => false;

    public Parameter Own(string key, Shape shape, out StoredType type)
    {
        type = StoredType.F32;
        string path = key[AdapterFile.Prefix.Length..key.LastIndexOf(".lora_", StringComparison.Ordinal)];
        bool isA = key.EndsWith(LoraKeys.A, StringComparison.Ordinal) || key.EndsWith(LoraKeys.EmbeddingA, StringComparison.Ordinal);
        Tensor value = Storage.Zeros(shape);
        int at = 0;
        foreach ((LowRankPair pair, double weight) in byPath[path])
        {
            ReadOnlySpan<float> from = (isA ? pair.A : pair.B).Value.Span;
            if (!stack)
            {
                double root = Math.Sqrt(Math.Abs(weight));
                Elementwise.AddScaled((float)(isA && weight < 0 ? -root : root), from, value.Span);
            }
            else if (isA)
            {
                Elementwise.AddScaled((float)weight, from, value.Span.Slice(at * shape.Width, from.Length));
            }
            else
            {
                for (int row = 0; row < shape.Rows; row++)
                {
                    pair.B.Value.Row(row).CopyTo(value.Row(row)[at..]);
                }
            }
            at += pair.Rank;
        }
        return new Parameter(key, value);
    }

    public Parameter Copy(string key, Shape shape, Action<Span<float>> read, out StoredType type) =>
        throw new InvalidOperationException($"{key}: a mix of low-rank changes copies nothing of the base's");

    private int RankOf(List<(LowRankPair Pair, double Weight)> parts) => stack ? parts.Sum(p => p.Pair.Rank) : parts[0].Pair.Rank;

    /// <summary>The union of the adapters' own lists where it names exactly the mixed modules, else their whole paths.</summary>
    private IEnumerable<string> Targets()
    {
        List<string> union = [];
        foreach (TrainedAdapter adapter in adapters)
        {
            if (adapter.Config["target_modules"] is not JsonArray)
            {
                return byPath.Keys;
            }
            union.AddRange(new AdapterConfig(adapter.Config, AdapterFolder.ConfigName).Texts("target_modules")!.Where(t => !union.Contains(t)));
        }
        JsonObject probe = new() { ["target_modules"] = new JsonArray([.. union.Select(t => (JsonNode)t)]) };
        ModuleMatcher matcher = new(new AdapterConfig(probe, AdapterFolder.ConfigName), adapters[0].Model.Config.ModelType, 1, 1);
        IEnumerable<string> named = matcher.Match(ModulePath.Of(adapters[0].Model)).Adapted.Select(m => m.Path);
        return named.SequenceEqual(byPath.Keys) ? union.Order(StringComparer.Ordinal) : byPath.Keys;
    }
}
