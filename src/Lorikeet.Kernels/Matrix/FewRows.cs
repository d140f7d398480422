using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>
/// The product of a few rows with packed matrices of one input, as one job: bound by reading the matrices, which are read once and straight through, and
/// by arithmetic from about 8 rows (AVX2) or 16 rows (AVX-512) of bfloat16 on.
/// </summary>
/// <remarks>The fewest rows run four panels at once, because one panel's chains would not hide the FMA latency.</remarks>
internal unsafe struct FewRows<TTiles, TElement> : IJob
    where TTiles : struct, ITiles
    where TElement : struct, IElement
{
    private const int Lanes = PanelSource.Lanes;

    // Panels of one unit; chunks are whole units.
    private const int Unit = 2;

    // Bytes of a result from which on it is written past the caches: its lines would be fetched for nothing, and rows of a vocabulary's width lie in the same
    // few cache sets.
    private const long PastCaches = 4 << 20;

    // Bytes to fetch ahead where four panels are read side by side: the hardware's own streams stop at each page.
    private const int Distance = 2048;

    private float* x;
    private int rows;
    private int inputs;
    private PackedPart* parts;
    private int count;
    private bool accumulate;
    private int units;
    private int chunks;
    private NextPieces later;

    public static void Run(float* x, int rows, int inputs, PackedPart* parts, int count, bool accumulate)
    {
        int units = 0;
        double outputs = 0;
        for (int i = 0; i < count; i++)
        {
            units += Units(parts[i]);
            outputs += parts[i].Outputs;
        }
        double elements = outputs * inputs;
        int tiles = TTiles.Tiles(rows);
        bool reading = rows / TTiles.FusedPerNanosecond < TElement.Size / WorkSplit.BytesPerNanosecond;
        FewRows<TTiles, TElement> job = new()
        {
            x = x,
            rows = rows,
            inputs = inputs,
            parts = parts,
            count = count,
            accumulate = accumulate,
            units = units,
            chunks = WorkSplit.Chunks(WorkSplit.Nanoseconds(elements * rows, elements * TElement.Size, TTiles.FusedPerNanosecond), units, reading),
            later = NextReads.Pieces(TileFetches.PieceBytes(inputs), (long)units * (Unit / TTiles.Panels) * TileFetches.Places(tiles)),
        };
        Team.Shared.Run(ref job, job.chunks);
    }

    /// <inheritdoc/>
    public readonly void Execute(int chunk)
    {
        int first = (int)((long)units * chunk / chunks);
        int end = (int)((long)units * (chunk + 1) / chunks);
        NextPieces pieces = later;
        int before = 0;
        for (int i = 0; i < count && end > 0; i++)
        {
            int own = Units(parts[i]);
            if (first < own)
            {
                Multiply(parts[i], first * Unit, Math.Min(end, own) * Unit, before * Unit, ref pieces);
            }
            before += own;
            first = Math.Max(first - own, 0);
            end -= own;
        }
    }

    private static int Units(in PackedPart part) => (PackedMatrix.PanelCount(part.Outputs) + Unit - 1) / Unit;

    private readonly void Multiply(in PackedPart part, int panel, int end, int panelsBefore, ref NextPieces pieces)
    {
        int outputs = part.Outputs;
        end = Math.Min(end, PackedMatrix.PanelCount(outputs));
        int whole = Math.Min(end, outputs / Lanes);
        nint panelBytes = (nint)PackedMatrix.PanelBytes(inputs, TElement.Type);
        PanelBlock block = new()
        {
            Data = part.Packed + (panel * panelBytes),
            Apart = panelBytes,
            Step = PackedMatrix.StepBytes(TElement.Type),
            Type = TElement.Type,
        };
        if (rows <= TTiles.RowsOfFour)
        {
            for (; panel + 4 <= whole; panel += 4, block.Data += 4 * panelBytes)
            {
                TTiles.RunFour<TElement>(block, rows, x, inputs, inputs, part.Y + (panel * Lanes), outputs, accumulate, Distance);
            }
        }
        int tiles = TTiles.Tiles(rows);
        TileFetches fetches = default;
        bool past = (long)rows * outputs * sizeof(float) >= PastCaches && outputs % Lanes == 0 && (nint)part.Y % 64 == 0 && !accumulate;
        float* aside = past ? (float*)ThreadScratch.Take((nuint)(TTiles.MostRows * TTiles.Panels * Lanes * sizeof(float))) : null;
        for (; panel < end; panel += TTiles.Panels, block.Data += TTiles.Panels * panelBytes)
        {
            int lanes = Math.Min(Math.Min(TTiles.Panels, end - panel) * Lanes, outputs - (panel * Lanes));
            // The panels after these are fetched meanwhile, where this chunk will read them: another thread would not find them.
            fetches.Begin(tiles, ref pieces, (long)(panelsBefore + panel) / TTiles.Panels * TileFetches.Places(tiles));
            nint next = panel + TTiles.Panels < end ? TTiles.Panels * panelBytes : 0;
            int r = 0;
            for (int tile = 0; tile < tiles; tile++)
            {
                int tileRows = TTiles.Next(rows - r);
                float* y = part.Y + ((long)r * outputs) + (panel * Lanes);
                TTiles.Run<TElement>(
                    block, tileRows, x + ((long)r * inputs), inputs, inputs, past ? aside : y, past ? lanes : outputs, lanes, accumulate,
                    fetches.Next(tile, block.Data + next, panelBytes, TTiles.Panels, next, 0, inputs));
                if (past)
                {
                    WritePast(aside, tileRows, lanes, y, outputs);
                }
                r += tileRows;
            }
        }
        if (past)
        {
            Sse.StoreFence();
        }
    }

    private static void WritePast(float* from, int rows, int lanes, float* to, nint stride)
    {
        for (int r = 0; r < rows; r++, from += lanes, to += stride)
        {
            for (int l = 0; l < lanes; l += 8)
            {
                Avx.StoreAlignedNonTemporal(to + l, Avx.LoadVector256(from + l));
            }
        }
    }
}
