using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Gguf;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Inspect;

/// <summary>Describes a model folder, or a GGUF file, from its configuration and the headers of its files.</summary>
internal static class ModelSheet
{
    /// <summary>Describes the folder.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="everySite">One row a site instead of one a kind.</param>
    public static Sheet Make(string folder, bool everySite)
    {
        Sheet sheet = new();
        try
        {
            using MappedModel mapped = MappedModel.Open(folder);
            Describe(sheet, folder, mapped);
            Sites(sheet, mapped.Model, everySite);
        }
        catch (NotSupportedException e)
        {
            Unloadable(sheet, folder, e.Message);
        }
        return sheet;
    }

    private static void Describe(Sheet sheet, string folder, MappedModel mapped)
    {
        LanguageModel model = mapped.Model;
        ModelConfig config = model.Config;
        IReadOnlyList<ListedTensor> stored = mapped.Stored;
        IReadOnlyList<string> unused = mapped.Unused;
        sheet.Fact("kind", "kind", "model", $"a model, model_type {config.ModelType}");
        sheet.Fact("model_type", "architecture", config.ModelType, config.Source?["architectures"] is JsonArray { Count: > 0 } names ? names[0]?.ToString() : null);
        sheet.Fact("parameters", "parameters", model.ParameterCount, $"{model.ParameterCount:N0}");
        sheet.Fact("bytes", "weights", TensorList.FormatsJson(stored), $"{TensorList.Formats(stored)} in {stored.Count:N0} tensors");
        sheet.Fact("layers", "layers", config.Layers);
        sheet.Fact("hidden_size", "hidden", config.HiddenSize);
        sheet.Fact("heads", "attention", config.Heads, Attention(config));
        sheet.Fact("intermediate_size", "feed-forward", config.IntermediateSize);
        sheet.Fact("vocabulary", "vocabulary", config.VocabularySize, $"{config.VocabularySize:N0}");
        sheet.Fact("tied_head", "head", config.TieEmbeddings, config.TieEmbeddings ? "tied to the token table" : "its own matrix");
        sheet.Fact("context", "context", config.MaxPositions, $"{config.MaxPositions:N0} tokens, {Positions(model)}");
        Memory(sheet, model);
        sheet.Fact("tokenizer", "tokenizer", Tokens(folder));
        if (unused.Count > 0)
        {
            sheet.Fact("unused_tensors", "not used", new JsonArray([.. unused.Select(n => (JsonNode)n)]), $"{unused.Count} stored tensors, the first is {unused[0]}");
        }
        Kinds(sheet, config, model);
    }

    private static void Kinds(Sheet sheet, ModelConfig config, LanguageModel model)
    {
        JsonObject kinds = [];
        foreach (IGrouping<string, Site> kind in model.Sites.GroupBy(Kind))
        {
            kinds[kind.Key] = kind.Count();
        }
        sheet.Fact("site_kinds", "sites", kinds, string.Join(", ", kinds.Select(k => $"{k.Value} {k.Key}")));
        sheet.Detail("key_value_heads", config.KeyHeads);
        sheet.Detail("head_dim", config.HeadDim);
        sheet.Detail("config", config.Source?.DeepClone());
    }

    private static string Attention(ModelConfig config)
    {
        int[] windows = [.. Enumerable.Range(0, config.Layers).Select(config.Window).Where(w => w > 0)];
        string window = windows.Length == 0 ? "" : $", window {windows.Max():N0} in {windows.Length} of {config.Layers} layers";
        return $"{config.Heads} heads, {config.KeyHeads} of keys and values, {config.HeadDim} wide{window}";
    }

    private static void Memory(Sheet sheet, LanguageModel model)
    {
        StateLayout state = new(model);
        long token = state.Bytes(SequenceState.PageTokens, 1) / SequenceState.PageTokens, full = state.Bytes(model.Config.MaxPositions, 1);
        sheet.Fact(
            "memory",
            "memory",
            new JsonObject { ["weights"] = model.WeightBytes, ["sequence_token"] = token, ["sequence_full"] = full },
            $"{TensorList.Bytes(model.WeightBytes)} of weights; a sequence {TensorList.Bytes(token)} a token, {TensorList.Bytes(full)} at full context");
    }

    private static string Positions(LanguageModel model) =>
        model.Positions is not null ? "learned positions"
        : model.Blocks.Any(block => block.Mixer is AttentionMixer { Slopes: not null }) ? "slopes over positions (ALiBi)"
        : Rope(model.Config.Rope) + (model.Config.RotaryDim == 0 ? "" : $" on {model.Config.RotaryDim} of {model.Config.HeadDim} elements of a head");

    private static string Rope(RopeSettings rope) =>
        $"rope base {rope.Theta:G9}" + (rope.Kind == RopeKind.Default ? "" : $", {rope.Kind.ToString().ToLowerInvariant()} scaling by {rope.Factor:G6}");

    private static string Tokens(string folder)
    {
        if (!File.Exists(folder) && !File.Exists(Path.Combine(folder, "tokenizer.json")))
        {
            return "none in the folder";
        }
        try
        {
            Tokenizer tokenizer = Tokenizer.Load(folder);
            return $"{(tokenizer is PipelineTokenizer { Kind: string kind } ? kind : "bytes")}, {tokenizer.VocabularySize:N0} tokens";
        }
        catch (Exception e) when (e is BadFileException or NotSupportedException)
        {
            return e.Message;
        }
    }

    private static void Sites(Sheet sheet, LanguageModel model, bool every)
    {
        string[] columns = ["count", "kind", "site", "inputs", "outputs", "format"];
        sheet.Table("sites", every ? columns[1..] : columns, every
            ? model.Sites.Select(s => new JsonNode[] { Kind(s), s.Name, (long)s.Inputs, (long)s.Outputs, Format(s) })
            : model.Sites.GroupBy(s => (Kind(s), TensorList.Pattern(s.Name), s.Inputs, s.Outputs, Format(s)))
                .Select(g => new JsonNode[] { (long)g.Count(), g.Key.Item1, g.Key.Item2, (long)g.Key.Inputs, (long)g.Key.Outputs, g.Key.Item5 }));
    }

    private static string Kind(Site site) => site switch
    {
        LinearSite { IsHead: true } => "head",
        LinearSite => "linear",
        EmbeddingSite => "embedding",
        NormSite => "norm",
        _ => "output",
    };

    private static string Format(Site site) => site switch
    {
        LinearSite { Tied: true } => "tied",
        LinearSite linear => linear.Weight.Format + (linear.Bias is null ? "" : " + bias"),
        EmbeddingSite embedding => embedding.Weight.Format,
        NormSite => "f32",
        _ => "-",
    };

    // What this version cannot load can still be looked at.
    private static void Unloadable(Sheet sheet, string folder, string why)
    {
        IReadOnlyList<ListedTensor> stored;
        string type;
        if (File.Exists(folder))
        {
            using GgufFile file = GgufFile.Open(folder);
            (stored, type) = (ListedTensor.All(file), new GgufFields(file.Metadata, folder).Architecture);
        }
        else
        {
            using JsonDocument config = SafeJson.ReadObject(Path.Combine(folder, "config.json"));
            using TensorFolder files = TensorFolder.Open(folder);
            (stored, type) = (ListedTensor.All(files), config.RootElement.TryGetProperty("model_type", out JsonElement value) ? value.ToString() : "-");
        }
        sheet.Fact("kind", "kind", "model", $"a model, model_type {type}");
        sheet.Fact("unsupported", "not loadable", why);
        sheet.Fact("model_type", "model_type", type);
        sheet.Fact("parameters", "stored numbers", stored.Sum(t => t.Count), $"{stored.Sum(t => t.Count):N0}");
        sheet.Fact("bytes", "weights", TensorList.FormatsJson(stored), $"{TensorList.Formats(stored)} in {stored.Count:N0} tensors");
        sheet.Table("tensors", TensorList.Columns, TensorList.Rows(stored));
    }
}
