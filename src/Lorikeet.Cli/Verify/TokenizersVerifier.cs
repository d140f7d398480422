using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Verify;

/// <summary>
/// Area <c>tokenizers</c>: folders of tokenizer.json and cases.json (ids, tokens, offsets, pairs, decoding, streaming), JSON files that
/// say what a BPE trainer must learn, and lists of character classes. Everything must be equal; there is no tolerance.
/// </summary>
internal sealed class TokenizersVerifier : IVerifier
{
    private const string CasesName = "cases.json";
    private const string TrainingFolder = "bpe-training";

    /// <inheritdoc/>
    public string Area => "tokenizers";

    /// <inheritdoc/>
    public bool TakesFiles => true;

    /// <inheritdoc/>
    public IEnumerable<string> Cases(string path)
    {
        IEnumerable<string> training = Directory.EnumerateFiles(path, "*.json", SearchOption.AllDirectories)
            .Where(f => Path.GetFileName(Path.GetDirectoryName(f)) == TrainingFolder);
        string[] folders = [.. VerifyRunner.FoldersWith(path, CasesName)];
        // Beside the folders of tokenizers lie lists of character classes.
        IEnumerable<string> lists = folders.Contains(path) ? [] : Directory.EnumerateFiles(path, "*.json").Except(training);
        return folders.Concat(training).Concat(lists).Order(StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public void Verify(string path, CaseReport report)
    {
        if (File.Exists(path) && Path.GetFileName(path) != CasesName)
        {
            VerifyFile(path, report);
            return;
        }
        string folder = File.Exists(path) ? Path.GetDirectoryName(path)! : path;
        Tokenizer tokenizer = Tokenizer.Load(folder);
        using JsonDocument json = SafeJson.ReadObject(Path.Combine(folder, CasesName));
        foreach (JsonElement item in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            Text(tokenizer, item, report);
        }
        foreach (JsonElement item in json.RootElement.GetProperty("pairs").EnumerateArray())
        {
            Pair(tokenizer, item, report);
        }
        foreach (JsonElement item in json.RootElement.GetProperty("decode_cases").EnumerateArray())
        {
            int[] ids = Integers(item.GetProperty("ids"));
            string name = $"decode {item.GetProperty("name").GetString()}";
            Same(report, $"{name}: text", item.GetProperty("text").GetString(), tokenizer.Decode(ids, skipSpecialTokens: false));
            Same(report, $"{name}: text_skip", item.GetProperty("text_skip").GetString(), tokenizer.Decode(ids));
        }
        foreach (JsonElement item in json.RootElement.GetProperty("stream_cases").EnumerateArray())
        {
            Stream(tokenizer, item, report);
        }
        if (json.RootElement.GetProperty("about").TryGetProperty("tokens_only_ignore_merges_reaches", out JsonElement whole))
        {
            WholeTokens(tokenizer, whole, report);
        }
    }

    private static void VerifyFile(string path, CaseReport report)
    {
        using JsonDocument json = SafeJson.ReadObject(path);
        if (CharacterClassCase.Is(json.RootElement))
        {
            CharacterClassCase.Verify(json.RootElement, report);
        }
        else
        {
            BpeTrainingCase.Verify(json.RootElement, report);
        }
    }

    /// <summary>Compares two lists, whole.</summary>
    internal static void Same<T>(CaseReport report, string what, IEnumerable<T> expected, IEnumerable<T> found)
    {
        T[] wanted = [.. expected], got = [.. found];
        int at = wanted.AsSpan().CommonPrefixLength(got);
        report.Equal(what, at == wanted.Length && at == got.Length, $"differs from entry {at} on: expected [{Shown(wanted, at)}], computed [{Shown(got, at)}]");
    }

    internal static int[] Integers(JsonElement list) => [.. list.EnumerateArray().Select(n => n.GetInt32())];

    internal static string[] Texts(JsonElement list) => [.. list.EnumerateArray().Select(n => n.GetString()!)];

    private static void Text(Tokenizer tokenizer, JsonElement item, CaseReport report)
    {
        string text = item.GetProperty("text").GetString()!;
        bool special = item.GetProperty("add_special_tokens").GetBoolean();
        string name = $"{item.GetProperty("name").GetString()} {Quoted(text)}{(special ? " with special tokens" : "")}";
        int[] ids = Integers(item.GetProperty("ids"));
        Same(report, $"{name}: ids", ids, tokenizer.Encode(text, special));
        Same(report, $"{name}: decoded", item.GetProperty("decoded").GetString(), tokenizer.Decode(ids, skipSpecialTokens: false));
        Same(report, $"{name}: decoded_skip", item.GetProperty("decoded_skip").GetString(), tokenizer.Decode(ids));
        // Long texts are brief: they have neither tokens nor offsets.
        if (item.TryGetProperty("tokens", out JsonElement tokens))
        {
            EncodedText full = tokenizer.EncodeFull(text, addSpecialTokens: special);
            int[] bytes = ByteStarts(text);
            Same(report, $"{name}: ids with offsets", ids, full.Ids);
            Same(report, $"{name}: tokens", Texts(tokens), full.Tokens);
            Same(report, $"{name}: offsets", Ranges(item.GetProperty("offsets")), full.Offsets);
            Same(report, $"{name}: byte_offsets", Ranges(item.GetProperty("byte_offsets")), full.Offsets.Select(o => (bytes[o.Start], bytes[o.End])));
        }
    }

    private static void Pair(Tokenizer tokenizer, JsonElement item, CaseReport report)
    {
        string text = item.GetProperty("text").GetString()!;
        bool special = item.GetProperty("add_special_tokens").GetBoolean();
        string name = $"pair {Quoted(text)}{(special ? " with special tokens" : "")}";
        EncodedText full = tokenizer.EncodeFull(text, item.GetProperty("text_pair").GetString(), special);
        Same(report, $"{name}: ids", Integers(item.GetProperty("ids")), full.Ids);
        Same(report, $"{name}: type_ids", Integers(item.GetProperty("type_ids")), full.TypeIds);
        Same(report, $"{name}: tokens", Texts(item.GetProperty("tokens")), full.Tokens);
        Same(report, $"{name}: offsets", Ranges(item.GetProperty("offsets")), full.Offsets);
        Same(report, $"{name}: sequence_ids", item.GetProperty("sequence_ids").EnumerateArray().Select(s => s.ValueKind == JsonValueKind.Null ? (int?)null : s.GetInt32()), full.SequenceIds);
        Same(report, $"{name}: special_tokens_mask", Integers(item.GetProperty("special_tokens_mask")), full.SpecialTokensMask);
    }

    private static void Stream(Tokenizer tokenizer, JsonElement item, CaseReport report)
    {
        TextStream stream = tokenizer.Stream(item.GetProperty("skip_special_tokens").GetBoolean());
        List<string> pieces = [.. Integers(item.GetProperty("ids")).Select(stream.Push)];
        pieces.Add(stream.Close());
        string name = $"stream {item.GetProperty("name").GetString()}";
        string full = item.GetProperty("full").GetString()!;
        string[] expected = Texts(item.GetProperty("pieces"));
        Same(report, $"{name}: full", full, string.Concat(pieces));
        Same(report, $"{name}: pieces joined", full, string.Concat(expected));
        // Two ways of waiting may be given; either is right.
        if (item.TryGetProperty("eager", out JsonElement eager) && eager.ValueKind == JsonValueKind.Array && Texts(eager).SequenceEqual(pieces))
        {
            Same(report, $"{name}: eager", Texts(eager), pieces);
        }
        else if (full.Contains('\uFFFD', StringComparison.Ordinal))
        {
            BrokenPieces(report, $"{name}: pieces", expected, pieces);
        }
        else
        {
            Same(report, $"{name}: pieces", expected, pieces);
        }
    }

    // When broken bytes are known to be broken differs (ED A0 begins no character, yet the reference waits for a third byte), so each
    // may be ahead of the other, but by nothing but U+FFFD.
    private static void BrokenPieces(CaseReport report, string what, string[] expected, List<string> found)
    {
        string wanted = "", got = "";
        for (int i = 0; i < Math.Max(expected.Length, found.Count); i++)
        {
            wanted += i < expected.Length ? expected[i] : "";
            got += i < found.Count ? found[i] : "";
            string longer = wanted.Length > got.Length ? wanted : got, shorter = wanted.Length > got.Length ? got : wanted;
            if (expected.Length != found.Count || !longer.StartsWith(shorter, StringComparison.Ordinal) || longer[shorter.Length..].Any(c => c != '\uFFFD'))
            {
                report.Equal(what, false, $"after piece {i}: expected {Quoted(wanted)}, computed {Quoted(got)}");
                return;
            }
        }
        report.Equal(what, true, "");
    }

    private static void WholeTokens(Tokenizer tokenizer, JsonElement tokens, CaseReport report)
    {
        foreach (string token in Texts(tokens))
        {
            int[] id = tokenizer.TokenId(token) is { } found ? [found] : [];
            string text = tokenizer.Decode(id, skipSpecialTokens: false);
            // A token that is part of a character is no text.
            if (id.Length == 0 || !text.Contains('\uFFFD', StringComparison.Ordinal))
            {
                Same(report, $"whole token {Quoted(token)}", id.Length == 0 ? [-1] : id, tokenizer.Encode(text, addSpecialTokens: false));
            }
        }
    }

    private static void Same(CaseReport report, string what, string? expected, string found) =>
        report.Equal(what, expected == found, $"expected {Quoted(expected ?? "")}, computed {Quoted(found)}");

    private static string Shown<T>(T[] values, int at) => string.Join(" ", values.Skip(at).Take(12)) + (values.Length > at + 12 ? " ..." : "");

    private static string Quoted(string text)
    {
        const int Most = 40;
        int cut = text.Length <= Most ? text.Length : char.IsHighSurrogate(text[Most - 1]) ? Most - 1 : Most;
        return JsonSerializer.Serialize(text[..cut]) + (cut < text.Length ? "..." : "");
    }

    private static int[] ByteStarts(string text)
    {
        List<int> starts = [0];
        foreach (System.Text.Rune rune in text.EnumerateRunes())
        {
            starts.Add(starts[^1] + rune.Utf8SequenceLength);
        }
        return [.. starts];
    }

    private static (int, int)[] Ranges(JsonElement list) => [.. list.EnumerateArray().Select(r => (r[0].GetInt32(), r[1].GetInt32()))];
}
