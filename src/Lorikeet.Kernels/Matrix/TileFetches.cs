using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Who fetches what while the tiles of some panels, one after the other, compute on different rows.</summary>
/// <remarks>
/// The first tiles share what the matrix has next: were it left to one of them, which reads the panels, the memory would rest while the others compute. The last ones
/// fetch lines that are read later (B of the changes that these columns end with, what was announced in <see cref="NextReads"/>), as many tiles as both need at one rate;
/// a few lines are asked for before the first tile.
/// </remarks>
internal unsafe struct TileFetches
{
    /// <summary>Lines that the tiles of some panels fetch at most.</summary>
    public const int MostLines = 2048;

    // Lines that are asked for at once before a tile: they come while it computes, and do not hold it up.
    private const int MostAtOnce = 96;

    private byte** list;
    private int lines;
    private int tiles;
    private int listing;
    private int depth;

    /// <summary>The most lines that so many tiles fetch.</summary>
    /// <param name="tiles">Tiles.</param>
    /// <param name="depth">Ks of each.</param>
    public static int Most(int tiles, int depth) => tiles == 1 ? MostAtOnce : (int)Math.Min(MostLines, (long)(tiles - 1) * depth);

    /// <summary>Begins with the first of the tiles.</summary>
    /// <param name="count">Tiles.</param>
    /// <param name="ks">Ks of each.</param>
    /// <param name="later">Addresses of the lines that are read later.</param>
    /// <param name="laterLines">How many, at most <see cref="Most"/>.</param>
    /// <param name="bytes">What the matrix has next.</param>
    public void Begin(int count, int ks, byte** later, int laterLines, nint bytes)
    {
        list = later;
        (lines, tiles, listing, depth) = (laterLines, count, 0, ks);
        if (laterLines <= MostAtOnce)
        {
            for (int i = 0; i < laterLines; i++)
            {
                Sse.Prefetch1(later[i]);
            }
            return;
        }
        double share = laterLines / (laterLines + ((double)bytes / NextLines.Line));
        int least = (laterLines + ks - 1) / ks;
        listing = Math.Clamp((int)Math.Round(share * count), least, count - 1);
    }

    /// <summary>What a tile fetches; tiles are asked for in order.</summary>
    /// <param name="tile">Its number.</param>
    /// <param name="first">What the matrix has next.</param>
    /// <param name="apart">Bytes from one panel's part of that to the next one's.</param>
    /// <param name="panels">Panels; each has the same number of bytes.</param>
    /// <param name="bytes">Bytes of all panels.</param>
    public readonly Ahead Next(int tile, byte* first, nint apart, int panels, nint bytes)
    {
        int sharing = tiles - listing;
        if (tile >= sharing)
        {
            int from = (int)((long)lines * (tile - sharing) / listing), to = (int)((long)lines * (tile - sharing + 1) / listing);
            return Ahead.Listed(list + from, to - from);
        }
        nint share = bytes / sharing;
        nint at = tile * share;
        nint panel = bytes == 0 ? 0 : at * panels / bytes;
        return Ahead.Share(first + (panel * apart) + at - (panel * (bytes / panels)), share, 0, 1, depth);
    }
}
