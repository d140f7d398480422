namespace Lorikeet.Kernels;

/// <summary>Who fetches what while the tiles of some panels, one after the other, compute on different rows.</summary>
/// <remarks>
/// The tiles share what the matrix has next: were it left to the first of them, which reads the panels, the memory would rest while the others compute. What
/// was announced in <see cref="NextReads"/> goes to tiles that do nothing else then; never to the first, so that a tile is left for the panels.
/// </remarks>
internal unsafe struct TileFetches
{
    private const int Most = 48;

    private fixed long pieces[Most];
    private fixed int steps[Most];
    private int tiles;
    private int free;
    private int used;

    /// <summary>Bytes of another product's reads that a tile of so many ks fetches at most: a line for each k.</summary>
    public static int PieceBytes(int depth) => Math.Max(depth, 1) * NextLines.Line;

    /// <summary>Places for announced reads among so many tiles.</summary>
    public static int Places(int tiles) => Math.Min(tiles, Most) - 1;

    /// <summary>Begins with the first of the tiles.</summary>
    /// <param name="count">Tiles.</param>
    /// <param name="later">What was announced.</param>
    /// <param name="place">The number of the first place of these tiles.</param>
    public void Begin(int count, ref NextPieces later, long place)
    {
        (tiles, free, used) = (count, count, 0);
        for (int tile = 1; later.Pieces > 0 && tile < Math.Min(count, Most); tile++)
        {
            pieces[tile] = (long)later.At(place + tile - 1, out long bytes);
            steps[tile] = (int)(((bytes * NextLines.Line) + later.Piece - 1) / later.Piece);
            free -= pieces[tile] != 0 ? 1 : 0;
        }
    }

    /// <summary>What a tile fetches; tiles are asked for in order.</summary>
    /// <param name="tile">Its number.</param>
    /// <param name="first">What the matrix has next.</param>
    /// <param name="apart">Bytes from one panel's part of that to the next one's.</param>
    /// <param name="panels">Panels; each has the same number of bytes.</param>
    /// <param name="bytes">Bytes of all panels.</param>
    /// <param name="from">The k at which the tile begins.</param>
    /// <param name="depth">Its ks.</param>
    public Ahead Next(int tile, byte* first, nint apart, int panels, nint bytes, int from, int depth)
    {
        if (free < tiles && tile < Most && pieces[tile] != 0)
        {
            return Ahead.Lines((byte*)pieces[tile] + ((long)from * steps[tile]), steps[tile]);
        }
        nint share = bytes / free;
        nint at = used++ * share;
        nint panel = bytes == 0 ? 0 : at * panels / bytes;
        return Ahead.Share(first + (panel * apart) + at - (panel * (bytes / panels)), share, 0, 1, depth);
    }
}
