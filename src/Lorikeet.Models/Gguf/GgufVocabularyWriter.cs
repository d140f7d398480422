using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Models.Gguf;

/// <summary>Writes a tokenizer as metadata: byte-level BPE from its tokenizer.json, SentencePiece's BPE from tokenizer.model or, without one, from the merges.</summary>
internal static class GgufVocabularyWriter
{
    // A token that no merge makes: below all that are made.
    private const float NeverMerged = -1e9f;

    /// <summary>Writes the metadata.</summary>
    /// <param name="from">A model folder, or a GGUF file, whose metadata is copied.</param>
    /// <param name="config">The model, for the number of its tokens and the ids that end a text.</param>
    /// <param name="metadata">Receives the keys.</param>
    /// <exception cref="NotSupportedException">GGUF files, or this version, cannot hold the tokenizer; the message says what of it.</exception>
    public static void Write(string from, ModelConfig config, GgufMetadata metadata)
    {
        if (GgufFile.Is(from))
        {
            using GgufFile file = GgufFile.Open(from);
            foreach ((string key, GgufValue value) in file.Metadata.Where(m => m.Key.StartsWith("tokenizer.", StringComparison.Ordinal)))
            {
                metadata.Values[key] = value;
            }
            return;
        }
        string pieces = Path.Combine(from, "tokenizer.model"), json = Path.Combine(from, TokenizerFile.Name);
        if (!File.Exists(json))
        {
            if (!File.Exists(pieces))
            {
                throw new BadFileException($"{from} has neither {TokenizerFile.Name} nor tokenizer.model; expected one of them, whose tokens become the file's.");
            }
            Pieces(SentencePieceFile.Read(pieces), null, config, metadata);
            Roles(null, from, config, metadata);
            return;
        }
        using JsonDocument document = SafeJson.ReadObject(json);
        JsonObject root = JsonObject.Create(document.RootElement.Clone())!;
        Tokenizer tokenizer = Tokenizer.Load(from);
        NotSupportedException No(string what) => new($"{json}: {what} has no form in GGUF files: they hold byte-level BPE with known patterns, and SentencePiece's BPE");
        if (root["model"] is not JsonObject model || (model["type"]?.ToString() ?? "BPE") != "BPE")
        {
            throw No($"the model {root["model"]?["type"]?.ToString() ?? "?"}");
        }
        if (True(model["byte_fallback"]))
        {
            SentencePieceFile? scored = File.Exists(pieces) ? SentencePieceFile.Read(pieces) : null;
            Pieces(scored, (root, tokenizer), config, metadata);
        }
        else
        {
            bool ignore = True(model["ignore_merges"]);
            string normalizer = root["normalizer"]?["type"]?.ToString() ?? "";
            string[] merges = [.. Merges(model).Select(m => $"{m.Left} {m.Right}")];
            // Where nothing is merged it does not matter where words end.
            GgufPattern pattern = GgufPattern.Of(root["pre_tokenizer"], ignore, normalizer == "NFC")
                ?? (merges.Length == 0 && root["pre_tokenizer"]?["type"]?.ToString() == "ByteLevel" ? GgufPattern.Find("gpt-2")! : null) ?? throw No($"the pre_tokenizer{(ignore ? " with ignore_merges" : "")}");
            if (normalizer is not ("" or "NFC"))
            {
                throw No($"the normalizer {normalizer}");
            }
            metadata.Add("tokenizer.ggml.model", "gpt2");
            metadata.Add("tokenizer.ggml.pre", pattern.Name);
            (string[] tokens, TokenKind[] kinds) = Tokens(root, config, null);
            metadata.Add("tokenizer.ggml.tokens", tokens);
            metadata.Add("tokenizer.ggml.token_type", Array.ConvertAll(kinds, k => (int)k));
            metadata.Add("tokenizer.ggml.merges", merges);
        }
        Roles(tokenizer, from, config, metadata);
    }

    private static void Pieces(SentencePieceFile? file, (JsonObject Root, Tokenizer Tokenizer)? hub, ModelConfig config, GgufMetadata metadata)
    {
        if (file is { IsBpe: false })
        {
            throw new NotSupportedException("a unigram tokenizer.model has no form in GGUF files of this architecture: they hold SentencePiece's BPE");
        }
        string[] tokens;
        TokenKind[] kinds;
        float[] scores = new float[config.VocabularySize];
        if (hub is { } own)
        {
            (tokens, kinds) = Tokens(own.Root, config, file);
            Dictionary<string, int> ids = [];
            for (int id = 0; id < tokens.Length; id++)
            {
                ids[tokens[id]] = id;
            }
            if (file is null)
            {
                ScoresOfMerges((JsonObject)own.Root["model"]!, ids, kinds, scores);
            }
        }
        else
        {
            (tokens, kinds) = Tokens(null, config, file);
        }
        for (int id = 0; file is not null && id < tokens.Length; id++)
        {
            scores[id] = id < file.Pieces.Count ? file.Pieces[id].Score : kinds[id] == TokenKind.Normal ? NeverMerged : 0;
        }
        metadata.Add("tokenizer.ggml.model", "llama");
        metadata.Add("tokenizer.ggml.pre", "default");
        metadata.Add("tokenizer.ggml.tokens", tokens);
        metadata.Add("tokenizer.ggml.scores", scores);
        metadata.Add("tokenizer.ggml.token_type", Array.ConvertAll(kinds, k => (int)k));
        metadata.Add("tokenizer.ggml.add_space_prefix", hub is { } json ? SpacePrefix(json.Root) : file!.AddSpacePrefix);
        int unknown = Array.IndexOf(kinds, TokenKind.Unknown);
        if (unknown >= 0)
        {
            metadata.Add("tokenizer.ggml.unknown_token_id", (uint)unknown);
        }
    }

    // A merge's rank says what a score would: the earlier, the higher.
    private static void ScoresOfMerges(JsonObject model, Dictionary<string, int> ids, TokenKind[] kinds, float[] scores)
    {
        bool[] made = new bool[scores.Length];
        int rank = 0;
        foreach ((string left, string right) in Merges(model))
        {
            rank++;
            if (ids.TryGetValue(left + right, out int id) && !made[id])
            {
                (scores[id], made[id]) = (-rank, true);
            }
        }
        foreach ((string token, int id) in ids)
        {
            if (!made[id] && kinds[id] == TokenKind.Normal && token.EnumerateRunes().Count() > 1)
            {
                scores[id] = NeverMerged;
            }
        }
    }

    private static (string[] Tokens, TokenKind[] Kinds) Tokens(JsonObject? root, ModelConfig config, SentencePieceFile? file)
    {
        string?[] tokens = new string?[config.VocabularySize];
        TokenKind[] kinds = new TokenKind[tokens.Length];
        if (root is not null)
        {
            JsonObject model = (JsonObject)root["model"]!;
            string? unknown = model["unk_token"]?.ToString();
            foreach ((string token, JsonNode? id) in (JsonObject)model["vocab"]!)
            {
                Put(id!.GetValue<int>(), token, token == unknown ? TokenKind.Unknown : True(model["byte_fallback"]) && IsByte(token) ? TokenKind.Byte : TokenKind.Normal);
            }
            foreach (JsonNode? added in root["added_tokens"] as JsonArray ?? [])
            {
                int id = added!["id"]!.GetValue<int>();
                string content = added["content"]!.ToString();
                Put(id, content, content == unknown ? TokenKind.Unknown : True(added["special"]) ? TokenKind.Control : TokenKind.UserDefined);
            }
        }
        for (int id = 0; id < (file?.Pieces.Count ?? 0); id++)
        {
            // tokenizer.json may know more of a token than the pieces do, never less.
            if (root is null || (id < tokens.Length && tokens[id] is null))
            {
                Put(id, file!.Pieces[id].Text, file.Pieces[id].Kind);
            }
        }
        for (int id = 0; id < tokens.Length; id++)
        {
            if (tokens[id] is null)
            {
                (tokens[id], kinds[id]) = ($"[PAD{id}]", TokenKind.Unused);
            }
        }
        return ([.. tokens.Select(t => t!)], kinds);

        void Put(int id, string token, TokenKind kind)
        {
            if (id < 0 || id >= tokens.Length)
            {
                throw new BadFileException($"the tokenizer has the token '{BadFileException.Short(token)}' with the id {id}, the model a table of {tokens.Length} rows: they do not belong together.");
            }
            (tokens[id], kinds[id]) = (token, kind);
        }
    }

    private static void Roles(Tokenizer? tokenizer, string folder, ModelConfig config, GgufMetadata metadata)
    {
        GenerationSettings settings = GenerationSettings.Read(folder, config);
        int? begin = tokenizer?.BosId ?? config.BeginId, end = tokenizer?.EosId ?? (config.EndIds.Count > 0 ? config.EndIds[0] : null);
        Role("bos", begin);
        Role("eos", end);
        // A chat model ends a turn with another token than a text.
        Role("eot", settings.EndIds.Concat(config.EndIds).Where(id => id != end).Select(id => (int?)id).FirstOrDefault());
        Role("padding", tokenizer?.PadId ?? settings.PadId);
        if (tokenizer is not null)
        {
            int[] framed = tokenizer.Encode("a"), plain = tokenizer.Encode("a", addSpecialTokens: false);
            metadata.Add("tokenizer.ggml.add_bos_token", framed.Length > plain.Length && framed[0] == begin);
            metadata.Add("tokenizer.ggml.add_eos_token", framed.Length > plain.Length && framed[^1] == end);
        }
        if (ChatTemplate(folder) is { } template)
        {
            metadata.Add("tokenizer.chat_template", template);
        }

        void Role(string role, int? id)
        {
            if (id is >= 0 && id < config.VocabularySize)
            {
                metadata.Add($"tokenizer.ggml.{role}_token_id", (uint)id.Value);
            }
        }
    }

    private static string? ChatTemplate(string folder)
    {
        string alone = Path.Combine(folder, "chat_template.jinja"), config = Path.Combine(folder, TokenizerFile.ConfigName);
        if (File.Exists(alone))
        {
            return File.ReadAllText(alone);
        }
        if (!File.Exists(config))
        {
            return null;
        }
        using JsonDocument json = SafeJson.ReadObject(config);
        if (!json.RootElement.TryGetProperty("chat_template", out JsonElement template))
        {
            return null;
        }
        // Several have names; without one the default is meant.
        return template.ValueKind switch
        {
            JsonValueKind.String => template.GetString(),
            JsonValueKind.Array => template.EnumerateArray().Where(t => t.ValueKind == JsonValueKind.Object && t.TryGetProperty("name", out JsonElement name)
                && name.ValueKind == JsonValueKind.String && name.GetString() == "default").Select(t => t.GetProperty("template").GetString()).FirstOrDefault(),
            _ => null,
        };
    }

    private static IEnumerable<(string Left, string Right)> Merges(JsonObject model)
    {
        foreach (JsonNode? merge in model["merges"] as JsonArray ?? [])
        {
            if (merge is JsonArray pair)
            {
                yield return (pair[0]!.ToString(), pair[1]!.ToString());
                continue;
            }
            string text = merge!.ToString();
            int space = text.IndexOf(' ', StringComparison.Ordinal);
            yield return (text[..space], text[(space + 1)..]);
        }
    }

    // A normaliser that prepends, or Metaspace that does not leave it.
    private static bool SpacePrefix(JsonObject root)
    {
        JsonNode? normalizer = root["normalizer"], words = root["pre_tokenizer"];
        IEnumerable<JsonNode?> normalizers = normalizer?["normalizers"] as JsonArray ?? [normalizer];
        IEnumerable<JsonNode?> parts = words?["pretokenizers"] as JsonArray ?? [words];
        return normalizers.Any(n => n?["type"]?.ToString() == "Prepend")
            || parts.Any(p => p?["type"]?.ToString() == "Metaspace" && p["prepend_scheme"]?.ToString() != "never" && !False(p["add_prefix_space"]));
    }

    private static bool IsByte(string token) => token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>' && char.IsAsciiHexDigitUpper(token[3]) && char.IsAsciiHexDigitUpper(token[4]);

    private static bool True(JsonNode? node) => node is JsonValue value && value.TryGetValue(out bool truth) && truth;

    private static bool False(JsonNode? node) => node is JsonValue value && value.TryGetValue(out bool truth) && !truth;
}
