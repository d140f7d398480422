using System.Text;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Tests.Text;

public sealed class CompositionTests
{
    [Theory]
    [InlineData("e\u0301x", "éx", new[] { -1, 0 })]
    [InlineData("éx", "éx", new[] { 0, 0 })]
    [InlineData("a\u0301\u0323", "\u1EA1\u0301", new[] { -1, 0 })]
    [InlineData("a\u0323\u0301", "\u1EA1\u0301", new[] { -1, 0 })]
    [InlineData("\u0301a", "\u0301a", new[] { 0, 0 })]
    [InlineData("\u212B\u2126", "ÅΩ", new[] { 0, 0 })]
    [InlineData("\u1112\u1161\u11AB", "한", new[] { -2 })]
    [InlineData("하\u11AB", "한", new[] { -1 })]
    [InlineData("\u0958", "\u0915\u093C", new[] { 0, 1 })]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165", new[] { 0, 1 })]
    [InlineData("q\u0307\u0323", "q\u0323\u0307", new[] { 0, 0 })]
    [InlineData("\u09C7\u09BE", "\u09CB", new[] { -1 })]
    [InlineData("a\u0305\u0301", "a\u0305\u0301", new[] { 0, 0, 0 })]
    public void Composed_text_and_changes(string text, string expected, int[] changes)
    {
        List<(int CodePoint, int Change)> composed = Compose(text);
        Assert.Equal(expected, string.Concat(composed.Select(c => new Rune(c.CodePoint).ToString())));
        Assert.Equal(changes, composed.Select(c => c.Change).Take(changes.Length));
        Assert.Equal(text.EnumerateRunes().Count(), composed.Sum(c => 1 - c.Change));
        Assert.True(!Composition.IsStable(text) || text == expected);
    }

    [Fact]
    public void Every_listed_character_keeps_its_meaning()
    {
        foreach (string entry in CanonicalData.Decompositions.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            int sign = entry.AsSpan().IndexOfAny('=', '>');
            int whole = CodePointSet.Hexadecimal(entry.AsSpan(0, sign));
            string parts = string.Concat(entry[(sign + 1)..].Split('+').Select(p => new Rune(CodePointSet.Hexadecimal(p)).ToString()));
            Assert.Equal(Compose(parts).Select(c => c.CodePoint), Compose(new Rune(whole).ToString()).Select(c => c.CodePoint));
            if (entry[sign] == '=')
            {
                Assert.Equal(whole, Assert.Single(Compose(parts)).CodePoint);
            }
        }
    }

    [Fact]
    public void A_run_of_marks_takes_no_quadratic_time()
    {
        string marks = "a" + string.Concat(Enumerable.Repeat("\u0301\u0323", 500_000));
        Assert.Equal(1_000_000, Compose(marks).Count);
    }

    [Theory]
    [InlineData("ﬁ①Å", true, false, "fi1A\u030A")]
    [InlineData("ﬁ①A\u030A", true, true, "fi1Å")]
    [InlineData("é한", false, false, "e\u0301\u1112\u1161\u11AB")]
    [InlineData("\uFDFA", true, true, "صلى الله عليه وسلم")]
    [InlineData("\u1D62\uFF21\u3000", true, false, "iA ")]
    public void Other_forms(string text, bool compatible, bool compose, string expected)
    {
        List<(int CodePoint, int Change)> result = [];
        Composition.Normalize(text, compatible, compose, result);
        Assert.Equal(expected, string.Concat(result.Select(c => new Rune(c.CodePoint).ToString())));
        Assert.Equal(text.EnumerateRunes().Count(), result.Sum(c => 1 - c.Change));
        Assert.False(Composition.IsSimple(text) && text != expected);
    }

    private static List<(int CodePoint, int Change)> Compose(string text)
    {
        List<(int CodePoint, int Change)> result = [];
        Composition.Normalize(text, compatible: false, compose: true, result);
        return result;
    }
}
