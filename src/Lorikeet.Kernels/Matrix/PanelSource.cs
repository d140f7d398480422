using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Where the panels of a product's right side come from.</summary>
internal enum PanelKind
{
    /// <summary>A packed matrix as it is: lanes are its outputs, the chain runs over its inputs.</summary>
    Packed,

    /// <summary>A packed matrix transposed: lanes are its inputs, the chain runs over its outputs.</summary>
    PackedTransposed,

    /// <summary>Panels that are expanded as they are needed: lanes are outputs.</summary>
    Expanded,

    /// <summary>The same transposed: lanes are inputs.</summary>
    ExpandedTransposed,

    /// <summary>Row-major [depth, lanes].</summary>
    Rows,

    /// <summary>Row-major [lanes, depth].</summary>
    RowsTransposed,
}

/// <summary>Gives float32 panels [k][16] of a product's right side, whatever its storage.</summary>
internal unsafe struct PanelSource
{
    public const int Lanes = TileKernel.Lanes;

    public PanelKind Kind;
    public ElementType Type;
    public byte* Data;

    /// <summary>Makes the panels of the expanded kinds.</summary>
    public PanelExpansion Expansion;

    /// <summary>Columns of the product: lanes in all.</summary>
    public int Columns;

    /// <summary>Length of the whole chain.</summary>
    public int Depth;

    /// <summary>
    /// How many panels are best made together: where a k's lanes lie side by side in storage, taking more of them reads longer stretches
    /// (short reads a power of two apart would fight for the same cache sets and miss the page table's cache).
    /// </summary>
    /// <param name="tile">Panels of a tile.</param>
    public readonly int Together(int tile) => Kind is PanelKind.Rows or PanelKind.PackedTransposed or PanelKind.ExpandedTransposed ? 8 : tile;

    /// <summary>True where the panels are read as they are stored; tiles take float32 and bfloat16.</summary>
    public readonly bool Stored => Kind == PanelKind.Packed && Type != ElementType.F16;

    /// <summary>Floats of scratch for as many panels: the panels themselves and one expanded 16x16 block.</summary>
    /// <param name="panels">Panels made together.</param>
    /// <param name="depth">Most ks, a multiple of 16.</param>
    public static long ScratchFloats(int panels, int depth) => (long)panels * depth * Lanes + Lanes * Lanes;

    /// <summary>Makes the panels first, ..., first + count - 1 of 16 lanes each, for ks from, ..., from + depth - 1.</summary>
    /// <param name="first">Number of the first panel.</param>
    /// <param name="count">Panels.</param>
    /// <param name="from">The first k; a multiple of 16.</param>
    /// <param name="depth">How many ks.</param>
    /// <param name="scratch">Room for them: panel i starts <paramref name="stride"/> * i floats in.</param>
    /// <param name="stride">Floats, at least depth rounded up to 16, times 16.</param>
    /// <returns>Where they are: in scratch, or in the matrix itself.</returns>
    public readonly PanelBlock Panels(int first, int count, int from, int depth, float* scratch, int stride)
    {
        int column = first * Lanes;
        int lanes = Math.Min(count * Lanes, Columns - column);
        PanelBlock made = new() { Data = (byte*)scratch, Apart = (nint)stride * sizeof(float), Step = Lanes * sizeof(float), Type = ElementType.F32 };
        switch (Kind)
        {
            case PanelKind.Packed:
                nint step = PackedMatrix.StepBytes(Type);
                nint panelBytes = (nint)PackedMatrix.PanelBytes(Depth, Type);
                byte* packed = Data + (first * panelBytes) + (from * step);
                if (Stored)
                {
                    return new PanelBlock { Data = packed, Apart = panelBytes, Step = step, Type = Type };
                }
                for (int i = 0; i < count; i++)
                {
                    Expand(packed + (i * panelBytes), scratch + ((long)i * stride), depth);
                }
                break;
            case PanelKind.PackedTransposed:
                ClearTail(scratch, stride, depth, lanes);
                TransposePacked(column, lanes, from, depth, scratch, stride, scratch + (long)count * stride);
                break;
            case PanelKind.Expanded:
                for (int i = 0; i < count; i++)
                {
                    Expansion.Expand(Expansion.Context, first + i, from, depth, scratch + ((long)i * stride));
                }
                break;
            case PanelKind.ExpandedTransposed:
                ClearTail(scratch, stride, depth, lanes);
                TransposeExpanded(column, lanes, from, depth, scratch, stride, scratch + ((long)count * stride));
                break;
            case PanelKind.Rows:
                ClearTail(scratch, stride, depth, lanes);
                CopyRows((float*)Data + (long)from * Columns + column, depth, lanes, scratch, stride);
                break;
            default:
                ClearTail(scratch, stride, depth, lanes);
                for (int i = 0; i * Lanes < lanes; i++)
                {
                    float* rows = (float*)Data + (((long)column + (i * Lanes)) * Depth) + from;
                    Transposes.Copy(rows, Depth, Math.Min(Lanes, lanes - (i * Lanes)), depth, scratch + ((long)i * stride), Lanes);
                }
                break;
        }
        return made;
    }

    /// <summary>How far the bytes of a packed matrix that are read after a block lie from the block: in the same panels or in the next ones.</summary>
    /// <param name="tile">Panels of a tile.</param>
    /// <param name="depth">The block's ks.</param>
    /// <param name="straight">Panels are read to their end before the next.</param>
    /// <param name="bytes">How many, of all panels of a tile together; 0 where nothing is worth fetching.</param>
    public readonly nint After(int tile, int depth, bool straight, out nint bytes)
    {
        bytes = Stored ? tile * depth * PackedMatrix.StepBytes(Type) : 0;
        return !Stored ? 0 : straight ? depth * PackedMatrix.StepBytes(Type) : tile * (nint)PackedMatrix.PanelBytes(Depth, Type);
    }

    private readonly void TransposePacked(int column, int lanes, int from, int depth, float* scratch, int stride, float* block)
    {
        nint step = PackedMatrix.StepBytes(Type);
        nint panelBytes = (nint)PackedMatrix.PanelBytes(Columns, Type);
        for (int k = 0; k < depth; k += Lanes)
        {
            // The block of 16 outputs and these inputs lies in one piece: its panel is the product's k, its ks are the product's lanes.
            byte* packed = Data + ((from + k) / Lanes * panelBytes) + (column * step);
            float* to = scratch + k * Lanes;
            int lane = 0;
            for (; KernelPath.UseAvx512 && Type == ElementType.BF16 && lane + (2 * Lanes) <= lanes; lane += 2 * Lanes)
            {
                Transposes.TwoBF16Panels(packed, to, to + stride);
                packed += 2 * Lanes * step;
                to += 2 * stride;
            }
            for (; lane < lanes; lane += Lanes, packed += Lanes * step, to += stride)
            {
                int some = Math.Min(Lanes, lanes - lane);
                float* source = (float*)packed;
                if (Type != ElementType.F32)
                {
                    Expand(packed, block, some);
                    source = block;
                }
                Transposes.Copy(source, Lanes, some, Lanes, to, Lanes);
            }
        }
    }

    private readonly void TransposeExpanded(int column, int lanes, int from, int depth, float* scratch, int stride, float* block)
    {
        for (int k = 0; k < depth; k += Lanes)
        {
            float* to = scratch + (k * Lanes);
            for (int lane = 0; lane < lanes; lane += Lanes, to += stride)
            {
                int some = Math.Min(Lanes, lanes - lane);
                Expansion.Expand(Expansion.Context, (from + k) / Lanes, column + lane, some, block);
                Transposes.Copy(block, Lanes, some, Lanes, to, Lanes);
            }
        }
    }

    private readonly void Expand(byte* packed, float* to, int count)
    {
        if (Type == ElementType.BF16)
        {
            Expand<BF16Element>(packed, to, count);
        }
        else
        {
            Expand<F16Element>(packed, to, count);
        }
    }

    private static void Expand<TElement>(byte* packed, float* to, int count)
        where TElement : struct, IElement
    {
        nint step = Lanes * TElement.Size;
        for (int k = 0; k < count; k++, to += Lanes)
        {
            if (KernelPath.UseAvx512)
            {
                Avx512F.Store(to, (k & 1) == 0 ? TElement.WideEven(packed) : TElement.WideOdd(packed, step));
            }
            else if ((k & 1) == 0)
            {
                Avx.Store(to, TElement.Even(packed));
                Avx.Store(to + 8, TElement.Even(packed + 32));
            }
            else
            {
                Avx.Store(to, TElement.Odd(packed, step));
                Avx.Store(to + 8, TElement.Odd(packed + 32, step));
            }
            packed += (k & 1) * 2 * step;
        }
    }

    private readonly void CopyRows(float* rows, int depth, int lanes, float* scratch, int stride)
    {
        int whole = lanes / Lanes * Lanes;
        for (int k = 0; k < depth; k++, rows += Columns, scratch += Lanes)
        {
            float* to = scratch;
            for (int l = 0; l < whole; l += Lanes, to += stride)
            {
                if (KernelPath.UseAvx512)
                {
                    Avx512F.Store(to, Avx512F.LoadVector512(rows + l));
                    continue;
                }
                Avx.Store(to, Avx.LoadVector256(rows + l));
                Avx.Store(to + 8, Avx.LoadVector256(rows + l + 8));
            }
            for (int l = whole; l < lanes; l++)
            {
                to[l - whole] = rows[l];
            }
        }
    }

    // Lanes that do not exist are computed and thrown away: zeros keep stale NaNs and subnormals from slowing that down.
    private static void ClearTail(float* scratch, int stride, int depth, int lanes)
    {
        if (lanes % Lanes != 0)
        {
            new Span<float>(scratch + (long)(lanes / Lanes) * stride, depth * Lanes).Clear();
        }
    }
}
