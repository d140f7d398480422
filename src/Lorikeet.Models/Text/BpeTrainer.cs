using System.Text.Json;
using Lorikeet.Models.Text.Bpe;
using Lorikeet.Models.Text.PreTokenizers;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text;

/// <summary>Learns a byte-level BPE vocabulary; equal to Hugging Face's trainer, merge for merge.</summary>
/// <remarks>
/// Each step merges the pair with the highest count over all words; of equal counts the smaller left id, then the smaller right id.
/// Ids: special tokens, the alphabet by code point, then one a merge.
/// </remarks>
public static class BpeTrainer
{
    /// <summary>Learns a vocabulary from texts and makes its tokenizer.</summary>
    /// <param name="texts">The texts; words never cross from one to the next.</param>
    /// <param name="options">How to learn.</param>
    public static BpeTokenizer Train(IEnumerable<string> texts, BpeTrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.VocabularySize);
        PairCounter counter = new(options.MaximumTokenLength ?? int.MaxValue);
        List<string> vocabulary = [];
        Dictionary<string, int> ids = [];
        foreach (string token in options.SpecialTokens)
        {
            Learn(token);
        }
        Dictionary<string, long> words = CountWords(texts, options.Pattern);
        IEnumerable<char> alphabet = options.AllBytes ? Enumerable.Range(0, 256).Select(b => ByteAlphabet.ToChar((byte)b)) : words.Keys.SelectMany(w => w).Distinct();
        foreach (char c in alphabet.Order())
        {
            Learn(c.ToString());
        }
        foreach ((string word, long count) in words)
        {
            counter.Add([.. word.Select(c => ids[c.ToString()])], count);
        }
        List<(string Left, string Right)> merges = [];
        counter.Start(id => vocabulary[id].Length);
        while (vocabulary.Count < options.VocabularySize && counter.TryTakeBest(Math.Max(1, options.MinimumFrequency), out int left, out int right))
        {
            merges.Add((vocabulary[left], vocabulary[right]));
            counter.Merge(left, right, Learn(vocabulary[left] + vocabulary[right]));
        }
        string? eos = options.EosToken ?? (options.SpecialTokens.Count > 0 ? options.SpecialTokens[^1] : null);
        (string Name, ReadOnlyMemory<byte> Bytes)[] files =
            BpeFiles.Make(vocabulary, merges, [.. options.SpecialTokens], options.Pattern, options.BosToken, eos, pad: eos);
        using JsonDocument json = JsonDocument.Parse(files[0].Bytes);
        return new BpeTokenizer(TokenizerFile.InMemory(files), new JsonPart(json.RootElement, "the new tokenizer.json", "the tokenizer"));

        int Learn(string token)
        {
            if (ids.TryGetValue(token, out int id))
            {
                return id;
            }
            ids.Add(token, vocabulary.Count);
            vocabulary.Add(token);
            return vocabulary.Count - 1;
        }
    }

    /// <summary>The words of some texts, written in the byte alphabet, with their counts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="pattern">The regular expression that cuts a text into words.</param>
    public static Dictionary<string, long> CountWords(IEnumerable<string> texts, string pattern)
    {
        WordPattern words = WordPattern.Make(pattern, out Exception? problem) ?? throw new ArgumentException("the trainer " + problem!.Message, nameof(pattern));
        Dictionary<string, long> counts = [];
        Dictionary<string, long>.AlternateLookup<ReadOnlySpan<char>> bySpan = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (string text in texts)
        {
            TextPiece piece = new(PipelineTokenizer.WellFormed(text), 0, tracked: false);
            Splitting.Split(piece, words, SplitBehavior.Isolated, invert: false);
            piece.ToByteAlphabet();
            piece.WriteBytes();
            foreach ((int start, int end) in piece.Words)
            {
                ReadOnlySpan<char> word = piece.Text[start..end];
                bySpan[word] = bySpan.TryGetValue(word, out long count) ? count + 1 : 1;
            }
        }
        return counts;
    }
}
