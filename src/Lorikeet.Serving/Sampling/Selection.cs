namespace Lorikeet.Serving;

/// <summary>The place where a descending order of keys is cut.</summary>
/// <param name="Key">The last key that is kept.</param>
/// <param name="Ties">How many items of that key it takes, in the order of their ids, to reach the sum.</param>
internal readonly record struct Cut(float Key, int Ties);

/// <summary>Finds where a running sum over a descending order reaches a value, without sorting: bins of equal width, then bins of the bin.</summary>
internal static class Selection
{
    public const int BinCount = 256;

    /// <summary>The first item, from the largest key down, at which the weights so far reach <paramref name="mass"/> and their number <paramref name="least"/>.</summary>
    /// <param name="keys">The order; items of negative infinity are not there.</param>
    /// <param name="weights">A weight for each item; empty: 1 each.</param>
    /// <param name="mass">The sum to reach; where it is never reached, all items are kept.</param>
    /// <param name="least">The number to reach.</param>
    /// <param name="bins">Memory to work in.</param>
    public static Cut Find(ReadOnlySpan<float> keys, ReadOnlySpan<float> weights, double mass, int least, Span<SelectionBin> bins)
    {
        (float low, float high) = Range(keys);
        // An infinite key would make a bin as wide as all of them, and the search endless.
        high = Math.Min(high, float.MaxValue);
        double weightBefore = 0;
        int countBefore = 0;
        while (low < high)
        {
            Fill(keys, weights, low, high, bins);
            int at = -1;
            for (int b = 0; b < bins.Length; b++)
            {
                if (bins[b].Count == 0)
                {
                    continue;
                }
                at = b;
                if (weightBefore + bins[b].Weight >= mass && countBefore + bins[b].Count >= least)
                {
                    break;
                }
                weightBefore += bins[b].Weight;
                countBefore += bins[b].Count;
                at = -1;
            }
            if (at < 0)
            {
                return new Cut(low, int.MaxValue);
            }
            (low, high) = (bins[at].Low, bins[at].High);
        }
        return new Cut(high, Ties(keys, weights, high, mass - weightBefore, least - countBefore));
    }

    private static (float Low, float High) Range(ReadOnlySpan<float> keys)
    {
        float low = float.PositiveInfinity, high = float.NegativeInfinity;
        foreach (float key in keys)
        {
            if (key > float.NegativeInfinity)
            {
                low = Math.Min(low, key);
                high = Math.Max(high, key);
            }
        }
        return (low, high);
    }

    private static void Fill(ReadOnlySpan<float> keys, ReadOnlySpan<float> weights, float low, float high, Span<SelectionBin> bins)
    {
        bins.Clear();
        double scale = bins.Length / ((double)high - low);
        for (int i = 0; i < keys.Length; i++)
        {
            float key = keys[i];
            if (key >= low && key <= high)
            {
                ref SelectionBin bin = ref bins[Math.Min((int)(((double)high - key) * scale), bins.Length - 1)];
                bin.Low = bin.Count == 0 ? key : Math.Min(bin.Low, key);
                bin.High = bin.Count == 0 ? key : Math.Max(bin.High, key);
                bin.Weight += weights.IsEmpty ? 1 : weights[i];
                bin.Count++;
            }
        }
    }

    // Items of one key have one weight in every use, so a count tells how far the sum goes.
    private static int Ties(ReadOnlySpan<float> keys, ReadOnlySpan<float> weights, float key, double mass, int least)
    {
        double weight = 1;
        for (int i = 0; i < keys.Length && !weights.IsEmpty; i++)
        {
            if (keys[i] == key)
            {
                weight = weights[i];
                break;
            }
        }
        double needed = Math.Max(Math.Ceiling(mass / weight), Math.Max(least, 1));
        return needed < int.MaxValue ? (int)needed : int.MaxValue;
    }
}

/// <summary>Items whose keys lie in one interval.</summary>
internal struct SelectionBin
{
    public double Weight;
    public int Count;
    public float Low;
    public float High;
}
