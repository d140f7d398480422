using System.Globalization;
using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Verify;

/// <summary>A file that lists classes of code points, and says in <c>about.meaning</c> what each is to a tokenizer: every code point is put through one.</summary>
internal static class CharacterClassCase
{
    private const int ChunkSize = 2048;
    private const string EachCharacter = """{"type":"FixedLength","length":1}""";

    // One line a class: the tokenizer that tells, and how its tokens at a code point's place tell.
    private static readonly Dictionary<string, (string Normalizer, string PreTokenizer, Func<string[], bool> Tells)> Classes = new()
    {
        ["regex_L"] = ("null", Split(@"\\p{L}"), Gone),
        ["regex_N"] = ("null", Split(@"\\p{N}"), Gone),
        ["regex_space"] = ("null", Split(@"\\s"), Gone),
        ["bert_punctuation"] = ("null", """{"type":"BertPreTokenizer"}""", Alone),
        ["bert_whitespace"] = ("null", """{"type":"BertPreTokenizer"}""", Gone),
        ["whitespace_split"] = ("null", """{"type":"WhitespaceSplit"}""", Gone),
        ["digits"] = ("null", """{"type":"Digits","individual_digits":true}""", Alone),
        ["bert_clean_removed"] = (Bert(clean: true), EachCharacter, Gone),
        ["bert_clean_to_space"] = (Bert(clean: true), EachCharacter, tokens => tokens is [" "]),
        ["bert_chinese"] = (Bert(chinese: true), EachCharacter, tokens => tokens is [" ", _, " "]),
        ["bert_strip_accents_removed"] = (Bert(accents: true), EachCharacter, Gone),
        ["strip_accents_removed"] = ("""{"type":"StripAccents"}""", EachCharacter, Gone),
    };

    /// <summary>Whether a JSON file is such a list.</summary>
    public static bool Is(JsonElement root) => root.TryGetProperty("about", out JsonElement about) && about.TryGetProperty("meaning", out _);

    /// <summary>Compares all classes.</summary>
    public static void Verify(JsonElement root, CaseReport report)
    {
        foreach (JsonProperty entry in root.EnumerateObject().Where(e => e.Name != "about"))
        {
            if (entry.Name == "lowercase_longer")
            {
                VerifyLowercase(entry.Value, report);
            }
            else if (Classes.TryGetValue(entry.Name, out (string Normalizer, string PreTokenizer, Func<string[], bool> Tells) test))
            {
                int space = entry.Name == "bert_clean_to_space" ? ' ' : -1;
                string[] found = Ranges(Tokens(test.Normalizer, test.PreTokenizer).Where(t => test.Tells(t.Tokens) && t.CodePoint != space).Select(t => t.CodePoint));
                TokenizersVerifier.Same(report, entry.Name, TokenizersVerifier.Texts(entry.Value), found);
            }
            else
            {
                report.Unsupported($"{entry.Name} is no class that this version knows");
            }
        }
    }

    private static void VerifyLowercase(JsonElement list, CaseReport report)
    {
        IEnumerable<(string, string)> expected = list.EnumerateArray().Select(e => (e[0].GetString()!, e[1].GetString()!));
        IEnumerable<(string, string)> found = Tokens("""{"type":"Lowercase"}""", EachCharacter).Where(t => t.Tokens.Length > 1)
            .Select(t => (Hexadecimal(t.CodePoint), string.Join(' ', t.Tokens.Select(s => Hexadecimal(char.ConvertToUtf32(s, 0))))));
        TokenizersVerifier.Same(report, "lowercase_longer", expected, found);
    }

    // Each code point between two letters, and what a tokenizer whose every word is unknown, and so shown as it is, makes of it.
    private static IEnumerable<(int CodePoint, string[] Tokens)> Tokens(string normalizer, string preTokenizer)
    {
        string json = $$"""{"normalizer":{{normalizer}},"pre_tokenizer":{{preTokenizer}},"model":{"type":"Unigram","vocab":[["<unk>",0]],"unk_id":0} }""";
        Tokenizer tokenizer = Tokenizer.Parse(Encoding.UTF8.GetBytes(json), "the tokenizer of the case");
        for (int first = 0; first < 0x110000; first += ChunkSize)
        {
            int[] codePoints = [.. Enumerable.Range(first, ChunkSize).Where(Rune.IsValid)];
            string text = string.Concat(codePoints.Select(c => $"a{new Rune(c)}")) + "a";
            EncodedText encoded = tokenizer.EncodeFull(text, addSpecialTokens: false);
            ILookup<int, string> byPlace = Enumerable.Range(0, encoded.Ids.Count).Where(i => encoded.Offsets[i].End - encoded.Offsets[i].Start == 1)
                .ToLookup(i => encoded.Offsets[i].Start, i => encoded.Tokens[i]);
            HashSet<int> covered = [.. encoded.Offsets.SelectMany(o => Enumerable.Range(o.Start, o.End - o.Start))];
            for (int i = 0; i < codePoints.Length; i++)
            {
                int place = 2 * i + 1;
                yield return (codePoints[i], covered.Contains(place) && !byPlace.Contains(place) ? ["a?"] : [.. byPlace[place]]);
            }
        }
    }

    private static bool Alone(string[] tokens) => tokens is [not "a?"];

    private static bool Gone(string[] tokens) => tokens.Length == 0;

    private static string Split(string pattern) => $$"""{"type":"Split","pattern":{"Regex":"{{pattern}}"},"behavior":"Removed","invert":false}""";

    private static string Bert(bool clean = false, bool chinese = false, bool accents = false) =>
        $$"""{"type":"BertNormalizer","clean_text":{{Json(clean)}},"handle_chinese_chars":{{Json(chinese)}},"strip_accents":{{Json(accents)}},"lowercase":false}""";

    private static string Json(bool value) => value ? "true" : "false";

    private static string[] Ranges(IEnumerable<int> codePoints)
    {
        List<(int First, int Last)> ranges = [];
        foreach (int c in codePoints)
        {
            if (ranges.Count > 0 && ranges[^1].Last == c - 1)
            {
                ranges[^1] = (ranges[^1].First, c);
            }
            else
            {
                ranges.Add((c, c));
            }
        }
        return [.. ranges.Select(r => r.First == r.Last ? Hexadecimal(r.First) : $"{Hexadecimal(r.First)}-{Hexadecimal(r.Last)}")];
    }

    private static string Hexadecimal(int codePoint) => codePoint.ToString("X4", CultureInfo.InvariantCulture);
}
