using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Where the panels of a product's right side come from.</summary>
internal enum PanelKind
{
    /// <summary>A packed matrix as it is: lanes are its outputs, the chain runs over its inputs.</summary>
    Packed,

    /// <summary>A packed matrix transposed: lanes are its inputs, the chain runs over its outputs.</summary>
    PackedTransposed,

    /// <summary>Row-major [depth, lanes].</summary>
    Rows,

    /// <summary>Row-major [lanes, depth].</summary>
    RowsTransposed,
}

/// <summary>Gives float32 panels [k][16] of a product's right side, whatever its storage.</summary>
internal unsafe struct PanelSource
{
    public const int Lanes = TileKernel.Lanes;

    /// <summary>Floats of scratch that <see cref="Panel"/> may write beyond the panel itself: one expanded 16x16 block.</summary>
    public const int BlockFloats = Lanes * Lanes;

    public PanelKind Kind;
    public ElementType Type;
    public byte* Data;

    /// <summary>Columns of the product: lanes in all.</summary>
    public int Columns;

    /// <summary>Length of the whole chain.</summary>
    public int Depth;

    /// <summary>The panel of 16 lanes for ks from, ... from + depth - 1: a pointer into the matrix itself, or into scratch.</summary>
    /// <param name="panel">Number of the panel.</param>
    /// <param name="from">The first k; a multiple of 16.</param>
    /// <param name="depth">How many ks.</param>
    /// <param name="scratch">Room for depth rounded up to 16, times 16, floats, and <see cref="BlockFloats"/> more.</param>
    public readonly float* Panel(int panel, int from, int depth, float* scratch)
    {
        int lanes = Math.Min(Lanes, Columns - panel * Lanes);
        switch (Kind)
        {
            case PanelKind.Packed:
                byte* packed = Data + ((long)panel * Depth + from) * Lanes * Type.Size();
                if (Type == ElementType.F32)
                {
                    return (float*)packed;
                }
                Expand(packed, scratch, depth);
                return scratch;
            case PanelKind.PackedTransposed:
                ClearTail(scratch, depth, lanes);
                TransposePacked(panel, from, depth, lanes, scratch);
                return scratch;
            case PanelKind.Rows:
                CopyRows((float*)Data + (long)from * Columns + panel * Lanes, depth, lanes, scratch);
                return scratch;
            default:
                ClearTail(scratch, depth, lanes);
                Transposes.Copy((float*)Data + (long)panel * Lanes * Depth + from, Depth, lanes, depth, scratch, Lanes);
                return scratch;
        }
    }

    private readonly void TransposePacked(int panel, int from, int depth, int lanes, float* scratch)
    {
        float* block = scratch + ((long)depth + Lanes - 1) / Lanes * BlockFloats;
        for (int k = 0; k < depth; k += Lanes)
        {
            // The block of 16 outputs and these inputs lies in one piece: its panel is the product's k, its ks are the product's lanes.
            byte* packed = Data + ((long)((from + k) / Lanes) * Columns + panel * Lanes) * Lanes * Type.Size();
            float* source = (float*)packed;
            if (Type != ElementType.F32)
            {
                Expand(packed, block, lanes);
                source = block;
            }
            Transposes.Copy(source, Lanes, lanes, Lanes, scratch + k * Lanes, Lanes);
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

    private readonly void CopyRows(float* rows, int depth, int lanes, float* to)
    {
        if (lanes == Lanes)
        {
            for (int k = 0; k < depth; k++, rows += Columns, to += Lanes)
            {
                Avx.Store(to, Avx.LoadVector256(rows));
                Avx.Store(to + 8, Avx.LoadVector256(rows + 8));
            }
            return;
        }
        for (int k = 0; k < depth; k++, rows += Columns, to += Lanes)
        {
            for (int l = 0; l < Lanes; l++)
            {
                to[l] = l < lanes ? rows[l] : 0f;
            }
        }
    }

    // Lanes that do not exist are computed and thrown away: zeros keep stale NaNs and subnormals from slowing that down.
    private static void ClearTail(float* scratch, int depth, int lanes)
    {
        if (lanes < Lanes)
        {
            new Span<float>(scratch, depth * Lanes).Clear();
        }
    }
}
