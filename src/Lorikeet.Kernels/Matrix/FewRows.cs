using System.Runtime.CompilerServices;
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
    private const int FourLanes = 4 * Lanes;

    // Panels of one unit; chunks are whole units.
    private const int Unit = 2;

    // Bytes of a result from which on it is written past the caches: its lines would be fetched for nothing, and rows of a vocabulary's width lie in the same
    // few cache sets.
    private const long PastCaches = 4 << 20;

    // Floats of a product that wait for their reduction: they stay in the first-level cache.
    private const int AsideFloats = 4096;

    // Stretches of B that are fetched: more are left to those who read them.
    private const int MostRegions = 128;

    // Bytes to fetch ahead where four panels are read side by side: the hardware's own streams stop at each page.
    private const int Distance = 2048;

    private float* x;
    private int rows;
    private int inputs;
    private PackedPart* parts;
    private int count;
    private bool accumulate;
    private bool gated;
    private int units;
    private int chunks;
    private long keys;
    private LowRankChanges* changes;
    private int shrinks;
    private NextLines later;

    public static void Run(float* x, int rows, int inputs, PackedPart* parts, int count, bool accumulate)
    {
        int units = 0, most = rows;
        double elements = 0, fused = 0;
        for (int i = 0; i < count; i++)
        {
            int copies = Copies(parts[i], rows);
            units += Units(parts[i]);
            elements += (double)parts[i].Outputs * inputs;
            fused += (double)parts[i].Outputs * inputs * copies;
            most = Math.Max(most, copies);
        }
        bool gated = PackedPart.AreGated(parts, count);
        bool reading = most / TTiles.FusedPerNanosecond < TElement.Size / WorkSplit.BytesPerNanosecond;
        FewRows<TTiles, TElement> job = new()
        {
            x = x,
            rows = rows,
            inputs = inputs,
            parts = parts,
            count = count,
            accumulate = accumulate,
            gated = gated,
            units = gated ? units / 2 : units,
            chunks = WorkSplit.Chunks(WorkSplit.Nanoseconds(fused, elements * TElement.Size, TTiles.FusedPerNanosecond), gated ? units / 2 : units, reading),
            keys = ThreadScratch.Keys(count),
            later = NextReads.Lines,
        };
        job.changes = parts->After.Changes;
        job.chunks = job.changes is null ? job.chunks : LowRankChanges.Ranges(job.chunks);
        job.shrinks = job.changes is null ? 0 : job.changes->Begin(TTiles.Variant, job.chunks);
        Team.Shared.Run(ref job, job.shrinks + job.chunks);
    }

    /// <inheritdoc/>
    public readonly void Execute(int chunk)
    {
        if (chunk < shrinks)
        {
            changes->Shrink(chunk);
            return;
        }
        chunk -= shrinks;
        int first = (int)((long)units * chunk / chunks);
        int end = (int)((long)units * (chunk + 1) / chunks);
        int before = 0;
        if (gated)
        {
            // One thread makes both results of a column, and has them at hand for what follows.
            byte* next = parts[1].Packed + (first * Unit * (nint)PackedMatrix.PanelBytes(inputs, TElement.Type));
            Multiply(0, first * Unit, end * Unit, 0, next);
            Multiply(1, first * Unit, end * Unit, units * Unit, null);
            return;
        }
        for (int i = 0; i < count && end > 0; i++)
        {
            int own = Units(parts[i]);
            if (first < own)
            {
                Multiply(i, first * Unit, Math.Min(end, own) * Unit, before * Unit, null);
            }
            before += own;
            first = Math.Max(first - own, 0);
            end -= own;
        }
    }

    private static int Units(in PackedPart part) => (PackedMatrix.PanelCount(part.Outputs) + Unit - 1) / Unit;

    private static int Copies(in PackedPart part, int rows) => part.Around.First is null ? rows : part.Around.Copies;

    // What this thread reads after these panels, or null, is fetched at their end.
    [SkipLocalsInit]
    private readonly void Multiply(int number, int panel, int end, int panelsBefore, byte* then)
    {
        ref readonly PackedPart part = ref parts[number];
        int outputs = part.Outputs;
        end = Math.Min(end, PackedMatrix.PanelCount(outputs));
        int column = panel * Lanes;
        int whole = Math.Min(end, outputs / Lanes);
        nint panelBytes = (nint)PackedMatrix.PanelBytes(inputs, TElement.Type);
        PanelBlock block = new()
        {
            Data = part.Packed + (panel * panelBytes),
            Apart = panelBytes,
            Step = PackedMatrix.StepBytes(TElement.Type),
            Type = TElement.Type,
        };
        bool around = part.Around.First is not null;
        int copies = Copies(part, rows);
        float* left = around ? Expanded(number) : x;
        bool past = !around && part.After.IsNone && (long)rows * outputs * sizeof(float) >= PastCaches && outputs % Lanes == 0 && (nint)part.Y % 64 == 0 && !accumulate;
        // Results that are written past the caches, or reduced, are made beside their place.
        int span = Math.Max(AsideFloats / copies / FourLanes, 1) * FourLanes;
        float* aside = past || around ? (float*)ThreadScratch.Take((nuint)(Math.Max(copies * span, TTiles.MostRows * FourLanes) * sizeof(float))) : null;
        if (copies <= TTiles.RowsOfFour)
        {
            for (; panel + 4 <= whole; panel += 4, block.Data += 4 * panelBytes)
            {
                float* y = around ? aside : part.Y + (panel * Lanes);
                TTiles.RunFour<TElement>(block, copies, left, inputs, inputs, y, around ? FourLanes : outputs, accumulate, Distance);
                if (around)
                {
                    HadamardAround.Reduce(part, aside, FourLanes, panel * Lanes, FourLanes);
                }
            }
        }
        int tiles = TTiles.Tiles(copies);
        int firstAside = panel * Lanes;
        // Lines of B that these columns end with, and this range's share of what is read after the product.
        MemoryRegion* regions = stackalloc MemoryRegion[MostRegions];
        int places = Math.Max((end - panel + TTiles.Panels - 1) / TTiles.Panels, 1), of = units * (gated ? 2 : 1) * Unit;
        NextLines own = changes is null || panel >= end
            ? default : new NextLines(regions, changes->RegionsOfB(number, panel * Lanes, end * Lanes, regions, MostRegions)).Share(0, 1, 1, places);
        NextLines share = later.Share(panelsBefore + panel, panelsBefore + end, of, places);
        byte** lines = stackalloc byte*[TileFetches.MostLines + NextLines.Slack + 1];
        TileFetches fetches = default;
        for (; panel < end; panel += TTiles.Panels, block.Data += TTiles.Panels * panelBytes)
        {
            int lanes = Math.Min(Math.Min(TTiles.Panels, end - panel) * Lanes, outputs - (panel * Lanes));
            // The panels after these are fetched meanwhile, where this chunk will read them: another thread would not find them.
            bool last = panel + TTiles.Panels >= end;
            nint bytes = last && then is null ? 0 : TTiles.Panels * panelBytes;
            byte* next = !last ? block.Data + bytes : then is null ? block.Data : then;
            int most = TileFetches.Most(tiles, inputs), some = own.Take(lines, most);
            some += share.Take(lines + some, most - some);
            // The second of a pair may not exist.
            lines[some] = some == 0 ? null : lines[some - 1];
            fetches.Begin(tiles, inputs, lines, some, bytes);
            if (around && firstAside == panel * Lanes)
            {
                HadamardAround.FetchA(part, firstAside, Math.Min(span, Math.Min(outputs, end * Lanes) - firstAside));
            }
            int r = 0;
            for (int tile = 0; tile < tiles; tile++)
            {
                int tileRows = TTiles.Next(copies - r);
                float* y = part.Y + ((long)r * outputs) + (panel * Lanes);
                float* to = around ? aside + (r * span) + (panel * Lanes) - firstAside : past ? aside : y;
                TTiles.Run<TElement>(
                    block, tileRows, left + ((long)r * inputs), inputs, inputs, to, around ? span : past ? lanes : outputs, lanes, accumulate,
                    fetches.Next(tile, next, panelBytes, TTiles.Panels, bytes));
                if (past)
                {
                    WritePast(aside, tileRows, lanes, y, outputs);
                }
                r += tileRows;
            }
            int made = (panel * Lanes) + lanes - firstAside;
            if (around && (made == span || last))
            {
                HadamardAround.Reduce(part, aside, span, firstAside, made);
                firstAside += made;
            }
        }
        if (past)
        {
            Sse.StoreFence();
        }
        if (!part.After.IsNone)
        {
            part.After.Apply(part.Y, outputs, 0, rows, column, Math.Min(end * Lanes, outputs) - column);
        }
    }

    /// <summary>The rows of the shared product, made once by each thread that multiplies some of its panels: they stay in its own caches.</summary>
    private readonly float* Expanded(int number)
    {
        // A chunk of a gated pair reads both parts' rows.
        int first = gated ? 0 : number, last = gated ? 1 : number;
        long copies = 0, before = 0;
        for (int i = first; i <= last; i++)
        {
            before += i < number ? parts[i].Around.Copies : 0;
            copies += parts[i].Around.Copies;
        }
        float* to = (float*)ThreadScratch.Keep((nuint)(copies * inputs * sizeof(float)), keys + first, out bool fresh);
        float* place = to;
        for (int i = first; i <= last && fresh; i++)
        {
            HadamardAround.Expand(parts[i].Around, x, inputs, place);
            place += (long)parts[i].Around.Copies * inputs;
        }
        return to + (before * inputs);
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
