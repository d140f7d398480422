using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Bench;

/// <summary>What <c>lorikeet bench train</c> trains, and how.</summary>
internal sealed record TrainBenchSettings
{
    /// <summary>An adapter method, or full: all weights.</summary>
    public string Method { get; init; } = "lora";

    /// <summary>The rank of an adapter on all linear layers, or of an optimiser's subspace.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>Sequences of a step.</summary>
    public int Sequences { get; init; } = 4;

    /// <summary>Tokens of each.</summary>
    public int Tokens { get; init; } = 128;

    /// <summary>Blocks are computed again in backward.</summary>
    public bool Checkpointing { get; init; }

    /// <summary>The optimiser.</summary>
    public string Optimizer { get; init; } = "adamw";

    /// <summary>Its own options.</summary>
    public IReadOnlyDictionary<string, string> OptimizerOptions { get; init; } = new Dictionary<string, string>();

    /// <summary>A step rule, or null.</summary>
    public string? StepRule { get; init; }

    /// <summary>Its own options.</summary>
    public IReadOnlyDictionary<string, string> StepRuleOptions { get; init; } = new Dictionary<string, string>();

    /// <summary>Parameters step inside backward.</summary>
    public bool PerLayer { get; init; }

    /// <summary>Of all weights: bf16 in place of float32.</summary>
    public bool Halves { get; init; }

    /// <summary>In words.</summary>
    public string Title => string.Join(", ", new[]
    {
        Method == "full" ? $"all weights in {(Halves ? "bf16" : "float32")}" : $"{Method}, rank {Rank}, all linear layers", Optimizer, PerLayer ? "per-layer steps" : null, StepRule,
    }.OfType<string>());

    /// <summary>The adapter, or null where all weights train; these are made trainable.</summary>
    public TrainedAdapter? Prepare(LanguageModel model)
    {
        if (Method == "full")
        {
            model.MakeTrainable(Halves);
            return null;
        }
        JsonObject options = new() { ["r"] = Rank, ["lora_alpha"] = Rank, ["target_modules"] = "all-linear" };
        return AdapterMethods.Find(Method).Create("bench", model, options, new CounterRandom(1));
    }

    /// <summary>The trainee of one batch again and again.</summary>
    public Trainee Trainee(LanguageModel model, TrainedAdapter? adapter, Batch batch)
    {
        HashSet<Parameter>? projected = adapter is null
            ? [.. model.Sites.OfType<LinearSite>().Where(site => !site.IsHead).SelectMany(site => site.Weight.Parameters)]
            : null;
        OptimizerSettings own = OptimizerOption.Read(new OptimizerSettings { Rank = Rank }, OptimizerOptions);
        return new Trainee(
            "bench", adapter, Training.Trainee.Group(adapter?.Parameters ?? model.TrainedParameters, 0, all: true, projected), new FixedBatches([batch]),
            Optimizers.Create(Optimizer, own), Schedule.Create("constant", new ScheduleSettings { Rate = 1e-4 }), null);
    }

    /// <summary>The rules around each step.</summary>
    public IReadOnlyList<IStepRule> Rules(LanguageModel model, Batch batch)
    {
        List<IStepRule> rules = [];
        if (StepRule is not null)
        {
            StepRuleSettings own = StepRuleOption.Read(new StepRuleSettings(), StepRuleOptions);
            rules.Add(StepRules.Create(StepRule, new StepRuleContext(model, own, new CounterRandom(1), count => Enumerable.Repeat(batch, count))));
        }
        if (PerLayer)
        {
            rules.Add(new PerLayerSteps());
        }
        return rules;
    }
}
