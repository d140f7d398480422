using System.Runtime.InteropServices;

namespace Lorikeet.Models.Text.Bpe;

/// <summary>Counts neighbouring pairs over weighted words and keeps the counts true while pairs are merged.</summary>
internal sealed class PairCounter(int maximumLength)
{
    private readonly List<int[]> words = [];
    private readonly List<long> weights = [];
    private readonly Dictionary<long, long> counts = [];
    private readonly Dictionary<long, HashSet<int>> wordsOf = [];

    // Every pair has an entry with at least its count: counts that fell are put right when they come up.
    private readonly PriorityQueue<long, (long Count, long Pair)> queue = new();
    private Func<int, int> lengthOf = _ => 1;

    public void Add(int[] word, long weight)
    {
        words.Add(word);
        weights.Add(weight);
    }

    /// <summary>Counts all pairs for the first time.</summary>
    /// <param name="lengths">The length of each symbol, in bytes.</param>
    public void Start(Func<int, int> lengths)
    {
        lengthOf = lengths;
        for (int w = 0; w < words.Count; w++)
        {
            Count(w, weights[w]);
        }
        foreach (long pair in counts.Keys)
        {
            Offer(pair);
        }
    }

    /// <summary>The pair with the highest count, of equals the smaller left id, then the smaller right id; false below a count.</summary>
    public bool TryTakeBest(long least, out int left, out int right)
    {
        while (queue.TryDequeue(out long pair, out (long Count, long Pair) offered))
        {
            long count = counts.GetValueOrDefault(pair);
            if (count != -offered.Count)
            {
                if (count > 0)
                {
                    Offer(pair);
                }
                continue;
            }
            if (count < least)
            {
                break;
            }
            (left, right) = ((int)(pair >> 32), (int)pair);
            return true;
        }
        (left, right) = (0, 0);
        return false;
    }

    /// <summary>Replaces a pair, from left to right in each word ("aaaa" is two pairs), and counts the pairs of these words anew.</summary>
    public void Merge(int left, int right, int merged)
    {
        if (!wordsOf.Remove(PairTable.Key(left, right), out HashSet<int>? touched))
        {
            return;
        }
        HashSet<long> grown = [];
        foreach (int w in touched)
        {
            int[] word = words[w];
            int[] result = Replace(word, left, right, merged);
            if (result.Length == word.Length)
            {
                continue;
            }
            Count(w, -weights[w]);
            words[w] = result;
            Count(w, weights[w]);
            for (int i = 0; i < result.Length; i++)
            {
                if (result[i] == merged)
                {
                    _ = i > 0 && grown.Add(PairTable.Key(result[i - 1], merged));
                    _ = i + 1 < result.Length && grown.Add(PairTable.Key(merged, result[i + 1]));
                }
            }
        }
        foreach (long pair in grown)
        {
            Offer(pair);
        }
    }

    private void Count(int w, long weight)
    {
        int[] word = words[w];
        for (int i = 0; i + 1 < word.Length; i++)
        {
            // Pairs of the alphabet are always counted; the limit is on what merging makes.
            int length = lengthOf(word[i]) + lengthOf(word[i + 1]);
            if (length > 2 && length >= maximumLength)
            {
                continue;
            }
            long pair = PairTable.Key(word[i], word[i + 1]);
            CollectionsMarshal.GetValueRefOrAddDefault(counts, pair, out _) += weight;
            if (weight > 0)
            {
                ref HashSet<int>? holders = ref CollectionsMarshal.GetValueRefOrAddDefault(wordsOf, pair, out _);
                (holders ??= []).Add(w);
            }
        }
    }

    private void Offer(long pair)
    {
        long count = counts.GetValueOrDefault(pair);
        if (count > 0)
        {
            queue.Enqueue(pair, (-count, pair));
        }
    }

    private static int[] Replace(int[] word, int left, int right, int merged)
    {
        int to = 0;
        int[] result = new int[word.Length];
        for (int i = 0; i < word.Length; i++)
        {
            bool match = word[i] == left && i + 1 < word.Length && word[i + 1] == right;
            result[to++] = match ? merged : word[i];
            i += match ? 1 : 0;
        }
        return to == word.Length ? word : result[..to];
    }
}
