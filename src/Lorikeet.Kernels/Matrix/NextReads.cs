using System.Runtime.Intrinsics.X86;

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
    // Lines that are asked for at once before a tile: they come while it computes, and do not hold it up.
    private const int MostLines = 96;

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
    /// <param name="piece">The most bytes that one place fetches.</param>
    /// <param name="places">Tiles of the product, each of which fetches one; 0 where the product is bound by memory itself.</param>
    internal static NextPieces Pieces(long piece, long places)
    {
        long pieces = 0;
        for (int i = 0; i < count && places > 0; i++)
        {
            pieces += NextPieces.Of(regions[i], piece);
        }
        // More short stretches than places: those go line by line.
        return pieces > places && IsBrief(places) ? default : new NextPieces { Regions = regions, Piece = piece, Pieces = pieces, Places = places };
    }

    /// <summary>Shares out what was announced line by line, where no tile gets many lines.</summary>
    /// <param name="places">Tiles of the product.</param>
    /// <param name="pieces">The pieces: with any, there are no lines.</param>
    internal static NextLines Lines(long places, in NextPieces pieces) =>
        pieces.Pieces > 0 || count == 0 || !IsBrief(places) ? default : new NextLines { Regions = regions, Lines = NextLines.Count(Bytes()), Places = places };

    private static bool IsBrief(long places) => NextLines.Count(Bytes()) <= MostLines * places;

    private static long Bytes()
    {
        long bytes = 0;
        for (int i = 0; i < count; i++)
        {
            bytes += NextLines.Count(regions[i].Bytes) * NextLines.Line;
        }
        return bytes;
    }
}

/// <summary>Short stretches of memory, cache line by cache line, spread evenly over the tiles of a product, each of which asks for some before it begins.</summary>
internal unsafe struct NextLines
{
    public const int Line = 64;

    public MemoryRegion* Regions;
    public long Lines;
    public long Places;

    // Where the search for the last line ended: places of a chunk come in ascending order.
    private int region;
    private long before;

    public static long Count(long bytes) => (bytes + Line - 1) / Line;

    /// <summary>Asks for a place's share.</summary>
    /// <param name="place">The number of the place.</param>
    public void Fetch(long place)
    {
        if (Lines == 0)
        {
            return;
        }
        long from = place * Lines / Places, to = (place + 1) * Lines / Places;
        if (from < before)
        {
            (region, before) = (0, 0);
        }
        while (from < to)
        {
            long own = Count(Regions[region].Bytes);
            if (from >= before + own)
            {
                before += own;
                region++;
                continue;
            }
            byte* at = Regions[region].Start + ((from - before) * Line);
            for (long end = Math.Min(to, before + own); from < end; from++, at += Line)
            {
                Sse.Prefetch1(at);
            }
        }
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
    /// <param name="bytes">Its length: a region's pieces are equal, and at most <see cref="Piece"/>.</param>
    public byte* At(long place, out long bytes)
    {
        bytes = 0;
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
        long lines = NextLines.Count(Regions[region].Bytes), from = lines * (number - before) / here, to = lines * (number - before + 1) / here;
        bytes = (to - from) * NextLines.Line;
        return Regions[region].Start + (from * NextLines.Line);
    }
}
