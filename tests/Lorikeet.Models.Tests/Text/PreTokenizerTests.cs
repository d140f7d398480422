using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Models.Text.PreTokenizers;

namespace Lorikeet.Models.Tests.Text;

public sealed class PreTokenizerTests
{
    [Theory]
    [InlineData("Removed", false, "the|final|countdown")]
    [InlineData("Isolated", false, "the|-|final|-|-|countdown|-")]
    [InlineData("MergedWithPrevious", false, "the-|final-|-|countdown-")]
    [InlineData("MergedWithNext", false, "the|-final|-|-countdown|-")]
    [InlineData("Contiguous", false, "the|-|final|--|countdown|-")]
    [InlineData("Removed", true, "-|-|-|-")]
    [InlineData("Isolated", true, "the|-|final|-|-|countdown|-")]
    public void A_split_keeps_its_matches_as_told(string behavior, bool invert, string expected) =>
        Assert.Equal(expected, Words($$"""{"type":"Split","pattern":{"String":"-"},"behavior":"{{behavior}}","invert":{{(invert ? "true" : "false")}}}""", "the-final--countdown-"));

    [Theory]
    [InlineData(@"\\p{L}+|\\p{N}|[^\\p{L}\\p{N}]+", "a\U00020000b1\U0001D7D9😀!", "a\U00020000b|1|\U0001D7D9|😀!")]
    [InlineData(@"[\\p{Lu}\\p{Lt}]+(?!x)|.", "ABx\U00010400", "A|B|x|\U00010400")]
    [InlineData(@"(a+)\\1", "aaaab", "aaaa|b")]
    public void Other_patterns_see_code_points(string pattern, string text, string expected) =>
        Assert.Equal(expected, Words($$"""{"type":"Split","pattern":{"Regex":"{{pattern}}"},"behavior":"Isolated","invert":false}""", text));

    // The hand-written matchers and the general one.
    [Theory]
    [InlineData(0x243F6A8885A308D3)]
    public void Known_patterns_match_as_their_regular_expressions(ulong seed)
    {
        const string Alphabet = "aZé中1٣ \t\r\n\u00A0'''sStTreVEmMdDlL\u017F!.-😀\U00020000\U0001D7D9_";
        WordPattern[] known = [new Gpt2Pattern(), new Cl100kPattern(3), new Cl100kPattern(1)];
        string[] patterns = [Gpt2Pattern.Text, Cl100kPattern.TextOf("{1,3}"), Cl100kPattern.TextOf("")];
        int[] runes = [.. Alphabet.EnumerateRunes().Select(r => r.Value)];
        for (int i = 0; i < patterns.Length; i++)
        {
            RegexPattern regex = RegexPattern.Make(patterns[i], out Exception? problem) ?? throw problem!;
            for (int n = 0; n < 2000; n++)
            {
                System.Text.StringBuilder text = new();
                for (int k = 0; k < 20; k++)
                {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    text.Append(new System.Text.Rune(runes[(int)(seed % (ulong)runes.Length)]));
                }
                List<(int, int)> expected = [];
                List<(int, int)> found = [];
                regex.Find(text.ToString(), expected);
                known[i].Find(text.ToString(), found);
                Assert.True(expected.SequenceEqual(found), $"pattern {i}, seed {seed:X}: {JsonSerializer.Serialize(text.ToString())}");
            }
        }
    }

    [Theory]
    [InlineData(@"(a|aa)+$x(?!y)")]
    [InlineData(@"((a+)+)+\\1b")]
    public void A_slow_pattern_is_stopped(string pattern)
    {
        BadFileException e = Assert.Throws<BadFileException>(() =>
            Words($$"""{"type":"Split","pattern":{"Regex":"{{pattern}}"},"behavior":"Isolated","invert":false}""", new string('a', 5000)));
        Assert.Contains("too long", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type":"Split","pattern":{"Regex":"(unclosed"},"behavior":"Isolated"}""", "(unclosed")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"\\p{NoSuch}+"},"behavior":"Isolated"}""", "uses \\p{NoSuch}, which is not supported")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"a**)"},"behavior":"Isolated"}""", "has a ) without its (")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"[z-a]"},"behavior":"Isolated"}""", "ends before it begins")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"a\\K"},"behavior":"Isolated"}""", "uses \\K, which is not supported")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"((a{900}){900}){900}"},"behavior":"Isolated"}""", "has more than 20000 steps")]
    [InlineData("""{"type":"Split","pattern":{"String":"x"},"behavior":"Other"}""", "behavior 'Other'")]
    [InlineData("""{"type":"Split","pattern":{},"behavior":"Removed"}""", "neither a Regex nor a String")]
    [InlineData("""{"type":"CharDelimiterSplit","delimiter":"ab"}""", "expected one character")]
    [InlineData("""{"type":"Metaspace","replacement":"_","prepend_scheme":"last"}""", "expected always, first or never")]
    [InlineData("""{"type":"Other"}""", "'Other', which is not supported")]
    public void Bad_parts_are_named(string json, string expected)
    {
        Exception e = Assert.ThrowsAny<Exception>(() => Words(json, "x"));
        Assert.True(e is BadFileException or NotSupportedException, e.ToString());
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    private static string Words(string json, string text)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        TextPiece piece = new(text, 0, tracked: true);
        Assert.Equal(text, piece.Text.ToString());
        PreTokenizer.Read(new JsonPart(document.RootElement, "here", "pre_tokenizer")).Apply(piece);
        return string.Join('|', piece.Words.Select(w => piece.Text[w.Start..w.End].ToString()));
    }
}
