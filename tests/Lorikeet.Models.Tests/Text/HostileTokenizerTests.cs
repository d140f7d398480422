using System.Diagnostics;
using System.Text;
using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Models.Text;
using Xunit.Abstractions;

namespace Lorikeet.Models.Tests.Text;

public sealed class HostileTokenizerTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("{}", "has no model")]
    [InlineData("""{"model":{"type":"Trigram","vocab":[]}}""", "'Trigram', which is not supported")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a"]]}}""", "expected a token and its score")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",-1]],"unk_id":7}}""", "one of the 1 tokens")]
    [InlineData("""{"model":{"type":"WordPiece","vocab":{"a":0},"max_input_chars_per_word":-1}}""", "expected a whole number from 0")]
    [InlineData("""{"model":{"vocab":{"a":0},"merges":["a b"]}}""", "must be in vocab")]
    [InlineData("""{"model":{"vocab":{"a":0},"merges":["a"]}}""", "expected two tokens")]
    [InlineData("""{"model":{"vocab":{"a":0,"b":0},"merges":[]}}""", "gives the id 0 to")]
    [InlineData("""{"model":{"vocab":{"a":16000000},"merges":[]}}""", "gaps")]
    [InlineData("""{"model":{"vocab":{"a":-1},"merges":[]}}""", "expected a whole number")]
    [InlineData("""{"model":{"vocab":{"a":0},"merges":[],"dropout":0.1}}""", "random")]
    [InlineData("""{"model":{"vocab":{"a":0},"merges":[]},"added_tokens":[{"id":99999999999,"content":"x"}]}""", "expected a token id")]
    [InlineData("""{"model":{"vocab":{"a":0},"merges":[]},"normalizer":{"type":"Other"}}""", "'Other', which is not supported")]
    public void Bad_files_are_refused_in_one_line(string json, string expected)
    {
        File.WriteAllText(folder["tokenizer.json"], json);
        Exception e = Assert.ThrowsAny<Exception>(() => Tokenizer.Load(folder.Path));
        Assert.True(e is BadFileException or NotSupportedException, e.ToString());
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.StartsWith(folder["tokenizer.json"], e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_absent_file_is_named_with_what_is_there()
    {
        Assert.Contains("expected a model folder", Assert.Throws<BadFileException>(() => Tokenizer.Load(folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(folder["tokenizer.model"], "");
        Assert.Contains("has tokenizer.model but no", Assert.Throws<BadFileException>(() => Tokenizer.Load(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0xA0761D6478BD642F)]
    public void Mutated_tokenizers_are_read_or_refused(ulong seed)
    {
        output.WriteLine($"seed {seed:X}");
        BpeTrainer.Train(["a cat, a rat"], new BpeTrainerOptions { VocabularySize = 20, AllBytes = false, MinimumFrequency = 1, BosToken = "<|endoftext|>" }).Save(folder.Path);
        byte[] good = File.ReadAllBytes(folder["tokenizer.json"]);
        int refused = 0;
        const int Runs = 4000;
        for (int run = 0; run < Runs; run++)
        {
            byte[] bad = [.. good];
            for (ulong i = 0; i <= (ulong)run % 4; i++)
            {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                // Words of the format in wrong places get further than noise.
                int at = (int)(seed % (ulong)bad.Length);
                int from = (int)((seed >> 20) % (ulong)good.Length);
                int count = Math.Min((int)((seed >> 40) % 12), Math.Min(bad.Length - at, good.Length - from));
                good.AsSpan(from, count).CopyTo(bad.AsSpan(at));
            }
            File.WriteAllBytes(folder["tokenizer.json"], bad);
            try
            {
                Tokenizer tokenizer = Tokenizer.Load(folder.Path);
                tokenizer.Decode(tokenizer.Encode("a cat <|endoftext|> é😀"));
                tokenizer.EncodeFull("a rat", "cat");
            }
            catch (Exception e) when (e is BadFileException or NotSupportedException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 100, Runs - 100);
    }

    [Fact]
    public void A_line_of_five_megabytes_takes_seconds()
    {
        BpeTokenizer tokenizer = BpeTrainer.Train(
            [string.Concat(Enumerable.Repeat("aaaaaaaaaaaaaaaa abab", 20))], new BpeTrainerOptions { VocabularySize = 280 });
        Stopwatch watch = Stopwatch.StartNew();
        Assert.True(tokenizer.Encode(new string('a', 5_000_000)).Length < 2_500_000);
        StringBuilder spaced = new();
        for (int i = 0; i < 500_000; i++)
        {
            spaced.Append(i).Append(" <|x");
        }
        string text = spaced.ToString();
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        output.WriteLine($"{watch.Elapsed.TotalSeconds:F1} s");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"took {watch.Elapsed}");
    }

    [Fact]
    public void Half_a_surrogate_pair_is_a_replacement_character()
    {
        BpeTokenizer tokenizer = BpeTrainer.Train(["a"], new BpeTrainerOptions());
        Assert.Equal("a\uFFFDb😀\uFFFD", tokenizer.Decode(tokenizer.Encode("a\uD800b😀\uDE00")));
        Assert.Equal(new ByteTokenizer().Encode("a\uD800b").Length, tokenizer.Encode("a\uD800b").Length);
    }

    [Fact]
    public void Many_threads_share_one_tokenizer()
    {
        BpeTokenizer tokenizer = BpeTrainer.Train(["the cat sat on the mat"], new BpeTrainerOptions { MinimumFrequency = 1 });
        string[] texts = [.. Enumerable.Range(0, 2000).Select(i => $"the cat {i} sat {i * 7919} mat")];
        int[][] expected = [.. texts.Select(t => BpeTrainer.Train(["the cat sat on the mat"], new BpeTrainerOptions { MinimumFrequency = 1 }).Encode(t)).Take(20)];
        int[][] found = new int[texts.Length][];
        Parallel.For(0, texts.Length, i => found[i] = tokenizer.Encode(texts[i]));
        Assert.Equal(expected, found.Take(20));
        Assert.Equal(texts, found.Select(ids => tokenizer.Decode(ids)));
    }
}
