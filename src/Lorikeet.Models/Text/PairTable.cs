namespace Lorikeet.Models.Text;

/// <summary>A fixed hash table from pairs of numbers to pairs of numbers, for look-ups in inner loops.</summary>
/// <remarks>The hash multiplies by a random odd number of the process, so that no file can choose pairs that collide.</remarks>
internal sealed class PairTable
{
    private static readonly ulong Multiplier = ((ulong)(uint)HashCode.Combine(1) << 32 | (uint)HashCode.Combine(2)) | 1;

    private readonly int shift;
    private readonly (ulong Key, int First, int Second)[] slots;

    /// <summary>Makes the table; keys are apart.</summary>
    public PairTable(IReadOnlyCollection<KeyValuePair<long, (int First, int Second)>> entries)
    {
        int bits = 4;
        while (1L << bits < entries.Count * 2L)
        {
            bits++;
        }
        shift = 64 - bits;
        slots = new (ulong, int, int)[1 << bits];
        foreach ((long key, (int first, int second)) in entries)
        {
            int at = Slot((ulong)key);
            while (slots[at].Key != 0)
            {
                at = (at + 1) & (slots.Length - 1);
            }
            slots[at] = ((ulong)key + 1, first, second);
        }
    }

    /// <summary>The key of a pair of numbers that are not negative.</summary>
    public static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    public bool TryGet(int left, int right, out int first, out int second)
    {
        ulong key = (ulong)Key(left, right);
        for (int at = Slot(key); slots[at].Key != 0; at = (at + 1) & (slots.Length - 1))
        {
            if (slots[at].Key == key + 1)
            {
                (_, first, second) = slots[at];
                return true;
            }
        }
        (first, second) = (0, 0);
        return false;
    }

    private int Slot(ulong key)
    {
        // Both halves must reach the upper bits.
        key ^= key >> 29;
        return (int)(key * Multiplier >> shift);
    }
}
