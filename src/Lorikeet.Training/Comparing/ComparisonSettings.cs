using System.Text.Json;
using System.Text.Json.Serialization;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>What is compared: methods, their budget, and the settings that all share; kept as compare.json, so that a comparison can be resumed.</summary>
public sealed record ComparisonSettings
{
    /// <summary>The methods, as <see cref="Candidate.Parse"/> reads them.</summary>
    public IReadOnlyList<string> Methods { get; init; } = [];

    /// <summary>The budget, as <see cref="Training.Budget.Parse"/> reads it.</summary>
    public string Budget { get; init; } = "tokens";

    /// <summary>Tasks that each result is measured with: names or files.</summary>
    public IReadOnlyList<string> Tasks { get; init; } = [];

    /// <summary>The folder that tasks' data lies in, or null.</summary>
    public string? TaskData { get; init; }

    /// <summary>The most examples of a task; null: all.</summary>
    public int? TaskLimit { get; init; }

    /// <summary>What all runs share; method, options and folder are each run's own.</summary>
    public RunSettings Shared { get; init; } = new();

    /// <summary>Writes compare.json.</summary>
    /// <param name="path">The file.</param>
    public void Save(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, ComparisonContext.Default.ComparisonSettings) + "\n");

    /// <summary>Reads compare.json.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadFileException">It is absent, or not what it should be.</exception>
    public static ComparisonSettings Load(string path)
    {
        using JsonDocument json = SafeJson.ReadObject(path);
        try
        {
            return json.RootElement.Deserialize(ComparisonContext.Default.ComparisonSettings)!;
        }
        catch (JsonException e)
        {
            throw new BadFileException($"{path} does not hold the settings of a comparison: {e.Message}", e);
        }
    }

    /// <summary>The methods, parsed.</summary>
    /// <exception cref="ArgumentException">One cannot be read, or stands twice.</exception>
    public IReadOnlyList<Candidate> Candidates()
    {
        List<Candidate> all = [.. Methods.Select(Candidate.Parse)];
        return all.Count == 0
            ? throw new ArgumentException("methods must be at least one, for example lora")
            : all.GroupBy(c => c.FolderName, StringComparer.OrdinalIgnoreCase).FirstOrDefault(g => g.Count() > 1) is { } twice
                ? throw new ArgumentException($"{twice.First().Text} stands twice in the methods")
                : all;
    }
}

/// <summary>What became of one method.</summary>
/// <param name="Name">The method as it was written.</param>
/// <param name="Options">Its options in adapter_config.json, as one JSON object.</param>
/// <param name="TrainedParameters">Numbers that train.</param>
/// <param name="OptimizerBytes">Bytes of the optimiser's states at the end.</param>
/// <param name="PeakBytes">The most bytes that the process had resident after a step.</param>
/// <param name="Steps">Steps that were done.</param>
/// <param name="Tokens">Tokens through the model.</param>
/// <param name="Seconds">Seconds of all steps.</param>
/// <param name="FirstHeldOutLoss">The held-out loss before training; null: not measured.</param>
/// <param name="HeldOutLoss">The held-out loss in the end; null: not measured.</param>
/// <param name="BestHeldOutLoss">The lowest held-out loss; null: not measured.</param>
public sealed record ComparedMethod(
    string Name, string Options, long TrainedParameters, long OptimizerBytes, long PeakBytes, int Steps, long Tokens, double Seconds, double? FirstHeldOutLoss, double? HeldOutLoss,
    double? BestHeldOutLoss)
{
    /// <summary>Tokens each second.</summary>
    public double TokensPerSecond => Seconds > 0 ? Tokens / Seconds : 0;

    /// <summary>Numbers of the tasks, by task and measure; empty: there are no tasks.</summary>
    public IReadOnlyDictionary<string, double> Tasks { get; init; } = new Dictionary<string, double>();

    /// <summary>Why there is no result; null: there is one.</summary>
    public string? Failure { get; init; }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ComparisonSettings))]
internal sealed partial class ComparisonContext : JsonSerializerContext;

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ComparedMethod))]
[JsonSerializable(typeof(IReadOnlyList<ComparedMethod>))]
internal sealed partial class ComparedContext : JsonSerializerContext;
