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
    public readonly int Together => Kind is PanelKind.Rows or PanelKind.PackedTransposed or PanelKind.ExpandedTransposed ? 8 : 1;

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
    /// <returns>Where panel 0 is: in scratch, or (one panel alone) in the matrix itself.</returns>
    public readonly float* Panels(int first, int count, int from, int depth, float* scratch, int stride)
    {
        int column = first * Lanes;
        int lanes = Math.Min(count * Lanes, Columns - column);
        switch (Kind)
        {
            case PanelKind.Packed:
                byte* packed = Data + ((long)first * Depth + from) * Lanes * Type.Size();
                if (Type == ElementType.F32)
                {
                    return (float*)packed;
                }
                Expand(packed, scratch, depth);
                return scratch;
            case PanelKind.PackedTransposed:
                ClearTail(scratch, stride, depth, lanes);
                TransposePacked(column, lanes, from, depth, scratch, stride, scratch + (long)count * stride);
                return scratch;
            case PanelKind.Expanded:
                for (int i = 0; i < count; i++)
                {
                    Expansion.Expand(Expansion.Context, first + i, from, depth, scratch + ((long)i * stride));
                }
                return scratch;
            case PanelKind.ExpandedTransposed:
                ClearTail(scratch, stride, depth, lanes);
                TransposeExpanded(column, lanes, from, depth, scratch, stride, scratch + ((long)count * stride));
                return scratch;
            case PanelKind.Rows:
                ClearTail(scratch, stride, depth, lanes);
                CopyRows((float*)Data + (long)from * Columns + column, depth, lanes, scratch, stride);
                return scratch;
            default:
                ClearTail(scratch, stride, depth, lanes);
                Transposes.Copy((float*)Data + (long)column * Depth + from, Depth, lanes, depth, scratch, Lanes);
                return scratch;
        }
    }

    /// <summary>The bytes of a packed matrix that are read after a block: of the same panel or of the next one.</summary>
    /// <param name="panel">Number of the block's panel.</param>
    /// <param name="from">Its first k.</param>
    /// <param name="depth">Its ks.</param>
    /// <param name="straight">A panel is read to its end before the next.</param>
    /// <param name="bytes">How many bytes; 0 where nothing is worth fetching.</param>
    public readonly byte* After(int panel, int from, int depth, bool straight, out nint bytes)
    {
        bytes = Kind == PanelKind.Packed ? (nint)depth * Lanes * Type.Size() : 0;
        long k = (long)panel * Depth + from + (straight ? depth : Depth);
        return bytes == 0 ? Data : Data + k * Lanes * Type.Size();
    }

    private readonly void TransposePacked(int column, int lanes, int from, int depth, float* scratch, int stride, float* block)
    {
        for (int k = 0; k < depth; k += Lanes)
        {
            // The block of 16 outputs and these inputs lies in one piece: its panel is the product's k, its ks are the product's lanes.
            byte* packed = Data + ((long)((from + k) / Lanes) * Columns + column) * Lanes * Type.Size();
            float* to = scratch + k * Lanes;
            for (int lane = 0; lane < lanes; lane += Lanes, packed += Lanes * Lanes * Type.Size(), to += stride)
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
        for (int k = 0; k < count; k++)
        {
            Avx.Store(to, TElement.Low(packed));
            Avx.Store(to + 8, TElement.High(packed));
            packed += Lanes * TElement.Size;
            to += Lanes;
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
