using System.Text.Json;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>What a model's folder of reference values holds besides the model.</summary>
internal sealed class ModelCase
{
    private const int MostId = int.MaxValue - 1;
    private readonly Dictionary<string, float[]> golden = [];
    private readonly HashSet<string> asked = [];

    private ModelCase(JsonFields inputs)
    {
        JsonElement sequences = inputs.Find("sequences") ?? throw new BadFileException($"{inputs.Path} has no sequences.");
        JsonFields named = new(sequences, $"{inputs.Path}: sequences");
        foreach (JsonProperty sequence in sequences.EnumerateObject())
        {
            Sequences[sequence.Name] = [.. named.Integers(sequence.Name, 0, MostId)];
        }
        HiddenSequence = NameOf(inputs, "hidden");
        LossSequence = NameOf(inputs, "loss");
        GradientIds = inputs.Has("grad") ? [.. inputs.Integers("grad", 0, MostId)] : null;
        if (inputs.Object("batch") is { } batch)
        {
            Batch = ReadBatch(batch);
        }
    }

    /// <summary>The configuration files, config.json first.</summary>
    public required IReadOnlyList<string> Configs { get; init; }

    /// <summary>Token ids by name.</summary>
    public Dictionary<string, int[]> Sequences { get; } = [];

    /// <summary>The sequence of the hidden states, or null.</summary>
    public string? HiddenSequence { get; }

    /// <summary>The sequence of the loss, or null.</summary>
    public string? LossSequence { get; }

    /// <summary>The ids whose loss the gradients are of, or null.</summary>
    public int[]? GradientIds { get; }

    /// <summary>The batch's rows without their padding: which sequence, and the ids at real positions.</summary>
    public IReadOnlyList<(string Name, int[] Ids)> Batch { get; } = [];

    /// <summary>Reads inputs.json and golden.safetensors of a folder.</summary>
    /// <param name="folder">The folder.</param>
    public static ModelCase Read(string folder)
    {
        string inputs = Path.Combine(folder, "inputs.json");
        using JsonDocument json = SafeJson.ReadObject(inputs);
        ModelCase read = new(new JsonFields(json.RootElement, inputs))
        {
            Configs =
            [
                .. Directory.EnumerateFiles(folder, "config*.json")
                    .Select(file => Path.GetFileName(file)!)
                    .OrderBy(name => name != "config.json")
                    .ThenBy(name => name, StringComparer.Ordinal),
            ],
        };
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        foreach (StoredTensor tensor in file.Tensors)
        {
            read.golden[tensor.Name] = TensorFiles.Floats(file, tensor);
        }
        return read;
    }

    /// <summary>A reference value, where the case has it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="values">The numbers.</param>
    public bool TryGet(string name, out float[] values)
    {
        asked.Add(name);
        return golden.TryGetValue(name, out values!);
    }

    /// <summary>Reference values that nobody asked for.</summary>
    public IEnumerable<string> NotCompared => golden.Keys.Except(asked).Order(StringComparer.Ordinal);

    private string? NameOf(JsonFields inputs, string key)
    {
        string name = inputs.Text(key, "");
        return name.Length == 0 ? null
            : Sequences.ContainsKey(name) ? name
            : throw new BadFileException($"{inputs.Path}: {key} is {name}, which is no sequence of it.");
    }

    private List<(string Name, int[] Ids)> ReadBatch(JsonFields batch)
    {
        string[] names = [.. Rows(batch, "rows").Select(name => name.GetString()!)];
        JsonElement[] ids = [.. Rows(batch, "input_ids")], masks = [.. Rows(batch, "attention_mask")], positions = [.. Rows(batch, "position_ids")];
        List<(string Name, int[] Ids)> rows = [];
        for (int row = 0; row < names.Length; row++)
        {
            int[] mask = Integers(masks[row]);
            int[] real = [.. Integers(ids[row]).Where((_, at) => mask[at] != 0)];
            int[] places = [.. Integers(positions[row]).Where((_, at) => mask[at] != 0)];
            if (!places.SequenceEqual(Enumerable.Range(0, places.Length)))
            {
                throw new NotSupportedException($"{batch.Path}: row {row} has positions other than 0, 1, 2, ...");
            }
            rows.Add((names[row], real));
        }
        return rows;
    }

    private static IEnumerable<JsonElement> Rows(JsonFields batch, string key) =>
        (batch.Find(key) ?? throw new BadFileException($"{batch.Path} has no {key}.")).EnumerateArray();

    private static int[] Integers(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
