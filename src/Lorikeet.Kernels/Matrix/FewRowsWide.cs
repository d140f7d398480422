namespace Lorikeet.Kernels;

/// <summary>The product of a few rows with a packed matrix, with AVX-512: bound by reading the matrix, which is read once and straight through.</summary>
/// <remarks>Up to three rows run four panels at once, more rows two; with bfloat16 arithmetic takes over at about 16 rows.</remarks>
internal unsafe struct FewRowsWide<TElement> : IJob
    where TElement : struct, IElement
{
    private const int Lanes = WideTile.Lanes;

    // Panels one group takes; chunks are whole groups.
    private const int Group = QuadTile.Panels;

    // Bytes to fetch ahead: the hardware's own streams stop at each page, and a tile's arithmetic does not look that far.
    private const int Ahead = 2048;

    private float* x;
    private int rows;
    private byte* packed;
    private int outputs;
    private int inputs;
    private float* y;
    private bool accumulate;
    private int panels;
    private int groups;
    private int chunks;
    private NextPieces next;

    public static void Run(float* x, int rows, byte* packed, int outputs, int inputs, float* y, bool accumulate)
    {
        int panels = PackedMatrix.PanelCount(outputs);
        int groups = (panels + Group - 1) / Group;
        double elements = (double)outputs * inputs;
        FewRowsWide<TElement> job = new()
        {
            x = x,
            rows = rows,
            packed = packed,
            outputs = outputs,
            inputs = inputs,
            y = y,
            accumulate = accumulate,
            panels = panels,
            groups = groups,
            chunks = WorkSplit.Chunks(WorkSplit.Nanoseconds(elements * rows, elements * TElement.Size, WideTiles.FusedPerNanosecond), groups),
            next = NextReads.Pieces(
                WideTiles.Panels * PackedMatrix.PanelBytes(inputs, TElement.Type), (panels + 1L) / WideTiles.Panels * (WideTile.Tiles(rows) - 1)),
        };
        Team.Shared.Run(ref job, job.chunks);
    }

    /// <inheritdoc/>
    public readonly void Execute(int chunk)
    {
        int panel = (int)((long)groups * chunk / chunks) * Group;
        int end = Math.Min(panels, (int)((long)groups * (chunk + 1) / chunks) * Group);
        int whole = Math.Min(end, outputs / Lanes);
        nint panelBytes = (nint)PackedMatrix.PanelBytes(inputs, TElement.Type);
        nint step = PackedMatrix.StepBytes(TElement.Type);
        byte* weights = packed + (panel * panelBytes);
        if (rows <= QuadTile.Most)
        {
            for (; panel + QuadTile.Panels <= whole; panel += QuadTile.Panels, weights += QuadTile.Panels * panelBytes)
            {
                QuadTile.Run<TElement>(rows, x, inputs, weights, panelBytes, step, inputs, y + (panel * Lanes), outputs, accumulate, Ahead);
            }
        }
        NextPieces idle = next;
        int others = WideTile.Tiles(rows) - 1;
        PanelBlock block = new() { Apart = panelBytes, Step = step, Type = TElement.Type };
        for (; panel < end; panel += WideTiles.Panels, weights += WideTiles.Panels * panelBytes)
        {
            int lanes = Math.Min(Math.Min(WideTiles.Panels, end - panel) * Lanes, outputs - (panel * Lanes));
            block.Data = weights;
            // The first tile reads the panels from afar; the others have time to fetch what comes after this product.
            long place = (long)(panel / WideTiles.Panels) * others;
            int r = 0;
            while (r < rows)
            {
                int tile = WideTile.Next(rows - r);
                nint ahead = r == 0 ? Ahead : idle.Ahead(place++, weights);
                WideTiles.Run<TElement>(
                    block, tile, x + ((long)r * inputs), inputs, inputs, y + ((long)r * outputs) + (panel * Lanes), outputs, lanes, accumulate, ahead);
                r += tile;
            }
        }
    }
}
