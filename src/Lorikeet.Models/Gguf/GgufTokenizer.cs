using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Models.Gguf;

/// <summary>Makes tokenizer.json and tokenizer_config.json of the vocabulary in a GGUF file, and the tokenizer of these.</summary>
/// <remarks>
/// SentencePiece vocabularies (<c>llama</c>) become a BPE with byte fallback whose merges are ordered by score, as Transformers converts them;
/// byte-level ones (<c>gpt2</c>) keep their merges.
/// </remarks>
public static class GgufTokenizer
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads the tokenizer of a file.</summary>
    /// <param name="path">The GGUF file.</param>
    /// <exception cref="BadFileException">The file breaks a rule, or its vocabulary contradicts itself.</exception>
    /// <exception cref="NotSupportedException">The kind of tokenizer is not built; the message names it.</exception>
    public static Tokenizer Load(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        return TokenizerFile.Parse(path, Files(new GgufFields(file.Metadata, path)));
    }

    /// <summary>The files that a folder of the hub would have; tokenizer.json first.</summary>
    /// <param name="fields">The metadata.</param>
    public static IReadOnlyList<(string Name, ReadOnlyMemory<byte> Bytes)> Files(GgufFields fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        GgufVocabulary vocabulary = new(fields);
        JsonObject json = vocabulary.Model switch
        {
            "llama" => SentencePieces(vocabulary, fields),
            "gpt2" => ByteLevel(vocabulary, fields),
            _ => throw fields.Unsupported(
                $"tokenizer.ggml.model {BadFileException.Short(vocabulary.Model)} is not built: this version has llama (SentencePiece) and gpt2 (byte-level BPE)"),
        };
        return [(TokenizerFile.Name, Bytes(json)), (TokenizerFile.ConfigName, Bytes(Config(vocabulary)))];
    }

    private static byte[] Bytes(JsonObject json) => Encoding.UTF8.GetBytes(json.ToJsonString(Plain));

    private static JsonObject SentencePieces(GgufVocabulary vocabulary, GgufFields fields)
    {
        if (vocabulary.Scores is null)
        {
            throw fields.Bad("has no tokenizer.ggml.scores, which a SentencePiece vocabulary is cut by.");
        }
        int? unknown = vocabulary.Unknown ?? IndexOf(vocabulary, GgufTokenType.Unknown);
        JsonArray normalizers = [];
        if (vocabulary.AddSpacePrefix ?? true)
        {
            normalizers.Add((JsonNode)new JsonObject { ["type"] = "Prepend", ["prepend"] = "\u2581" });
        }
        normalizers.Add((JsonNode)Replace(" ", "\u2581"));
        JsonArray decoders =
        [
            Replace("\u2581", " "),
            new JsonObject { ["type"] = "ByteFallback" },
            new JsonObject { ["type"] = "Fuse" },
        ];
        if (vocabulary.AddSpacePrefix ?? true)
        {
            decoders.Add((JsonNode)new JsonObject { ["type"] = "Strip", ["content"] = " ", ["start"] = 1, ["stop"] = 0 });
        }
        JsonObject model = new()
        {
            ["type"] = "BPE",
            ["dropout"] = null,
            ["unk_token"] = unknown is { } id ? vocabulary.Tokens[id] : null,
            ["continuing_subword_prefix"] = null,
            ["end_of_word_suffix"] = null,
            ["fuse_unk"] = true,
            ["byte_fallback"] = Array.IndexOf(vocabulary.Types, GgufTokenType.Byte) >= 0,
            ["ignore_merges"] = false,
            ["vocab"] = Vocabulary(vocabulary),
            ["merges"] = ScoredMerges.Make(vocabulary),
        };
        return Whole(
            vocabulary, model, new JsonObject { ["type"] = "Sequence", ["normalizers"] = normalizers }, preTokenizer: null,
            Template(vocabulary, vocabulary.AddBegin ?? true, null), new JsonObject { ["type"] = "Sequence", ["decoders"] = decoders });
    }

    private static JsonObject ByteLevel(GgufVocabulary vocabulary, GgufFields fields)
    {
        GgufPattern pattern = GgufPattern.Find(vocabulary.Pre) ?? throw fields.Unsupported(
            $"tokenizer.ggml.pre {BadFileException.Short(vocabulary.Pre)} is not built: this version has {string.Join(", ", GgufPattern.All.Select(p => p.Name))}");
        string[] merges = vocabulary.Merges ?? throw fields.Bad("has no tokenizer.ggml.merges, which a byte-level vocabulary is cut by.");
        JsonObject model = new()
        {
            ["type"] = "BPE",
            ["dropout"] = null,
            ["unk_token"] = null,
            ["continuing_subword_prefix"] = null,
            ["end_of_word_suffix"] = null,
            ["fuse_unk"] = false,
            ["byte_fallback"] = false,
            ["ignore_merges"] = pattern.IgnoreMerges,
            ["vocab"] = Vocabulary(vocabulary),
            ["merges"] = new JsonArray([.. merges.Select(m => (JsonNode)m)]),
        };
        JsonObject bytes = new() { ["type"] = "ByteLevel", ["add_prefix_space"] = true, ["trim_offsets"] = true, ["use_regex"] = true };
        JsonObject finish = (JsonObject)bytes.DeepClone();
        finish["trim_offsets"] = false;
        return Whole(
            vocabulary, model, pattern.Composed ? new JsonObject { ["type"] = "NFC" } : null, pattern.PreTokenizer(),
            Template(vocabulary, vocabulary.AddBegin ?? pattern.AddBegin, finish), bytes);
    }

    private static JsonObject Whole(
        GgufVocabulary vocabulary, JsonObject model, JsonObject? normalizer, JsonNode? preTokenizer, JsonNode? postProcessor, JsonObject decoder)
    {
        JsonArray added = [];
        for (int id = 0; id < vocabulary.Tokens.Length; id++)
        {
            GgufTokenType type = vocabulary.Types[id];
            if (type is GgufTokenType.Control or GgufTokenType.UserDefined || (type == GgufTokenType.Unknown && vocabulary.Model == "llama"))
            {
                added.Add((JsonNode)new JsonObject
                {
                    ["id"] = id,
                    ["content"] = vocabulary.Tokens[id],
                    ["single_word"] = false,
                    ["lstrip"] = false,
                    ["rstrip"] = false,
                    // A token of spaces is found after they are replaced.
                    ["normalized"] = type == GgufTokenType.UserDefined && vocabulary.Tokens[id].Contains('\u2581', StringComparison.Ordinal),
                    ["special"] = type != GgufTokenType.UserDefined,
                });
            }
        }
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = added,
            ["normalizer"] = normalizer,
            ["pre_tokenizer"] = preTokenizer,
            ["post_processor"] = postProcessor,
            ["decoder"] = decoder,
            ["model"] = model,
        };
    }

    private static JsonObject Vocabulary(GgufVocabulary vocabulary) =>
        new(vocabulary.Tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id)));

    // What a text begins and ends with; with nothing to add, what comes first alone.
    private static JsonNode? Template(GgufVocabulary vocabulary, bool addBegin, JsonObject? first)
    {
        int? begin = addBegin ? vocabulary.Begin : null, end = vocabulary.AddEnd ?? false ? vocabulary.End : null;
        if (begin is null && end is null)
        {
            return first;
        }
        JsonArray single = [], pair = [];
        JsonObject special = [];
        foreach ((JsonArray to, string[] sequences) in new[] { (single, new[] { "A" }), (pair, new[] { "A", "B" }) })
        {
            for (int i = 0; i < sequences.Length; i++)
            {
                Add(to, begin, i);
                to.Add((JsonNode)new JsonObject { ["Sequence"] = new JsonObject { ["id"] = sequences[i], ["type_id"] = i } });
                Add(to, end, i);
            }
        }
        JsonObject template = new() { ["type"] = "TemplateProcessing", ["single"] = single, ["pair"] = pair, ["special_tokens"] = special };
        return first is null ? template : new JsonObject { ["type"] = "Sequence", ["processors"] = new JsonArray(first, template) };

        void Add(JsonArray to, int? id, int type)
        {
            if (id is { } own)
            {
                string token = vocabulary.Tokens[own];
                to.Add((JsonNode)new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = token, ["type_id"] = type } });
                special[token] = new JsonObject { ["id"] = token, ["ids"] = new JsonArray(own), ["tokens"] = new JsonArray(token) };
            }
        }
    }

    private static JsonObject Config(GgufVocabulary vocabulary)
    {
        JsonObject config = [];
        foreach ((string key, int? id) in new[]
        {
            ("bos_token", vocabulary.Begin), ("eos_token", vocabulary.End), ("unk_token", vocabulary.Unknown), ("pad_token", vocabulary.Padding),
        })
        {
            if (id is { } own)
            {
                config[key] = vocabulary.Tokens[own];
            }
        }
        if (vocabulary.AddBegin is { } begin)
        {
            config["add_bos_token"] = begin;
        }
        if (vocabulary.AddEnd is { } end)
        {
            config["add_eos_token"] = end;
        }
        if (vocabulary.ChatTemplate is { } template)
        {
            config["chat_template"] = template;
        }
        config["clean_up_tokenization_spaces"] = false;
        config["tokenizer_class"] = vocabulary.Model == "llama" ? "LlamaTokenizer" : "PreTrainedTokenizerFast";
        return config;
    }

    private static JsonObject Replace(string from, string to) =>
        new() { ["type"] = "Replace", ["pattern"] = new JsonObject { ["String"] = from }, ["content"] = to };

    private static int? IndexOf(GgufVocabulary vocabulary, GgufTokenType type) => Array.IndexOf(vocabulary.Types, type) is >= 0 and int id ? id : null;
}
