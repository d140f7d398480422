using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>Everything that decides a run; kept as run.json in its folder, so that the run can be resumed or repeated.</summary>
public sealed partial record RunSettings
{
    /// <summary>The base model's folder; for a new model (<see cref="Shape"/>) empty.</summary>
    public string Model { get; init; } = "";

    /// <summary>The format to keep the base model's matrices in (see <see cref="Models.WeightFormat"/>); null: as stored.</summary>
    public string? Weights { get; init; }

    /// <summary>The shape of a model that starts from random weights, or null.</summary>
    public NewModel? Shape { get; init; }

    /// <summary>The tokenizer: <c>byte</c>, <c>bpe:N</c> (trained on the data; for new models), a folder, or null: the model's own.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>The format in which trained weights of a model are saved: <c>f32</c>, <c>bf16</c>, <c>f16</c>; null: as the base, or bf16.</summary>
    public string? SaveAs { get; init; }

    /// <summary>The adapter method, or <c>full</c>: all weights.</summary>
    public string Method { get; init; } = "lora";

    /// <summary>The method's options, under the keys of adapter_config.json.</summary>
    public JsonObject MethodOptions { get; init; } = [];

    /// <summary>Data files; with several, each trains an adapter of its own, all in one batch.</summary>
    public IReadOnlyList<string> Data { get; init; } = [];

    /// <summary>SHA-256 of each data file; a run that is resumed must find the same bytes.</summary>
    public IReadOnlyList<string> DataHashes { get; init; } = [];

    /// <summary>What the data's fields stand for, and what for.</summary>
    public DataOptions Fields { get; init; } = new();

    /// <summary>What the loss is made of.</summary>
    public Objective Objective { get; init; } = new();

    /// <summary>The folder where tokens of large data are kept; null: <see cref="TokenCache.DefaultFolder"/>; empty: nowhere.</summary>
    public string? TokenCache { get; init; }

    /// <summary>A file of held-out data, or null.</summary>
    public string? EvalData { get; init; }

    /// <summary>The share of the data, at its end, that is held out where there is no such file; 0: none.</summary>
    public double EvalShare { get; init; } = 0.05;

    /// <summary>Steps between measurements of the held-out loss; 0: only at the end.</summary>
    public int EvalEvery { get; init; } = 50;

    /// <summary>The folder for what is made.</summary>
    public string Out { get; init; } = "";

    /// <summary>The most tokens in a sequence.</summary>
    public int Context { get; init; } = 256;

    /// <summary>Optimiser steps; null: as many as <see cref="Epochs"/> need.</summary>
    public int? Steps { get; init; }

    /// <summary>Passes through the data, where <see cref="Steps"/> is null.</summary>
    public double Epochs { get; init; } = 1;

    /// <summary>Contexts in a micro-batch: it holds at most batch x context tokens.</summary>
    public int Batch { get; init; } = 4;

    /// <summary>Micro-batches in an optimiser step.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>The peak learning rate; null: the method's own.</summary>
    public double? Rate { get; init; }

    /// <summary>The schedule's kind.</summary>
    public string Schedule { get; init; } = "cosine";

    /// <summary>Warm-up steps; null: a twentieth of all.</summary>
    public int? Warmup { get; init; }

    /// <summary>The optimiser.</summary>
    public string Optimizer { get; init; } = "adamw";

    /// <summary>The optimiser's own options, by <see cref="OptimizerOption.Name"/>.</summary>
    public IReadOnlyDictionary<string, string> OptimizerOptions { get; init; } = new Dictionary<string, string>();

    /// <summary>What happens around each step, by name (see <see cref="StepRules"/>); null: nothing.</summary>
    public string? StepRule { get; init; }

    /// <summary>The step rule's own options, by <see cref="StepRuleOption.Name"/>.</summary>
    public IReadOnlyDictionary<string, string> StepRuleOptions { get; init; } = new Dictionary<string, string>();

    /// <summary>Step each parameter inside backward, the moment its gradient is complete (see <see cref="PerLayerSteps"/>).</summary>
    public bool PerLayer { get; init; }

    /// <summary>Weight decay; null: the method's own.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>The largest gradient norm that is left alone; 0: no clipping.</summary>
    public double Clip { get; init; } = 1;

    /// <summary>The seed of start values, order and dropout.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Recompute blocks in backward: less memory, more time.</summary>
    public bool Checkpointing { get; init; }

    /// <summary>Mean of the micro-batches' means in place of the mean over all tokens of a step.</summary>
    public bool MeanOfMeans { get; init; }

    /// <summary>Steps between checkpoints; 0: only when stopped.</summary>
    public int CheckpointEvery { get; init; } = 200;

    /// <summary>The decay of a moving average of what trains, evaluated and saved beside the last values; null: none is kept.</summary>
    public double? Ema { get; init; }

    /// <summary>Measurements of the held-out loss without a new best one after which training ends; 0: it goes on.</summary>
    public int Patience { get; init; }

    /// <summary>Whether the result with the lowest held-out loss is kept beside the last one.</summary>
    public bool KeepBest { get; init; } = true;

    /// <summary>The format in which trained matrices of a model are held: null or <c>f32</c>, or <c>bf16</c> with stochastic rounding.</summary>
    public string? TrainType { get; init; }

    /// <summary>Writes run.json.</summary>
    /// <param name="path">The file.</param>
    public void Save(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, RunSettingsContext.Default.RunSettings) + "\n");

    /// <summary>Reads run.json.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadFileException">It is absent, or not what it should be.</exception>
    public static RunSettings Load(string path)
    {
        using JsonDocument json = SafeJson.ReadObject(path);
        try
        {
            return json.RootElement.Deserialize(RunSettingsContext.Default.RunSettings)!;
        }
        catch (JsonException e)
        {
            throw new BadFileException($"{path} does not hold the settings of a run: {e.Message}", e);
        }
    }
}

/// <summary>The shape of a Llama model that starts from random weights.</summary>
public sealed record NewModel
{
    /// <summary>Width of the residual stream.</summary>
    public int Hidden { get; init; } = 256;

    /// <summary>Blocks.</summary>
    public int Layers { get; init; } = 6;

    /// <summary>Query heads.</summary>
    public int Heads { get; init; } = 8;

    /// <summary>Key and value heads.</summary>
    public int KeyHeads { get; init; } = 4;

    /// <summary>Width of the feed-forward; 0: 8/3 of the hidden width, rounded up to 32.</summary>
    public int FeedForward { get; init; }

    /// <summary>The output head is a matrix of its own, not the token table.</summary>
    public bool Untied { get; init; }

    /// <summary>How the blocks' matrices are parameterised; null: in full.</summary>
    public NewWeights? Weights { get; init; }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(RunSettings))]
internal sealed partial class RunSettingsContext : JsonSerializerContext;
