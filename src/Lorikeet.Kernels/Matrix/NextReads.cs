namespace Lorikeet.Kernels;

#pragma warning disable CA1051, CA1815 // A record of a pointer and a length that kernels index.

/// <summary>A stretch of memory that is going to be read.</summary>
public unsafe struct MemoryRegion
{
    /// <summary>Its first byte.</summary>
    public byte* Start;

    /// <summary>Its length.</summary>
    public long Bytes;
}

#pragma warning restore CA1051, CA1815

/// <summary>
/// What this thread will read after the next product: a product that is bound by arithmetic fetches it into the caches meanwhile. A hint that changes no
/// result; products that are bound by memory themselves leave it alone.
/// </summary>
public static unsafe class NextReads
{
    [ThreadStatic]
    private static MemoryRegion* regions;

    [ThreadStatic]
    private static int count;

    /// <summary>Says what comes next; valid until <see cref="Forget"/>.</summary>
    /// <param name="list">The stretches in the order in which they are read; pinned until then.</param>
    /// <param name="stretches">How many.</param>
    public static void Announce(MemoryRegion* list, int stretches)
    {
        regions = list;
        count = stretches;
    }

    /// <summary>Ends the hint.</summary>
    public static void Forget() => Announce(null, 0);

    /// <summary>Cuts what was announced into pieces for the places of a product that have time to fetch.</summary>
    /// <param name="places">How many places.</param>
    /// <param name="most">The most bytes that one of them fetches.</param>
    internal static NextPieces Pieces(long places, long most)
    {
        long bytes = 0;
        for (int i = 0; i < count && places > 0; i++)
        {
            bytes += regions[i].Bytes;
        }
        return bytes == 0 ? default : new NextPieces
        {
            Regions = regions,
            Count = count,
            Bytes = bytes,
            Places = places,
            Piece = Math.Min(((bytes + places - 1) / places + NextPieces.Line - 1) / NextPieces.Line * NextPieces.Line, most),
        };
    }
}

/// <summary>Stretches of memory spread evenly over the places of a product; each place fetches one piece.</summary>
internal unsafe struct NextPieces
{
    public const int Line = 64;

    public MemoryRegion* Regions;
    public int Count;
    public long Bytes;
    public long Places;
    public long Piece;

    // Where the search for the last place ended: places of a chunk come in ascending order.
    private int region;
    private long before;

    /// <summary>What a place fetches.</summary>
    /// <param name="place">The number of the place.</param>
    /// <param name="length">Bytes; 0: nothing.</param>
    public byte* Of(long place, out long length)
    {
        if (Bytes == 0)
        {
            length = 0;
            return null;
        }
        long at = (long)((double)Bytes * place / Places);
        if (at < before)
        {
            (region, before) = (0, 0);
        }
        while (at >= before + Regions[region].Bytes)
        {
            before += Regions[region++].Bytes;
        }
        // A piece that would mostly lie behind its stretch begins with the next one.
        if (before + Regions[region].Bytes - at < Piece / 2 && region + 1 < Count)
        {
            before += Regions[region++].Bytes;
            at = before;
        }
        length = Math.Min(Piece, before + Regions[region].Bytes - at);
        return Regions[region].Start + (at - before);
    }
}
