using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>FLoRA's factors around a product of a few rows, while it runs: rows are expanded into a thread's own caches, results reduced as they come.</summary>
/// <remarks>The bits are those of <see cref="Hadamard.Expand(ReadOnlySpan{HadamardSegment}, ReadOnlySpan{float}, int, Span{float})"/>, the product and the reduction one after the other.</remarks>
internal static unsafe class HadamardAround
{
    private const int Line = 64;

    /// <summary>Makes all rows of the shared product.</summary>
    /// <param name="around">The segments.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="to">[copies, inputs].</param>
    public static void Expand(in HadamardSegments around, float* x, int inputs, float* to)
    {
        KernelVariant variant = KernelPath.Current;
        // Short pieces here and there in memory: all are asked for before the first is waited for.
        for (int i = 0; i < around.Count; i++)
        {
            Fetch(around.First[i].B, around.First[i].Rank * Hadamard.RowBytes(inputs, around.First[i].Type));
        }
        for (int i = 0; i < around.Count; i++)
        {
            ref readonly HadamardSegment segment = ref around.First[i];
            long row = Hadamard.RowBytes(inputs, segment.Type);
            float* from = x + ((long)segment.Row * inputs);
            for (int r = 0; r < segment.Rows; r++, from += inputs)
            {
                for (int j = 0; j < segment.Rank; j++, to += inputs)
                {
                    Hadamard.Product(variant, segment.Type, from, segment.B + (j * row), segment.ScaleOfB(j), inputs, to);
                }
                if (segment.Rank == 0 || segment.AddsBase)
                {
                    new ReadOnlySpan<float>(from, inputs).CopyTo(new Span<float>(to, inputs));
                    to += inputs;
                }
            }
        }
    }

    /// <summary>Asks for the numbers of A that some columns are reduced with.</summary>
    /// <param name="part">The product.</param>
    /// <param name="column">The first column.</param>
    /// <param name="columns">How many.</param>
    public static void FetchA(in PackedPart part, int column, int columns)
    {
        for (int i = 0; i < part.Around.Count; i++)
        {
            ref readonly HadamardSegment segment = ref part.Around.First[i];
            int size = FactorLayout.SizeOf(segment.Type);
            nint row = (nint)Hadamard.RowBytes(part.Outputs, segment.Type);
            for (int j = 0; j < segment.Rank; j++)
            {
                Fetch(segment.A + (j * row) + ((nint)column * size), (long)columns * size);
            }
        }
    }

    /// <summary>Puts some columns of the shared product together in y.</summary>
    /// <param name="part">The product.</param>
    /// <param name="q">[copies, columns].</param>
    /// <param name="stride">Floats from one row of q to the next.</param>
    /// <param name="column">The first column.</param>
    /// <param name="columns">How many.</param>
    public static void Reduce(in PackedPart part, float* q, nint stride, int column, int columns)
    {
        bool wide = KernelPath.Current == KernelVariant.Avx512;
        for (int i = 0; i < part.Around.Count;)
        {
            i = part.Around.First[i].Type switch
            {
                FactorType.F32 => wide ? Reduce<Sixteen, Hadamard.F32Row>(part, i, ref q, stride, column, columns) : Reduce<Eight, Hadamard.F32Row>(part, i, ref q, stride, column, columns),
                FactorType.BF16 => wide ? Reduce<Sixteen, Hadamard.BF16Row>(part, i, ref q, stride, column, columns) : Reduce<Eight, Hadamard.BF16Row>(part, i, ref q, stride, column, columns),
                _ => wide ? Reduce<Sixteen, Hadamard.Int8Row>(part, i, ref q, stride, column, columns) : Reduce<Eight, Hadamard.Int8Row>(part, i, ref q, stride, column, columns),
            };
        }
    }

    /// <summary>The segments from one on that are stored alike: a call for each row would cost as much as its arithmetic.</summary>
    /// <returns>The first segment of another type.</returns>
    private static int Reduce<TLanes, TRow>(in PackedPart part, int i, ref float* q, nint stride, int column, int columns)
        where TLanes : unmanaged, ILanes<TLanes>
        where TRow : struct, Hadamard.IFactorRow
    {
        FactorType type = part.Around.First[i].Type;
        nint row = (nint)Hadamard.RowBytes(part.Outputs, type), first = (nint)column * FactorLayout.SizeOf(type);
        int outputs = part.Outputs;
        float* from = q;
        for (; i < part.Around.Count && part.Around.First[i].Type == type; i++)
        {
            HadamardSegment segment = part.Around.First[i];
            byte* a = segment.A + first;
            float* scales = segment.Scales is null ? null : segment.Scales + segment.Rank;
            float* y = part.Y + ((long)segment.Row * outputs) + column;
            for (int r = 0; r < segment.Rows; r++, y += outputs, from += segment.Copies * stride)
            {
                float* plain = from + (segment.Rank * stride);
                if (segment.Rank == 0)
                {
                    new ReadOnlySpan<float>(plain, columns).CopyTo(new Span<float>(y, columns));
                    continue;
                }
                float* added = segment.AddsBase ? plain : null;
                int done = Hadamard.Sum<TLanes, TRow>(from, stride, a, row, scales, segment.Rank, 0, columns, segment.Scale, added, y);
                if (done < columns)
                {
                    Hadamard.Sum<One, TRow>(from, stride, a, row, scales, segment.Rank, done, columns, segment.Scale, added, y);
                }
            }
        }
        q = from;
        return i;
    }

    private static void Fetch(byte* first, long bytes)
    {
        for (long at = 0; at < bytes; at += Line)
        {
            Sse.Prefetch0(first + at);
        }
    }
}
