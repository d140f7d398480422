using System.Text.Json.Nodes;

namespace Lorikeet.Models.Gguf;

/// <summary>How a byte-level vocabulary's texts are cut into words: the name in <c>tokenizer.ggml.pre</c> and the parts of tokenizer.json that mean it.</summary>
/// <param name="Name">The name that is written.</param>
/// <param name="Others">Names that mean the same.</param>
internal sealed record GgufPattern(string Name, params string[] Others)
{
    private const string Words = @"|[^\r\n\p{L}\p{N}]?\p{L}+|";
    private const string Rest = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string ThreeDigits = @"\p{N}{1,3}", OneDigit = @"\p{N}";

    /// <summary>All of them, in the order in which a tokenizer.json is matched; a new pattern is one line here.</summary>
    public static IReadOnlyList<GgufPattern> All { get; } =
    [
        new("llama-bpe", "llama3", "llama-v3", "falcon3") { Parts = [Split(Contractions + Words + ThreeDigits + Rest), Bytes(false)], IgnoreMerges = true, AddBegin = true },
        new("smaug-bpe", "dbrx", "chatglm-bpe") { Parts = [Split(Contractions + Words + ThreeDigits + Rest), Bytes(false)] },
        new("qwen2", "deepseek-r1-qwen", "megrez") { Parts = [Split(Contractions + Words + OneDigit + Rest), Bytes(false)], Composed = true },
        new("stablelm2") { Parts = [Split(Contractions + Words + OneDigit + Rest), Bytes(false)] },
        new("tekken")
        {
            Parts =
            [
                Split(@"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
                Bytes(false),
            ],
            IgnoreMerges = true,
            AddBegin = true,
        },
        new("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b") { Parts = [Digits(), Bytes(true)] },
        new("gpt-2", "phi-2", "mpt", "olmo", "jais", "gigachat", "jina-es", "jina-de", "jina-v1-en", "jina-v2-es", "jina-v2-de", "jina-v2-code", "roberta-bpe") { Parts = [Bytes(true)] },
        new("falcon") { Parts = [Split(@"[\p{P}\$\+<=>\^~\|`]+"), Bytes(true), Split("[0-9][0-9][0-9]")] },
        new("default", "") { Parts = [Split(@"[\p{P}\$\+<=>\^~\|]+"), Bytes(true), Split(@"\p{N}+"), Split("[0-9][0-9][0-9]")] },
    ];

    /// <summary>The pre-tokenizers in tokenizer.json, in order.</summary>
    public required JsonObject[] Parts { get; init; }

    /// <summary>A word that is a token as a whole is one, whatever the merges say.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Texts begin with the begin-of-text token where nothing is said.</summary>
    public bool AddBegin { get; init; }

    /// <summary>Texts are composed (NFC) first; GGUF files cannot say it, the tokenizers that the name stands for do it.</summary>
    public bool Composed { get; init; }

    /// <summary>Finds a pattern by name; null where it is not built.</summary>
    /// <param name="name">The name.</param>
    public static GgufPattern? Find(string name) => All.FirstOrDefault(p => p.Name == name || p.Others.Contains(name));

    /// <summary>Finds the pattern of a tokenizer.json; null where no name means it.</summary>
    /// <param name="preTokenizer">Its <c>pre_tokenizer</c>.</param>
    /// <param name="ignoreMerges">Its model's <c>ignore_merges</c>.</param>
    /// <param name="composed">Whether it composes texts.</param>
    public static GgufPattern? Of(JsonNode? preTokenizer, bool ignoreMerges, bool composed)
    {
        JsonArray parts = preTokenizer is JsonObject { } one && one["pretokenizers"] is JsonArray many ? many : [preTokenizer?.DeepClone()];
        GgufPattern[] same = [.. All.Where(p => p.Parts.Length == parts.Count && p.Parts.Zip(parts).All(pair => Same(pair.First, pair.Second)) && p.IgnoreMerges == ignoreMerges)];
        return same.FirstOrDefault(p => p.Composed == composed) ?? same.FirstOrDefault();
    }

    /// <summary>The <c>pre_tokenizer</c> of tokenizer.json.</summary>
    public JsonNode PreTokenizer() =>
        Parts.Length == 1 ? Parts[0].DeepClone() : new JsonObject { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray([.. Parts.Select(p => p.DeepClone())]) };

    private static JsonObject Split(string regex) => new()
    {
        ["type"] = "Split",
        ["pattern"] = new JsonObject { ["Regex"] = regex },
        ["behavior"] = "Isolated",
        ["invert"] = false,
    };

    private static JsonObject Bytes(bool words) => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = words };

    private static JsonObject Digits() => new() { ["type"] = "Digits", ["individual_digits"] = true };

    // Offsets are no matter here; a regex is the default of ByteLevel, and no inversion that of Split.
    private static bool Same(JsonObject own, JsonNode? other)
    {
        if (other is not JsonObject given || given["type"]?.ToString() != own["type"]!.ToString())
        {
            return false;
        }
        return own["type"]!.ToString() switch
        {
            "Split" => given["pattern"]?["Regex"]?.ToString() == own["pattern"]!["Regex"]!.ToString()
                && ((given["behavior"]?.ToString() == "Isolated" && !True(given, "invert", false)) || (given["behavior"]?.ToString() == "Removed" && True(given, "invert", false))),
            "ByteLevel" => !True(given, "add_prefix_space", true) && True(given, "use_regex", true) == True(own, "use_regex", true),
            _ => True(given, "individual_digits", false),
        };
    }

    private static bool True(JsonObject json, string key, bool absent) => json[key] is JsonValue value && value.TryGetValue(out bool truth) ? truth : absent;
}
