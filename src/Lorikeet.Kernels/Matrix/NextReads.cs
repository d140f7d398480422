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
/// result; kernels that are bound by memory themselves leave it alone.
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

    /// <summary>Cuts what was announced into pieces for a product's idle places.</summary>
    /// <param name="piece">Bytes that one place fetches.</param>
    /// <param name="places">Tiles of the product, each of which fetches one; 0 where the product is bound by memory itself.</param>
    internal static NextPieces Pieces(long piece, long places)
    {
        long pieces = 0;
        for (int i = 0; i < count && places > 0; i++)
        {
            pieces += NextPieces.Of(regions[i], piece);
        }
        return new NextPieces { Regions = regions, Piece = piece, Pieces = pieces, Places = places };
    }
}

/// <summary>Stretches of memory cut into pieces, spread evenly over the places of a product that fetch one each.</summary>
internal unsafe struct NextPieces
{
    public MemoryRegion* Regions;
    public long Piece;
    public long Pieces;
    public long Places;

    // Where the search for the last place ended: places of a chunk come in ascending order.
    private int region;
    private long before;

    public static long Of(in MemoryRegion region, long piece) => (region.Bytes + piece - 1) / piece;

    /// <summary>Where the stretch begins that a place fetches; null: nothing.</summary>
    /// <param name="place">The number of the place.</param>
    public byte* At(long place)
    {
        if (Pieces == 0)
        {
            return null;
        }
        long number = place * Pieces / Places;
        // With more places than pieces, the first place of each piece fetches it.
        if (Pieces < Places && place > 0 && number == (place - 1) * Pieces / Places)
        {
            return null;
        }
        if (number < before)
        {
            (region, before) = (0, 0);
        }
        long here;
        while (number >= before + (here = Of(Regions[region], Piece)))
        {
            before += here;
            region++;
        }
        return Regions[region].Start + ((number - before) * Piece);
    }
}
