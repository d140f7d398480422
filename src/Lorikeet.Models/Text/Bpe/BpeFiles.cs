using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lorikeet.Models.Text.Bpe;

/// <summary>Writes the files of a new byte-level BPE tokenizer, in the form that Hugging Face's <c>tokenizers</c> reads.</summary>
internal static class BpeFiles
{
    /// <summary>Makes tokenizer.json and tokenizer_config.json.</summary>
    /// <param name="vocabulary">The tokens; the id is the place.</param>
    /// <param name="merges">The pairs in their order.</param>
    /// <param name="special">Which tokens are special; they are in the vocabulary.</param>
    /// <param name="pattern">What cuts a text into words; null for nothing.</param>
    /// <param name="bos">The token that begins a text, or null.</param>
    /// <param name="eos">The token that ends a text, or null.</param>
    /// <param name="pad">The token that fills up a batch, or null.</param>
    public static (string Name, ReadOnlyMemory<byte> Bytes)[] Make(
        IReadOnlyList<string> vocabulary, IReadOnlyList<(string Left, string Right)> merges, IReadOnlyCollection<string> special,
        string? pattern, string? bos, string? eos, string? pad)
    {
        byte[] tokenizer = Json(json => WriteTokenizer(json, vocabulary, merges, special, pattern));
        byte[] config = Json(json =>
        {
            json.WriteStartObject();
            json.WriteString("bos_token", bos);
            json.WriteString("eos_token", eos);
            json.WriteString("pad_token", pad);
            json.WriteBoolean("clean_up_tokenization_spaces", false);
            json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
            json.WriteEndObject();
        });
        return [(TokenizerFile.Name, tokenizer), (TokenizerFile.ConfigName, config)];
    }

    private static void WriteTokenizer(
        Utf8JsonWriter json, IReadOnlyList<string> vocabulary, IReadOnlyList<(string Left, string Right)> merges, IReadOnlyCollection<string> special, string? pattern)
    {
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        for (int id = 0; id < vocabulary.Count; id++)
        {
            if (special.Contains(vocabulary[id]))
            {
                WriteAdded(json, id, vocabulary[id], special: true);
            }
        }
        json.WriteEndArray();
        json.WriteNull("normalizer");
        json.WritePropertyName("pre_tokenizer");
        WritePreTokenizer(json, pattern);
        WriteByteLevel(json, "post_processor", trimOffsets: false);
        WriteByteLevel(json, "decoder", trimOffsets: true);
        WriteModel(json, vocabulary, merges, unknown: null, new BpeRules());
        json.WriteEndObject();
    }

    /// <summary>Writes the model, vocabulary and merges.</summary>
    public static void WriteModel(Utf8JsonWriter json, IReadOnlyList<string> vocabulary, IEnumerable<(string Left, string Right)> merges, string? unknown, BpeRules rules)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteString("unk_token", unknown);
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", rules.FuseUnknown);
        json.WriteBoolean("byte_fallback", rules.ByteFallback);
        json.WriteBoolean("ignore_merges", rules.IgnoreMerges);
        json.WriteStartObject("vocab");
        Vocabulary tokens = Vocabulary.Of(vocabulary);
        for (int id = 0; id < vocabulary.Count; id++)
        {
            // Of a token that is there twice the last counts.
            if (tokens.IdOf(vocabulary[id]) == id)
            {
                json.WriteNumber(vocabulary[id], id);
            }
        }
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach ((string left, string right) in merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(left);
            json.WriteStringValue(right);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Writes an added token that is looked for in the text as it is.</summary>
    public static void WriteAdded(Utf8JsonWriter json, int id, string content, bool special)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("content", content);
        json.WriteBoolean("single_word", false);
        json.WriteBoolean("lstrip", false);
        json.WriteBoolean("rstrip", false);
        json.WriteBoolean("normalized", false);
        json.WriteBoolean("special", special);
        json.WriteEndObject();
    }

    /// <summary>Writes a pre-tokenizer that cuts by a pattern, or not at all, and writes the byte alphabet.</summary>
    public static void WritePreTokenizer(Utf8JsonWriter json, string? pattern)
    {
        // GPT-2's pattern is ByteLevel's own; any other is a Split before it.
        bool split = pattern is not null and not PreTokenizers.Gpt2Pattern.Text;
        if (split)
        {
            json.WriteStartObject();
            json.WriteString("type", "Sequence");
            json.WriteStartArray("pretokenizers");
            json.WriteStartObject();
            json.WriteString("type", "Split");
            json.WriteStartObject("pattern");
            json.WriteString("Regex", pattern);
            json.WriteEndObject();
            json.WriteString("behavior", "Isolated");
            json.WriteBoolean("invert", false);
            json.WriteEndObject();
        }
        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", pattern is PreTokenizers.Gpt2Pattern.Text);
        json.WriteEndObject();
        if (split)
        {
            json.WriteEndArray();
            json.WriteEndObject();
        }
    }

    /// <summary>Writes ByteLevel as a post-processor or decoder.</summary>
    public static void WriteByteLevel(Utf8JsonWriter json, string name, bool trimOffsets)
    {
        json.WriteStartObject(name);
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", true);
        json.WriteBoolean("trim_offsets", trimOffsets);
        json.WriteBoolean("use_regex", true);
        json.WriteEndObject();
    }

    private static byte[] Json(Action<Utf8JsonWriter> write)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            write(json);
        }
        return buffer.WrittenSpan.ToArray();
    }
}
