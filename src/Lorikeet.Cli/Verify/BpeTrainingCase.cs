using System.Text.Json;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Verify;

/// <summary>What a BPE trainer learns from given texts: words, vocabulary, merges, and some encodings with the result.</summary>
internal static class BpeTrainingCase
{
    /// <summary>Trains and compares.</summary>
    /// <param name="root">The case.</param>
    /// <param name="report">Takes the comparisons.</param>
    public static void Verify(JsonElement root, CaseReport report)
    {
        string[] texts = TokenizersVerifier.Texts(root.GetProperty("sequences"));
        string pattern = root.GetProperty("pattern").GetString()!;
        JsonElement longest = root.GetProperty("max_token_length");
        BpeTokenizer tokenizer = BpeTrainer.Train(texts, new BpeTrainerOptions
        {
            VocabularySize = root.GetProperty("vocab_size").GetInt32(),
            MinimumFrequency = root.GetProperty("min_frequency").GetInt64(),
            SpecialTokens = TokenizersVerifier.Texts(root.GetProperty("special_tokens")),
            AllBytes = root.GetProperty("initial_alphabet").GetString() != "none",
            MaximumTokenLength = longest.ValueKind == JsonValueKind.Null ? null : longest.GetInt32(),
            Pattern = pattern,
        });

        Dictionary<string, long> words = BpeTrainer.CountWords(texts, pattern);
        JsonProperty[] counts = [.. root.GetProperty("word_counts").EnumerateObject()];
        TokenizersVerifier.Same(
            report, "word_counts", counts.Select(w => (w.Name, w.Value.GetInt64())), counts.Select(w => (w.Name, words.GetValueOrDefault(w.Name))));
        TokenizersVerifier.Same(
            report, "vocab", TokenizersVerifier.Texts(root.GetProperty("vocab")), Enumerable.Range(0, tokenizer.VocabularySize).Select(tokenizer.TokenText));
        TokenizersVerifier.Same(
            report, "merges", root.GetProperty("merges").EnumerateArray().Select(m => (m[0].GetString()!, m[1].GetString()!)), tokenizer.Merges);
        int i = 0;
        foreach (JsonElement item in root.GetProperty("encode").EnumerateArray())
        {
            int[] ids = TokenizersVerifier.Integers(item.GetProperty("ids"));
            TokenizersVerifier.Same(report, $"encode.{i++}", ids, tokenizer.Encode(item.GetProperty("text").GetString()!));
        }
    }
}
