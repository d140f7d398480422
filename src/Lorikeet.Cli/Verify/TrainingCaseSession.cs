using System.Text.Json;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify;

/// <summary>Model, adapter, optimiser and trainer of a case of the area <c>training</c>, made from its settings.</summary>
internal sealed class TrainingCaseSession : IDisposable
{
    /// <summary>The settings that a case may have.</summary>
    public static readonly IReadOnlySet<string> Settings = new HashSet<string>
    {
        "optimizer", "lr", "betas", "eps", "weight_decay", "no_decay", "schedule", "warmup_steps", "training_steps", "clip", "accumulation", "scale", "r", "r0", "lora_alpha",
        "gradient_checkpointing", "loss_convention", "loraplus_lr_ratio", "rank", "update_proj_gap", "proj_type", "projected", "interval", "active_layers_by_period", "pissa",
    };

    private readonly ModelRun run = new();
    private readonly JsonElement root;
    private readonly JsonElement settings;
    private readonly SafetensorsFile? projections;

    public TrainingCaseSession(string folder, JsonElement root, bool checkpointing, bool wholeBase = false)
    {
        this.root = root;
        settings = root.GetProperty("settings");
        string name = root.GetProperty("base").GetString()!;
        List<Batch> batches = BatchFile.Read(Path.Combine(TrainingReference.Beside(folder, root.GetProperty("data").GetString()!), "batches.safetensors"));
        string given = Path.Combine(folder, "projections.safetensors"), start = Path.Combine(folder, "adapter-initial");
        projections = File.Exists(given) ? SafetensorsFile.Open(given) : null;
        Model = ModelLoader.Load(Path.Combine(folder, "..", "bases", name));
        if (Directory.Exists(start))
        {
            Adapter = !wholeBase && ResidualBase.Is(folder) ? ResidualBase.Load(folder, start, Model) : AdapterFolder.Load(start, Model);
        }
        else
        {
            Model.MakeTrainable();
        }
        IOptimizer optimizer = Optimizer();
        ScheduleSettings schedule = new()
        {
            Rate = settings.GetProperty("lr").GetDouble(),
            Warmup = settings.TryGetProperty("warmup_steps", out JsonElement warmup) ? warmup.GetInt32() : 0,
            Steps = settings.GetProperty("training_steps").GetInt32(),
        };
        Trainee = new Trainee(
            name, Adapter, Groups(), new FixedBatches(batches), optimizer, Schedule.Create(settings.GetProperty("schedule").GetString()!, schedule), Number("clip"));
        Trainer = new Trainer(Model, [Trainee], new TrainerOptions
        {
            Accumulation = settings.GetProperty("accumulation").GetInt32(),
            Checkpointing = checkpointing,
            Mean = Mean(),
            Rules = settings.TryGetProperty("active_layers_by_period", out JsonElement periods) ? [Drawn(periods)] : [],
        });
    }

    public LanguageModel Model { get; }

    public TrainedAdapter? Adapter { get; }

    public Trainee Trainee { get; }

    public Trainer Trainer { get; }

    /// <summary>The likeliest next token, and how far it is before the second.</summary>
    public (int Best, double Gap) Next(List<int> tokens)
    {
        run.Arena.Reset();
        run.OwnForwards = true;
        run.Rows = new Rows(tokens.Count);
        run.Plan = BatchPlan.For(Adapter, tokens.Count);
        Tensor hidden = Model.Forward(run, Input.Of([.. tokens]));
        run.Plan = null;
        Span<float> logits = Model.Logits(run, hidden.ViewRows(tokens.Count - 1, 1)).Row(0);
        int best = Reduce.ArgMax(logits);
        float most = logits[best];
        logits[best] = float.NegativeInfinity;
        return (best, most - Reduce.Max(logits));
    }

    public void Dispose()
    {
        Trainer.Dispose();
        Trainee.Dispose();
        run.Dispose();
        projections?.Dispose();
        Adapter?.Dispose();
        Model.Dispose();
    }

    private IOptimizer Optimizer()
    {
        string source = settings.TryGetProperty("optimizer", out JsonElement named) ? named.GetString()! : root.GetProperty("source").GetString()!;
        string name = source.Contains("GaLoreAdamW", StringComparison.Ordinal) || settings.TryGetProperty("update_proj_gap", out _) ? "galore"
            : source.Contains("LoraFAOptimizer", StringComparison.Ordinal) ? "lora-fa"
            : source == "torch.optim.AdamW" || !settings.TryGetProperty("optimizer", out _) ? "adamw"
            : throw new NotSupportedException($"the optimiser {source} is not built yet: this version has {string.Join(", ", Optimizers.All.Keys)}");
        return Optimizers.Create(name, new OptimizerSettings
        {
            Beta1 = settings.TryGetProperty("betas", out JsonElement betas) ? betas[0].GetDouble() : null,
            Beta2 = settings.TryGetProperty("betas", out betas) ? betas[1].GetDouble() : null,
            Eps = Number("eps"),
            Rank = name == "galore" ? settings.GetProperty("rank").GetInt32() : null,
            Period = name == "galore" ? settings.GetProperty("update_proj_gap").GetInt32() : null,
            Scale = name == "galore" ? Number("scale") : null,
            Side = name == "galore" && settings.TryGetProperty("proj_type", out JsonElement side) ? OptimizerCaseSettings.Side(side) : null,
            Replace = projections is null ? null : own => new GivenSubspace(own, projections, () => Trainer.Step + 1),
            Pairs = name == "lora-fa" ? LoraFa.Freeze(Adapter ?? throw new NotSupportedException("LoRA-FA without an adapter is not built")) : null,
        });
    }

    /// <summary>LISA with the draws of the case; what becomes of moments stands in its words alone.</summary>
    private LayerSampling Drawn(JsonElement periods)
    {
        string what = root.GetProperty("what").GetString()!;
        RestingMoments moments = what.Contains("dropped", StringComparison.Ordinal) ? RestingMoments.Drop
            : what.Contains("kept", StringComparison.Ordinal) ? RestingMoments.Keep
            : throw new NotSupportedException($"{what}: it is not said whether moments of resting layers are kept or dropped");
        return new LayerSampling("lisa", LayerSampling.LayersOf(Model), new GivenDraw(periods), settings.GetProperty("interval").GetInt32(), moments);
    }

    private IReadOnlyList<ParameterGroup> Groups()
    {
        double decay = Number("weight_decay") ?? 0;
        if (Number("loraplus_lr_ratio") is { } ratio)
        {
            return LoraPlus.Group(Adapter!, decay, ratio, settings.GetProperty("lr").GetDouble());
        }
        HashSet<string> plain = Names("no_decay"), projected = Projected();
        Dictionary<Parameter, string> names = Adapter is null
            ? Model.TrainedParameters.ToDictionary(p => p, p => p.Name)
            : Adapter.NamedParameters.GroupBy(p => p.Parameter).ToDictionary(p => p.Key, p => p.First().Key.Replace(AdapterFile.Prefix, "", StringComparison.Ordinal));
        ILookup<int, Parameter> parted = (Adapter?.Parameters ?? Model.TrainedParameters).Where(p => p.Trainable).ToLookup(
            p => projected.Contains(names[p]) ? 0 : plain.Contains(names[p]) ? 2 : 1);
        return
        [
            new ParameterGroup("projected", [.. parted[0]], decay, Projected: true),
            new ParameterGroup("decayed", [.. parted[1]], decay),
            new ParameterGroup("plain", [.. parted[2]], 0),
        ];
    }

    /// <summary>What is projected: as the case says, else what it gives bases of.</summary>
    private HashSet<string> Projected() => settings.TryGetProperty("projected", out _) ? Names("projected")
        : projections is null ? []
        : [.. projections.Tensors.Select(t => t.Name[(t.Name.IndexOf('.', StringComparison.Ordinal) + 1)..])];

    private HashSet<string> Names(string list) =>
        settings.TryGetProperty(list, out JsonElement names) ? [.. names.EnumerateArray().Select(n => n.GetString()!)] : [];

    private double? Number(string name) => settings.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private LossMean Mean() =>
        !settings.TryGetProperty("loss_convention", out JsonElement convention) ? LossMean.Tokens
        : convention.GetString() == "mean of micro-batch means" ? LossMean.MicroBatches
        : throw new NotSupportedException($"the loss convention {convention.GetString()} is not built yet");

    private sealed class GivenDraw(JsonElement periods) : ILayerDraw
    {
        public IReadOnlyList<int> Draw(int period) => [.. periods[period].EnumerateArray().Select(layer => layer.GetInt32())];
    }
}
