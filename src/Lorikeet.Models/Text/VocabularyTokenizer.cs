using System.Text.Encodings.Web;
using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text.Bpe;

namespace Lorikeet.Models.Text;

/// <summary>Makes tokenizers from a vocabulary in memory, as GGUF files and <c>tokenizer.model</c> hold it, instead of a tokenizer.json.</summary>
/// <remarks>A tokenizer.json of the same tokenizer is made on the way: <see cref="Tokenizer.Save"/> writes it, and other programs read it.</remarks>
public static class VocabularyTokenizer
{
    /// <summary>SentencePiece's BPE: the neighbouring tokens whose joined text has the highest score are merged, the leftmost of equals.</summary>
    /// <param name="parts">The vocabulary, with scores and, for text that no token has, the tokens <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>.</param>
    /// <remarks>Kudo, Richardson: SentencePiece, 2018 (arXiv 1808.06226). A space is ▁.</remarks>
    /// <exception cref="BadFileException">The lists do not fit together.</exception>
    public static BpeTokenizer SentencePiece(VocabularyParts parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        parts.Check();
        if (parts.Scores.Count != parts.Tokens.Count)
        {
            throw new BadFileException($"{parts.Source}: the vocabulary has {parts.Tokens.Count} tokens and {parts.Scores.Count} scores; expected as many of both.");
        }
        Vocabulary vocabulary = Vocabulary.Of(parts.Tokens);
        Dictionary<long, (int Rank, int Id)> merges = ScoredMerges(parts, vocabulary);
        byte[] json = Json(parts, writer => WriteSentencePiece(writer, parts, merges));
        return Make(parts, json, new BpeModel(vocabulary, merges, new BpeRules(FuseUnknown: true, ByteFallback: true), parts.UnknownId));
    }

    /// <summary>Byte-level BPE, as GPT-2's and Llama 3's.</summary>
    /// <param name="parts">The vocabulary in the byte alphabet, and the merges in their order, each "a b".</param>
    /// <param name="pattern">The regular expression that cuts a text into words; see <see cref="BpeTrainerOptions"/> for two.</param>
    /// <param name="ignoreMerges">Whether a word that is a token is taken as it is (Llama 3).</param>
    /// <exception cref="BadFileException">A merge names a token that is not there, or the pattern is broken.</exception>
    public static BpeTokenizer ByteLevel(VocabularyParts parts, string pattern, bool ignoreMerges = false)
    {
        ArgumentNullException.ThrowIfNull(parts);
        return ByteLevel(parts, writer => BpeFiles.WritePreTokenizer(writer, pattern), ignoreMerges, composed: false);
    }

    /// <summary>Byte-level BPE with any way of cutting a text into words.</summary>
    /// <param name="parts">The vocabulary in the byte alphabet, and the merges.</param>
    /// <param name="words">Writes the <c>pre_tokenizer</c> of tokenizer.json.</param>
    /// <param name="ignoreMerges">Whether a word that is a token is taken as it is.</param>
    /// <param name="composed">Whether texts are composed (NFC) first.</param>
    internal static BpeTokenizer ByteLevel(VocabularyParts parts, Action<Utf8JsonWriter> words, bool ignoreMerges, bool composed)
    {
        parts.Check();
        byte[] json = Json(parts, writer => WriteByteLevel(writer, parts, words, ignoreMerges, composed));
        return Make(parts, json, model: null);
    }

    private static BpeTokenizer Make(VocabularyParts parts, byte[] tokenizer, BpeModel? model)
    {
        byte[] config = Bytes(writer =>
        {
            writer.WriteStartObject();
            WriteRole(writer, "bos_token", parts, parts.BosId);
            WriteRole(writer, "eos_token", parts, parts.EosId);
            WriteRole(writer, "pad_token", parts, parts.PadId);
            WriteRole(writer, "unk_token", parts, parts.UnknownId);
            writer.WriteBoolean("add_bos_token", parts.AddBos);
            writer.WriteBoolean("add_eos_token", parts.AddEos);
            if (parts.ChatTemplate is not null)
            {
                writer.WriteString("chat_template", parts.ChatTemplate);
            }
            writer.WriteBoolean("clean_up_tokenization_spaces", false);
            writer.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
            writer.WriteEndObject();
        });
        TokenizerFile file = TokenizerFile.InMemory([(TokenizerFile.Name, tokenizer), (TokenizerFile.ConfigName, config)]);
        using JsonDocument json = JsonDocument.Parse(tokenizer);
        JsonPart root = new(json.RootElement, parts.Source, "the tokenizer");
        return model is null ? new BpeTokenizer(file, root) : new BpeTokenizer(file, root, model);
    }

    // Every way to cut a token into two others is a merge; equal scores are equal ranks, so that the leftmost place decides.
    private static Dictionary<long, (int Rank, int Id)> ScoredMerges(VocabularyParts parts, Vocabulary vocabulary)
    {
        float[] ranked = [.. parts.Scores.Distinct().OrderDescending()];
        Dictionary<float, int> ranks = [];
        for (int i = 0; i < ranked.Length; i++)
        {
            ranks[ranked[i]] = i;
        }
        Dictionary<long, (int Rank, int Id)> merges = [];
        for (int id = 0; id < parts.Tokens.Count; id++)
        {
            string token = parts.Tokens[id];
            if (!parts.IsText(id) || vocabulary.IdOf(token) != id || token.Length > VocabularyParts.MostTokenLength)
            {
                continue;
            }
            for (int cut = 1; cut < token.Length; cut++)
            {
                if (!char.IsLowSurrogate(token[cut]) && vocabulary.TryGet(token.AsSpan(0, cut), out int left) && vocabulary.TryGet(token.AsSpan(cut), out int right)
                    && parts.IsText(left) && parts.IsText(right))
                {
                    merges[PairTable.Key(left, right)] = (ranks[parts.Scores[id]], id);
                }
            }
        }
        return merges;
    }

    private static byte[] Json(VocabularyParts parts, Action<Utf8JsonWriter> body) => Bytes(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("version", "1.0");
        writer.WriteNull("truncation");
        writer.WriteNull("padding");
        writer.WriteStartArray("added_tokens");
        for (int id = 0; id < parts.Tokens.Count; id++)
        {
            if (parts.Kinds.Count > id && parts.Kinds[id] is TokenKind.Control or TokenKind.Unknown or TokenKind.UserDefined && parts.Tokens[id].Length > 0)
            {
                BpeFiles.WriteAdded(writer, id, parts.Tokens[id], special: parts.Kinds[id] != TokenKind.UserDefined);
            }
        }
        writer.WriteEndArray();
        body(writer);
        writer.WriteEndObject();
    });

    private static void WriteSentencePiece(Utf8JsonWriter json, VocabularyParts parts, Dictionary<long, (int Rank, int Id)> merges)
    {
        json.WritePropertyName("normalizer");
        json.WriteRawValue(parts.AddSpacePrefix
            ? """{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}"""
            : """{"type":"Replace","pattern":{"String":" "},"content":"▁"}""");
        json.WriteNull("pre_tokenizer");
        WriteTemplate(json, parts);
        json.WritePropertyName("decoder");
        string strip = parts.AddSpacePrefix ? ""","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}"""
            : ""","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"}]}""";
        json.WriteRawValue("""{"type":"Sequence" """ + strip);
        IEnumerable<(string, string)> ordered = merges.OrderBy(m => m.Value.Rank).ThenBy(m => m.Key).Select(m => (parts.Tokens[(int)(m.Key >> 32)], parts.Tokens[(int)m.Key]));
        BpeFiles.WriteModel(json, parts.Tokens, ordered, parts.UnknownId is { } unknown ? parts.Tokens[unknown] : null, new BpeRules(FuseUnknown: true, ByteFallback: true));
    }

    private static void WriteByteLevel(Utf8JsonWriter json, VocabularyParts parts, Action<Utf8JsonWriter> words, bool ignoreMerges, bool composed)
    {
        json.WritePropertyName("normalizer");
        json.WriteRawValue(composed ? """{"type":"NFC"}""" : "null");
        json.WritePropertyName("pre_tokenizer");
        words(json);
        WriteTemplate(json, parts);
        BpeFiles.WriteByteLevel(json, "decoder", trimOffsets: true);
        IEnumerable<(string, string)> merges = parts.Merges.Select(m =>
        {
            int space = m.IndexOf(' ', StringComparison.Ordinal);
            return space > 0 ? (m[..space], m[(space + 1)..]) : throw new BadFileException($"{parts.Source}: the merge '{BadFileException.Short(m)}' is not two tokens with a space between.");
        });
        BpeFiles.WriteModel(json, parts.Tokens, merges, unknown: null, new BpeRules(IgnoreMerges: ignoreMerges));
    }

    private static void WriteTemplate(Utf8JsonWriter json, VocabularyParts parts)
    {
        int? bos = parts.AddBos ? parts.BosId : null, eos = parts.AddEos ? parts.EosId : null;
        if (bos is null && eos is null)
        {
            json.WriteNull("post_processor");
            return;
        }
        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        WriteSteps("single", pair: false);
        WriteSteps("pair", pair: true);
        json.WriteStartObject("special_tokens");
        foreach (int id in new[] { bos, eos }.OfType<int>().Distinct())
        {
            json.WriteStartObject(parts.Tokens[id]);
            json.WriteString("id", parts.Tokens[id]);
            json.WriteStartArray("ids");
            json.WriteNumberValue(id);
            json.WriteEndArray();
            json.WriteStartArray("tokens");
            json.WriteStringValue(parts.Tokens[id]);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteEndObject();

        void WriteSteps(string name, bool pair)
        {
            json.WriteStartArray(name);
            for (int text = 0; text < (pair ? 2 : 1); text++)
            {
                WriteStep("SpecialToken", bos is { } b ? parts.Tokens[b] : null, text);
                WriteStep("Sequence", text == 0 ? "A" : "B", text);
                WriteStep("SpecialToken", eos is { } e ? parts.Tokens[e] : null, text);
            }
            json.WriteEndArray();
        }

        void WriteStep(string kind, string? id, int type)
        {
            if (id is null)
            {
                return;
            }
            json.WriteStartObject();
            json.WriteStartObject(kind);
            json.WriteString("id", id);
            json.WriteNumber("type_id", type);
            json.WriteEndObject();
            json.WriteEndObject();
        }
    }

    private static void WriteRole(Utf8JsonWriter json, string role, VocabularyParts parts, int? id) =>
        json.WriteString(role, id is { } known ? parts.Tokens[known] : null);

    private static byte[] Bytes(Action<Utf8JsonWriter> write)
    {
        System.Buffers.ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            write(json);
        }
        return buffer.WrittenSpan.ToArray();
    }
}
