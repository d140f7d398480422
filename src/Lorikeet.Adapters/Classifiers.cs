using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Classification heads in adapter folders, as PEFT stores them: <c>score</c> in modules_to_save, task_type SEQ_CLS. Any method may have one.</summary>
/// <remarks>PEFT keeps no names of classes; they stand in <c>labels.json</c> beside the adapter, which PEFT leaves alone.</remarks>
public static class Classifiers
{
    /// <summary>The file with the classes' names.</summary>
    public const string LabelsName = "labels.json";

    private const string Task = "SEQ_CLS";
    private const string Key = AdapterFile.Prefix + "score.weight";
    private const string WrappedKey = AdapterFile.Prefix + "score.modules_to_save.weight";
    private const int MostLabels = 100_000;

    // As Transformers' initializer_range.
    private const float StartDeviation = 0.02f;

    /// <summary>Gives a new adapter a head: N(0, 0.02^2), from the stream of its own name.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="labels">The classes' names, at least two.</param>
    /// <param name="random">Where the start values come from.</param>
    public static void Attach(TrainedAdapter adapter, IReadOnlyList<string> labels, CounterRandom random)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentOutOfRangeException.ThrowIfLessThan(labels.Count, 2);
        Tensor value = Storage.Zeros(new Shape(labels.Count, adapter.Model.Head.Sites[0].Inputs));
        random.Named(Key).FillNormal(value.Span, StartDeviation);
        Parameter weight = new(Key, value);
        adapter.Classifier = new ClassHead(weight, labels);
        adapter.Store(Key, weight);
        adapter.Config["task_type"] = Task;
        JsonArray saved = adapter.Config["modules_to_save"] is JsonArray given ? (JsonArray)given.DeepClone() : [];
        foreach (string module in (string[])["classifier", "score"])
        {
            if (!saved.Any(m => m?.GetValueKind() == JsonValueKind.String && m.GetValue<string>() == module))
            {
                saved.Add((JsonNode)module);
            }
        }
        adapter.Config["modules_to_save"] = saved;
    }

    /// <summary>Takes a head out of an adapter's files before its method reads them; null: they have none.</summary>
    internal static (ClassHead Head, StoredType Type)? Take(AdapterFile file, string folder, LanguageModel model)
    {
        string key = file.Has(Key) ? Key : WrappedKey;
        if (!file.TryGet(key, out StoredTensor? tensor) || model.Find("score") is not null)
        {
            return null;
        }
        int inputs = model.Head.Sites[0].Inputs;
        if (tensor.Shape.Count != 2 || tensor.Shape[0] is < 1 or > MostLabels)
        {
            throw file.Bad($"{key} is [{string.Join(", ", tensor.Shape)}]; expected [labels, {inputs}] with at most {MostLabels} labels.");
        }
        int count = (int)tensor.Shape[0];
        IReadOnlyList<string> labels = Labels(Path.Combine(folder, LabelsName), count);
        Parameter weight = file.Take(key, new Shape(count, inputs), out StoredType type);
        return (new ClassHead(weight, labels), type);
    }

    /// <summary>What an adapter that was just read has as its head.</summary>
    internal static void Put(TrainedAdapter adapter, ClassHead head, StoredType type)
    {
        adapter.Classifier = head;
        adapter.Store(Key, head.Weight, type);
    }

    /// <summary>labels.json of an adapter with a head; null: it has none.</summary>
    internal static string? LabelsText(TrainedAdapter adapter) =>
        adapter.Classifier is { } head ? new JsonObject { ["labels"] = new JsonArray([.. head.Labels.Select(l => (JsonNode)l)]) }.ToJsonString() + "\n" : null;

    private static IReadOnlyList<string> Labels(string path, int count)
    {
        if (!File.Exists(path))
        {
            return [.. Enumerable.Range(0, count).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))];
        }
        using JsonDocument json = SafeJson.ReadObject(path);
        List<string> labels = [];
        if (json.RootElement.TryGetProperty("labels", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
        {
            labels.AddRange(list.EnumerateArray().Where(l => l.ValueKind == JsonValueKind.String).Select(l => l.GetString()!));
        }
        return labels.Count == count && labels.Distinct(StringComparer.Ordinal).Count() == count
            ? labels
            : throw new BadFileException($"{path} names {labels.Count} classes; expected {{\"labels\": [...]}} with {count} different texts, one for each row of the head.");
    }
}
