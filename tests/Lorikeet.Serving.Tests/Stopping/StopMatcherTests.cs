using System.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

public class StopMatcherTests
{
    [Fact]
    public void Any_pieces_give_the_text_of_a_plain_search_and_never_half_a_character()
    {
        CounterRandom random = new(3);
        ulong at = 0;
        const string alphabet = "aab\u00e9\u4f60\U0001F600";
        Rune[] runes = [.. alphabet.EnumerateRunes()];
        int matches = 0;
        for (int trial = 0; trial < 3000; trial++)
        {
            string text = Word(Next(40));
            string[] stops = [.. Enumerable.Range(0, Next(4)).Select(_ => Word(1 + Next(4)))];
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            StopMatcher matcher = new(stops);
            StringBuilder got = new();
            for (int start = 0; start < bytes.Length;)
            {
                int length = Math.Min(1 + Next(6), bytes.Length - start);
                got.Append(matcher.Push(bytes.AsSpan(start, length)));
                start += length;
                Assert.DoesNotContain('\uFFFD', got.ToString());
            }
            got.Append(matcher.Close());
            (string expected, string? match) = Search(text, stops);
            Assert.Equal((expected, match), (got.ToString(), matcher.Match));
            matches += match is null ? 0 : 1;
        }
        Assert.InRange(matches, 500, 2900);

        int Next(int below) => random.Integer(at++, below);

        string Word(int length) => string.Concat(Enumerable.Range(0, length).Select(_ => runes[Next(runes.Length)].ToString()));
    }

    [Fact]
    public void Nothing_is_held_without_stop_texts_and_an_empty_one_is_refused()
    {
        Assert.Equal("abc", new StopMatcher([]).Push("abc"));
        Assert.Throws<ArgumentException>(() => new StopMatcher(["a", ""]));
    }

    private static (string Text, string? Match) Search(string text, string[] stops)
    {
        (int End, int Start, string Stop)[] found =
        [
            .. from stop in stops
               let start = text.IndexOf(stop, StringComparison.Ordinal)
               where start >= 0
               orderby start + stop.Length, start
               select (start + stop.Length, start, stop),
        ];
        return found.Length == 0 ? (text, null) : (text[..found[0].Start], found[0].Stop);
    }
}
