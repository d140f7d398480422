using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Testing;

namespace Lorikeet.Models.Tests.Text;

public sealed class BpeTrainerTests
{
    [SharedTheory("parity/tokenizers/bpe-training")]
    [InlineData("english-gpt2")]
    [InlineData("english-llama3")]
    [InlineData("max-token-length")]
    [InlineData("multilingual")]
    [InlineData("multilingual-min-3")]
    [InlineData("ties")]
    [InlineData("ties-min-2")]
    [InlineData("ties-no-initial-alphabet")]
    [InlineData("vocabulary-smaller-than-alphabet")]
    public void Training_equals_the_reference(string name)
    {
        using JsonDocument json = SafeJson.ReadObject(SharedFiles.Path($"parity/tokenizers/bpe-training/{name}.json")!);
        JsonElement root = json.RootElement;
        string[] texts = Strings(root.GetProperty("sequences"));
        string pattern = root.GetProperty("pattern").GetString()!;
        JsonElement longest = root.GetProperty("max_token_length");
        BpeTrainerOptions options = new()
        {
            VocabularySize = root.GetProperty("vocab_size").GetInt32(),
            MinimumFrequency = root.GetProperty("min_frequency").GetInt64(),
            SpecialTokens = Strings(root.GetProperty("special_tokens")),
            AllBytes = root.GetProperty("initial_alphabet").GetString() != "none",
            MaximumTokenLength = longest.ValueKind == JsonValueKind.Null ? null : longest.GetInt32(),
            Pattern = pattern,
        };

        Dictionary<string, long> words = BpeTrainer.CountWords(texts, pattern);
        foreach (JsonProperty word in root.GetProperty("word_counts").EnumerateObject())
        {
            Assert.Equal((word.Name, word.Value.GetInt64()), (word.Name, words.GetValueOrDefault(word.Name)));
        }
        BpeTokenizer tokenizer = BpeTrainer.Train(texts, options);
        Assert.Equal(Strings(root.GetProperty("vocab")), Enumerable.Range(0, tokenizer.VocabularySize).Select(tokenizer.TokenText));
        Assert.Equal(root.GetProperty("merges").EnumerateArray().Select(m => (m[0].GetString()!, m[1].GetString()!)), tokenizer.Merges);
        foreach (JsonElement item in root.GetProperty("encode").EnumerateArray())
        {
            Assert.Equal(item.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32()), tokenizer.Encode(item.GetProperty("text").GetString()!));
        }
    }

    [Fact]
    public void A_trained_tokenizer_is_saved_and_read()
    {
        using Lorikeet.Models.Tests.Files.TemporaryFolder folder = new();
        BpeTokenizer trained = BpeTrainer.Train(["the cat sat on the mat", "the rat"], new BpeTrainerOptions { VocabularySize = 270 });
        trained.Save(folder.Path);
        Tokenizer read = Tokenizer.Load(folder.Path);
        Assert.Equal(0, read.EosId);
        Assert.Equal(260, trained.VocabularySize);
        Assert.Equal(260, read.VocabularySize);
        Assert.Equal(trained.Encode("the mat 🐱<|endoftext|>"), read.Encode("the mat 🐱<|endoftext|>"));
        Assert.Equal("the mat 🐱", read.Decode(read.Encode("the mat 🐱<|endoftext|>")));
    }

    private static string[] Strings(JsonElement list) => [.. list.EnumerateArray().Select(s => s.GetString()!)];
}
