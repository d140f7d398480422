using System.Text.Json;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Tests;

[Collection("console")]
public sealed class TokenizeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_text_is_shown_token_by_token()
    {
        string[] lines = Cli.Run("tokenize", "--model", "byte", "--text", "aé<|endoftext|>").Done().Output.TrimEnd().Split('\n');
        Assert.Equal(6, lines.Length);
        Assert.Matches(@"^ +97 +a +0-1 +a$", lines[1]);
        Assert.Matches(@"^ +195 +Ã +1-2 +é$", lines[2]);
        Assert.Matches(@"^ +256 +<\|endoftext\|> +2-15 +<\|endoftext\|>$", lines[4]);
        Assert.Equal("4 tokens", lines[5]);
    }

    [Fact]
    public void Training_showing_and_decoding_agree()
    {
        File.WriteAllText(folder["text.txt"], string.Concat(Enumerable.Repeat("the cat sat on the mat. ", 20)));
        string output = Cli.Run("tokenize", "train", "--vocab", "280", "--pattern", "llama3", "--special", "<s>", "--special", "</s>", "--out", folder["t"], folder["text.txt"]).Done().Output;
        Assert.Contains("270 tokens, 12 merges", output, StringComparison.Ordinal);
        Tokenizer tokenizer = Tokenizer.Load(folder["t"]);
        Assert.Equal((0, 1), (tokenizer.TokenId("<s>"), tokenizer.EosId));
        using JsonDocument json = JsonDocument.Parse(Cli.Run("tokenize", "--model", folder["t"], folder["text.txt"], "--json").Done().Output);
        int[] ids = [.. json.RootElement.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32())];
        Assert.Equal(tokenizer.Encode(File.ReadAllText(folder["text.txt"])), ids);
        string decoded = Cli.Run("tokenize", "--model", folder["t"], "--decode", "--text", string.Join(", ", ids)).Done().Output;
        Assert.Equal(File.ReadAllText(folder["text.txt"]) + Environment.NewLine, decoded);
        Assert.Contains("is not empty", Cli.Run("tokenize", "train", "--out", folder["t"], folder["text.txt"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("MB/s", Cli.Run("tokenize", "--model", folder["t"], "--bench", folder["text.txt"]).Done().Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--model is missing", "tokenize", "--text", "a")]
    [InlineData("there is no text", "tokenize", "--model", "byte")]
    [InlineData("two texts", "tokenize", "--model", "byte", "--text", "a", "b.txt")]
    [InlineData("'x' is no token id", "tokenize", "--model", "byte", "--decode", "--text", "1 x")]
    public void A_wrong_call_is_explained(string expected, params string[] args) => Assert.Contains(expected, Cli.Run(args).Refused(2), StringComparison.Ordinal);
}
