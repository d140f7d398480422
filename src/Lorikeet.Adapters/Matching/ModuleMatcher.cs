using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>Chooses a model's modules by the keys that all of PEFT's configurations share.</summary>
/// <remarks>
/// The rules of PEFT 0.21, in this order: exclude_modules, modules_to_save, target_modules, layers_to_transform with layers_pattern; then ranks by
/// rank_pattern and alphas by alpha_pattern, the first key that matches each.
/// </remarks>
public sealed class ModuleMatcher
{
    private readonly AdapterConfig config;
    private readonly int rank;
    private readonly double alpha;
    private readonly IReadOnlyList<string> savedEntries;
    private readonly Func<ModulePath, bool> targeted;
    private readonly Func<string, bool> excluded;
    private readonly Func<string, bool> inLayers;
    private readonly List<(PathPattern Pattern, string Key, int Value)> ranks = [];
    private readonly List<(PathPattern Pattern, string Key, double Value)> alphas = [];
    private readonly IReadOnlyList<string>? exact;
    private readonly IReadOnlyList<string> parameters;

    /// <summary>Reads the rules.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="modelType">The architecture, for targets that are null.</param>
    /// <param name="rank">r, for modules that no rank_pattern names.</param>
    /// <param name="alpha">alpha, for modules that no alpha_pattern names.</param>
    /// <exception cref="BadFileException">A rule is not well formed, or contradicts another.</exception>
    public ModuleMatcher(AdapterConfig config, string modelType, int rank, double alpha)
    {
        ArgumentNullException.ThrowIfNull(config);
        this.config = config;
        this.rank = rank;
        this.alpha = alpha;
        savedEntries = Saved();
        parameters = config.Texts("target_parameters") ?? [];
        (targeted, exact) = Target(modelType);
        excluded = Exclusion();
        inLayers = Layers();
        foreach ((string key, JsonNode? value) in config.Entries("rank_pattern"))
        {
            ranks.Add((PathPattern.Tail(config, "rank_pattern", key), key, config.Integer($"rank_pattern['{key}']", value ?? throw Null(key), 1, int.MaxValue)));
        }
        foreach ((string key, JsonNode? value) in config.Entries("alpha_pattern"))
        {
            alphas.Add((PathPattern.Tail(config, "alpha_pattern", key), key, config.Number($"alpha_pattern['{key}']", value ?? throw Null(key))));
        }
    }

    /// <summary>Chooses modules.</summary>
    /// <param name="modules">All modules of the model in its order.</param>
    /// <exception cref="BadFileException">Nothing matches, or what matches cannot be adapted.</exception>
    public ModuleMatch Match(IReadOnlyList<ModulePath> modules)
    {
        ArgumentNullException.ThrowIfNull(modules);
        List<MatchedModule> adapted = [];
        List<ModulePath> saved = [];
        HashSet<string> usedKeys = [];
        bool anyLeftOut = false, parameterFound = false;
        foreach (ModulePath module in modules)
        {
            if (savedEntries.Any(entry => module.Path.EndsWith(entry, StringComparison.Ordinal)))
            {
                saved.Add(module);
            }
            parameterFound |= AddParameters(module, adapted, usedKeys);
            bool hit = targeted(module) && (exact?.Contains(module.Path) == true || inLayers(module.Path));
            if (!hit)
            {
                continue;
            }
            if (excluded(module.Path) || savedEntries.Any(entry => Holds(module.Path, entry)))
            {
                anyLeftOut = true;
                continue;
            }
            Add(module, adapted, usedKeys);
        }
        if (parameters.Count > 0 && !parameterFound)
        {
            throw config.Bad($"target_parameters {string.Join(", ", parameters.Take(4))} matches nothing; expected ends of paths such as mlp.experts.down_proj of a model with experts, or q_proj.weight.");
        }
        if (adapted.Count == 0)
        {
            throw anyLeftOut
                ? config.Bad("exclude_modules and modules_to_save leave nothing of what target_modules names; expected at least one module.")
                : config.Bad($"target_modules {Shown()} matches nothing; {Offered(modules)}");
        }
        return new ModuleMatch(adapted, saved, exact, Warnings(usedKeys));
    }

    /// <summary>What target_parameters names of a module: its matrix, or experts' stacked ones, of which the later one wraps the earlier.</summary>
    private bool AddParameters(ModulePath module, List<MatchedModule> adapted, HashSet<string> usedKeys)
    {
        int before = adapted.Count;
        if (module.Kind == ModuleKind.Experts)
        {
            bool gateUp = Named(module.Path + ".gate_up_proj"), down = Named(module.Path + ".down_proj");
            if (down)
            {
                adapted.Add(Ranked(module.Path, module.Path + ".down_proj", ModuleKind.Experts, 1, usedKeys) with { Stacked = "down_proj" });
            }
            if (gateUp)
            {
                adapted.Add(Ranked(module.Path + (down ? ".base_layer" : ""), module.Path + ".gate_up_proj", ModuleKind.Experts, 1, usedKeys) with { Stacked = "gate_up_proj" });
            }
        }
        else if (module.Kind is ModuleKind.Linear or ModuleKind.Router && Named(module.Path + ".weight"))
        {
            adapted.Add(Ranked(module.Path, module.Path + ".weight", module.Kind, 1, usedKeys));
        }
        return adapted.Count > before;

        bool Named(string path) => parameters.Any(p => EndsWith(path, p));
    }

    private void Add(ModulePath module, List<MatchedModule> adapted, HashSet<string> usedKeys)
    {
        if (module.Kind == ModuleKind.Other)
        {
            throw config.Bad($"target_modules names {module.Path}, which is no linear layer, embedding or convolution; expected one of these.");
        }
        if (module.Kind != ModuleKind.Experts)
        {
            adapted.Add(Ranked(module.Path, module.Path, module.Kind, 1, usedKeys));
            return;
        }
        adapted.Add(Ranked(module.Path, module.Path, module.Kind, 1, usedKeys) with { Stacked = "down_proj" });
        // The inner of two nested changes: gate and up are stacked in one parameter, which gets twice the rank at the same scale.
        adapted.Add(Ranked(module.Path + ".base_layer", module.Path, module.Kind, 2, usedKeys) with { Stacked = "gate_up_proj" });
    }

    private MatchedModule Ranked(string path, string named, ModuleKind kind, int times, HashSet<string> usedKeys)
    {
        int r = rank;
        double a = alpha;
        foreach ((PathPattern pattern, string key, int value) in ranks)
        {
            if (pattern.Matches(named))
            {
                r = value;
                usedKeys.Add("rank_pattern " + key);
                break;
            }
        }
        foreach ((PathPattern pattern, string key, double value) in alphas)
        {
            if (pattern.Matches(named))
            {
                a = value;
                usedKeys.Add("alpha_pattern " + key);
                break;
            }
        }
        return new MatchedModule(path, kind, checked(times * r), times * a);
    }

    private List<string> Warnings(HashSet<string> usedKeys)
    {
        List<string> warnings = [];
        foreach (string key in ranks.Select(p => "rank_pattern " + p.Key).Concat(alphas.Select(p => "alpha_pattern " + p.Key)))
        {
            if (!usedKeys.Contains(key))
            {
                warnings.Add($"{key} matches no adapted module and has no effect");
            }
        }
        return warnings;
    }

    private (Func<ModulePath, bool> Targeted, IReadOnlyList<string>? Exact) Target(string modelType)
    {
        JsonNode? node = config.Json["target_modules"];
        if (node is JsonValue value && value.GetValueKind() == JsonValueKind.String)
        {
            string pattern = value.GetValue<string>();
            if (config.Has("layers_to_transform") || config.Has("layers_pattern"))
            {
                throw config.Bad("layers_to_transform and layers_pattern cannot be used when target_modules is a string; expected a list of suffixes.");
            }
            if (string.Equals(pattern, "all-linear", StringComparison.OrdinalIgnoreCase))
            {
                return (m => m.Kind is ModuleKind.Linear or ModuleKind.Router or ModuleKind.Experts, null);
            }
            PathPattern whole = PathPattern.Whole(config, "target_modules", pattern);
            return (m => whole.Matches(m.Path), null);
        }
        IReadOnlyList<string>? suffixes = config.Texts("target_modules");
        if (parameters.Count > 0 && suffixes is null or { Count: 0 })
        {
            return (_ => false, []);
        }
        if (suffixes is null)
        {
            suffixes = DefaultTargets.Of(modelType)
                ?? throw config.Bad($"target_modules is null, and the architecture {modelType} has no default; expected a list of module names.");
        }
        else if (suffixes.Count == 0)
        {
            throw config.Bad("target_modules is empty and nothing else is targeted; expected a list of module names.");
        }
        return (m => suffixes.Any(s => EndsWith(m.Path, s)), suffixes);
    }

    private Func<string, bool> Exclusion()
    {
        JsonNode? node = config.Json["exclude_modules"];
        if (node is JsonValue value && value.GetValueKind() == JsonValueKind.String)
        {
            PathPattern whole = PathPattern.Whole(config, "exclude_modules", value.GetValue<string>());
            return whole.Matches;
        }
        IReadOnlyList<string> suffixes = config.Texts("exclude_modules") ?? [];
        return path => suffixes.Any(s => EndsWith(path, s));
    }

    private IReadOnlyList<string> Saved()
    {
        List<string> entries = [.. config.Texts("modules_to_save") ?? []];
        string[] heads = config.Text("task_type") switch
        {
            "SEQ_CLS" or "TOKEN_CLS" => ["classifier", "score"],
            "QUESTION_ANS" => ["qa_outputs"],
            _ => [],
        };
        entries.AddRange(heads.Where(h => !entries.Contains(h)));
        return entries.Contains("") ? throw config.Bad("modules_to_save has an empty name; expected names of modules.") : entries;
    }

    private Func<string, bool> Layers()
    {
        IReadOnlyList<int>? layers = config.Integers("layers_to_transform");
        bool restricted = layers is { Count: > 0 };
        IReadOnlyList<string> patterns = config.Json["layers_pattern"] is JsonValue value && value.GetValueKind() == JsonValueKind.String
            ? [value.GetValue<string>()]
            : config.Texts("layers_pattern") ?? [];
        if (patterns.Count > 0 && !restricted)
        {
            throw config.Bad("layers_pattern is given without layers_to_transform; expected both or neither.");
        }
        if (!restricted)
        {
            return _ => true;
        }
        PathPattern[] places = patterns.Count == 0
            ? [PathPattern.Layer(config, "layers_to_transform", "")]
            : [.. patterns.Select(p => PathPattern.Layer(config, "layers_pattern", p))];
        return path =>
        {
            foreach (PathPattern place in places)
            {
                if (place.LayerOf(path) is { } layer)
                {
                    return layers!.Contains(layer);
                }
            }
            return false;
        };
    }

    private BadFileException Null(string key) => config.Bad($"the value of the pattern '{key}' is null; expected a number.");

    private static bool EndsWith(string path, string suffix) =>
        path.EndsWith(suffix, StringComparison.Ordinal) && (path.Length == suffix.Length || path[^(suffix.Length + 1)] == '.');

    /// <summary>The regular expression <c>(^|.*\.)entry($|\..*)</c>: the entry is the path, or whole parts of it.</summary>
    private static bool Holds(string path, string entry) => $".{path}.".Contains($".{entry}.", StringComparison.Ordinal);

    private string Shown()
    {
        string text = config.Json["target_modules"]?.ToJsonString() ?? "null";
        return text.Length <= 120 ? text : string.Concat(text.AsSpan(0, 117), "...");
    }

    private static string Offered(IReadOnlyList<ModulePath> modules)
    {
        IEnumerable<string> names = modules.Where(m => m.Kind is not ModuleKind.Other).Select(m => m.Path[(m.Path.LastIndexOf('.') + 1)..]).Distinct();
        return $"the base has {string.Join(", ", names.Take(12))}.";
    }
}
