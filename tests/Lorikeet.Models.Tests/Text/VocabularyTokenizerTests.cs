using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Models.Text;
using Lorikeet.Testing;

namespace Lorikeet.Models.Tests.Text;

/// <summary>Tokenizers from vocabularies in memory, as GGUF holds them, equal those of the same vocabulary's tokenizer.json.</summary>
public sealed class VocabularyTokenizerTests
{
    [SharedTheory("parity/tokenizers")]
    [InlineData("llama2", true)]
    [InlineData("sp-bpe-legacy", false)]
    public void Scores_give_what_merges_give(string name, bool spacesLast)
    {
        Tokenizer reference = Tokenizer.Load(SharedFiles.Path($"parity/tokenizers/{name}")!);
        string[] tokens = [.. Enumerable.Range(0, reference.VocabularySize).Select(reference.TokenText)];
        TokenKind[] kinds = [.. tokens.Select((t, id) => id == 0 ? TokenKind.Unknown : id < 3 ? TokenKind.Control : id < 259 ? TokenKind.Byte : TokenKind.Normal)];
        VocabularyParts parts = new()
        {
            Tokens = tokens,
            Kinds = kinds,
            // Both were trained so that later tokens have lower scores; Llama's runs of spaces were added after, all with the same lowest.
            Scores = [.. tokens.Select((t, id) => id < 259 ? 0f : spacesLast && t.Length > 1 && t.All(c => c == '▁') ? -1e9f : 259f - id)],
            UnknownId = 0,
            BosId = 1,
            EosId = 2,
            AddBos = true,
        };
        BpeTokenizer made = VocabularyTokenizer.SentencePiece(parts);
        using TemporaryFolder folder = new();
        made.Save(folder.Path);
        Tokenizer saved = Tokenizer.Load(folder.Path);
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Path($"parity/tokenizers/{name}/cases.json")!));
        foreach (JsonElement item in cases.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = item.GetProperty("text").GetString()!;
            bool special = item.GetProperty("add_special_tokens").GetBoolean();
            int[] expected = [.. item.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32())];
            Assert.Equal(expected, made.Encode(text, special));
            Assert.Equal(expected, saved.Encode(text, special));
            Assert.Equal(reference.Decode(expected), made.Decode(expected));
        }
        Assert.Equal((1, 2), (made.BosId, saved.EosId));
    }

    [Fact]
    public void Equal_scores_merge_from_the_left()
    {
        BpeTokenizer tokenizer = VocabularyTokenizer.SentencePiece(new VocabularyParts
        {
            Tokens = ["<unk>", "a", "b", "ab", "ba"],
            Scores = [0, -1, -1, -2, -2],
            UnknownId = 0,
            AddSpacePrefix = false,
        });
        Assert.Equal([3, 1], tokenizer.Encode("aba"));
        Assert.Equal([4, 2], tokenizer.Encode("bab"));
    }

    [Fact]
    public void Merges_make_a_byte_level_tokenizer()
    {
        BpeTokenizer trained = BpeTrainer.Train(["the cat sat on the mat"], new BpeTrainerOptions { MinimumFrequency = 1 });
        BpeTokenizer made = VocabularyTokenizer.ByteLevel(
            new VocabularyParts
            {
                Tokens = [.. Enumerable.Range(0, trained.VocabularySize).Select(trained.TokenText)],
                Kinds = [TokenKind.Control, .. Enumerable.Repeat(TokenKind.Normal, trained.VocabularySize - 1)],
                Merges = [.. trained.Merges.Select(m => $"{m.Left} {m.Right}")],
                EosId = 0,
                AddEos = true,
            },
            BpeTrainerOptions.Gpt2Pattern);
        const string Text = "the mat, é <|endoftext|>😀";
        Assert.Equal([.. trained.Encode(Text), 0], made.Encode(Text));
        Assert.Equal(Text, made.Decode(made.Encode(Text, addSpecialTokens: false), skipSpecialTokens: false));
    }

    [Fact]
    public void Parts_that_do_not_fit_are_refused()
    {
        VocabularyParts parts = new() { Source = "x.gguf", Tokens = ["a", "b"], Scores = [0] };
        Assert.Contains("2 tokens and 1 scores", Assert.Throws<BadFileException>(() => VocabularyTokenizer.SentencePiece(parts)).Message, StringComparison.Ordinal);
        Assert.Contains("below 2", Assert.Throws<BadFileException>(() => VocabularyTokenizer.ByteLevel(parts with { BosId = 5 }, BpeTrainerOptions.Gpt2Pattern)).Message, StringComparison.Ordinal);
    }
}
