using System.Diagnostics;
using System.Text;
using Lorikeet.Models.Text;
using Lorikeet.Models.Text.Bpe;
using Lorikeet.Testing;
using Xunit.Abstractions;

namespace Lorikeet.Models.Tests.Text;

/// <summary>Long lines take time and memory in proportion; streams hold back little.</summary>
public sealed class LongTextTests(ITestOutputHelper output)
{
    private const int Length = 1_000_000;

    [SharedTheory("parity/tokenizers")]
    [InlineData("neox-style")]
    [InlineData("starcoder-style")]
    [InlineData("llama3-style")]
    [InlineData("sp-bpe-legacy")]
    [InlineData("sp-bpe-always")]
    [InlineData("gemma-style")]
    [InlineData("unigram-t5")]
    [InlineData("unigram-albert")]
    [InlineData("wordpiece-uncased")]
    public void A_long_line_of_anything_takes_seconds(string name)
    {
        Tokenizer tokenizer = Tokenizer.Load(SharedFiles.Path($"parity/tokenizers/{name}")!);
        foreach (string unit in (string[])["a", " ", "x1", "😀", "é中 ", "e\u0301", "\n", ".,", "<s>", "▁"])
        {
            StringBuilder text = new();
            while (text.Length < Length)
            {
                text.Append(unit);
            }
            Stopwatch watch = Stopwatch.StartNew();
            int[] ids = tokenizer.Encode(text.ToString());
            string back = tokenizer.Decode(ids);
            output.WriteLine($"{name} {unit}: {ids.Length} tokens, {watch.Elapsed.TotalSeconds:F2} s");
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{unit} took {watch.Elapsed}");
            Assert.True(back.Length <= Length * 8);
        }
    }

    [Fact]
    public void Merging_looks_at_few_pairs_a_character()
    {
        BpeTokenizer tokenizer = BpeTrainer.Train(
            [string.Concat(Enumerable.Repeat("aaaaaaaaaaaaaaaa abababab", 20))], new BpeTrainerOptions { VocabularySize = 290, MinimumFrequency = 1 });
        using System.Text.Json.JsonDocument json = System.Text.Json.JsonDocument.Parse(SavedBytes(tokenizer));
        BpeModel model = BpeModel.Read(new JsonPart(json.RootElement, "here", "the tokenizer").Get("model"));
        foreach (string unit in (string[])["a", "ab", "aab"])
        {
            string word = string.Concat(Enumerable.Repeat(unit, 200_000));
            WordTokens tokens = new();
            model.Tokenize(word, tokens);
            Assert.InRange(tokens.Merges.Steps, word.Length - 1, word.Length * 4L);
        }
    }

    [SharedTheory("parity/tokenizers")]
    [InlineData("gpt2")]
    [InlineData("llama2")]
    [InlineData("unigram-t5")]
    [InlineData("wordpiece-cased")]
    public void A_stream_gives_what_decoding_gives_without_delay(string name)
    {
        Tokenizer tokenizer = Tokenizer.Load(SharedFiles.Path($"parity/tokenizers/{name}")!);
        string text = string.Concat(Enumerable.Repeat("The quick brown fox, it's 😀 über 12,000 中文 lines.\n", 500));
        int[] ids = tokenizer.Encode(text, addSpecialTokens: false);
        TextStream stream = tokenizer.Stream();
        StringBuilder all = new();
        int silent = 0;
        foreach (int id in ids)
        {
            string piece = stream.Push(id);
            all.Append(piece);
            silent = piece.Length == 0 ? silent + 1 : 0;
            Assert.True(silent <= 12, $"{silent} tokens without text after {all}");
            Assert.False(piece.EndsWith('\uFFFD') || (piece.Length > 0 && char.IsHighSurrogate(piece[^1])), "half a character");
        }
        all.Append(stream.Close());
        Assert.Equal(tokenizer.Decode(ids), all.ToString());
    }

    private static byte[] SavedBytes(Tokenizer tokenizer)
    {
        using Files.TemporaryFolder folder = new();
        tokenizer.Save(folder.Path);
        return File.ReadAllBytes(folder["tokenizer.json"]);
    }
}
