using System.Text.RegularExpressions;

namespace Lorikeet.Server.Tests.Keys;

/// <summary>Patterns match what the same regular expressions match, in time linear in the name.</summary>
public sealed class NamePatternsTests
{
    [Theory]
    [InlineData("support-*", "support-bot", true)]
    [InlineData("support-*", "support", false)]
    [InlineData("*", "", true)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "ac", false)]
    [InlineData("*bot", "support-bot", true)]
    [InlineData("base", "base", true)]
    [InlineData("base", "base2", false)]
    [InlineData("a*b*c", "aXbYc", true)]
    public void Pattern(string pattern, string name, bool matches) => Assert.Equal(matches, new NamePatterns([pattern]).Matches(name));

    [Fact]
    public void Random_patterns_match_as_regular_expressions_do()
    {
        CounterRandomOf random = new(11);
        for (int i = 0; i < 2000; i++)
        {
            string[] patterns = [.. Enumerable.Range(0, 1 + random.Next(5)).Select(_ => Text(random, "ab*?", 1 + random.Next(40)))];
            string name = Text(random, "ab", random.Next(40));
            bool expected = patterns.Any(p => Regex.IsMatch(name, "^" + Regex.Escape(p).Replace("\\*", ".*", StringComparison.Ordinal).Replace("\\?", ".", StringComparison.Ordinal) + "$", RegexOptions.NonBacktracking));
            Assert.True(new NamePatterns(patterns).Matches(name) == expected, $"{string.Join(" ", patterns)} on {name}");
        }
    }

    [Fact]
    public void Many_stars_cost_no_more_than_their_length()
    {
        NamePatterns patterns = new([string.Concat(Enumerable.Repeat("*a", 128)) + "*b"]);
        Assert.False(patterns.Matches(new string('a', 128)));
    }

    private static string Text(CounterRandomOf random, string letters, int length) => new([.. Enumerable.Range(0, length).Select(_ => letters[random.Next(letters.Length)])]);
}
