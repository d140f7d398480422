using System.Text;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Models.Tests.Text;

/// <summary>Truncation and padding as tokenizer.json sets them.</summary>
public sealed class FinishingTests
{
    private const string Bert = """
        "post_processor": {"type": "BertProcessing", "cls": ["[C]", 7], "sep": ["[S]", 8]},
        """;

    [Theory]
    [InlineData("LongestFirst", "Right", "a b c d e", null, "7 0 1 2 8")]
    [InlineData("LongestFirst", "Left", "a b c d e", null, "7 2 3 4 8")]
    [InlineData("LongestFirst", "Right", "a b c d e", "e d c", "7 0 8 4 8")]
    [InlineData("LongestFirst", "Right", "a", "e d c", "7 0 8 4 8")]
    [InlineData("OnlyFirst", "Right", "a b c d e", "e", "7 0 8 4 8")]
    [InlineData("OnlySecond", "Left", "a", "e d c", "7 0 8 2 8")]
    public void A_text_is_cut_to_leave_room_for_the_template(string strategy, string direction, string text, string? pair, string expected)
    {
        Tokenizer tokenizer = Make($$"""
            {{Bert}} "truncation": {"max_length": 5, "stride": 0, "strategy": "{{strategy}}", "direction": "{{direction}}"},
            """);
        EncodedText encoded = tokenizer.EncodeFull(text, pair);
        Assert.Equal(expected, string.Join(' ', encoded.Ids));
        if (pair is null)
        {
            Assert.Equal(encoded.Ids, tokenizer.Encode(text));
        }
    }

    [Theory]
    [InlineData("""{"Fixed": 6}""", "null", "Right", "7 0 1 8 9 9")]
    [InlineData("\"BatchLongest\"", "8", "Left", "9 9 9 9 7 0 1 8")]
    [InlineData("\"BatchLongest\"", "null", "Right", "7 0 1 8")]
    public void A_text_is_filled_up(string strategy, string multiple, string direction, string expected)
    {
        Tokenizer tokenizer = Make($$"""
            {{Bert}} "padding": {"strategy": {{strategy}}, "direction": "{{direction}}", "pad_to_multiple_of": {{multiple}}, "pad_id": 9, "pad_type_id": 1, "pad_token": "[P]"},
            """);
        EncodedText encoded = tokenizer.EncodeFull("a b");
        Assert.Equal(expected, string.Join(' ', encoded.Ids));
        Assert.Equal(encoded.Ids.Select(i => i == 9 ? 0 : 1), encoded.AttentionMask);
        Assert.Equal(encoded.Ids.Select(i => i >= 7 ? 1 : 0), encoded.SpecialTokensMask);
        Assert.Equal(encoded.Ids.Select(i => i == 9 ? 1 : 0), encoded.TypeIds);
    }

    [Theory]
    [InlineData("\"truncation\": {\"max_length\": 3, \"stride\": 2},", "expected a stride below")]
    [InlineData("\"truncation\": {\"max_length\": 3, \"stride\": 0, \"strategy\": \"Random\"},", "expected LongestFirst")]
    [InlineData("\"padding\": {\"strategy\": {\"Fixed\": 2000000000}},", "expected a whole number from 0 to 1048576")]
    public void Settings_that_cannot_be_are_refused(string settings, string expected) =>
        Assert.Contains(expected, Assert.Throws<BadFileException>(() => Make(Bert + settings)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_pair_that_cannot_be_cut_is_named()
    {
        Tokenizer tokenizer = Make("\"truncation\": {\"max_length\": 3, \"stride\": 0, \"strategy\": \"OnlyFirst\"},");
        Assert.Contains("OnlyFirst", Assert.Throws<BadFileException>(() => tokenizer.EncodeFull("a", "b c d e")).Message, StringComparison.Ordinal);
    }

    private static Tokenizer Make(string settings) => Tokenizer.Parse(
        Encoding.UTF8.GetBytes($$"""
            { {{settings}} "pre_tokenizer": {"type": "WhitespaceSplit"}, "model": {"type": "WordLevel", "unk_token": "u", "vocab": {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "u": 5} } }
            """),
        "the tokenizer");
}
