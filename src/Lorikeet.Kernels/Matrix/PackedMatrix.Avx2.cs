namespace Lorikeet.Kernels;

public static unsafe partial class PackedMatrix
{
    // The most rows that read the matrix directly. Widening bfloat16 in registers hides behind the arithmetic of a tile; binary16 takes so many
    // shifts that more than three rows share one widened copy in the cache.
    private static int FewRowsOf(ElementType type) => type == ElementType.F16 ? 3 : 2 * TileKernel.Most;

    /// <summary>A few rows read the packed matrix once, straight through; more rows take their inputs in blocks that stay in the caches.</summary>
    internal static void MultiplyAvx2(
        float* x, int rows, byte* packed, ElementType type, int outputs, int inputs, float* y, bool accumulate)
    {
        if (rows == 0)
        {
            return;
        }
        if (rows > FewRowsOf(type))
        {
            PanelSource source = new() { Kind = PanelKind.Packed, Type = type, Data = packed, Columns = outputs, Depth = inputs };
            PanelProduct<NarrowTiles>.Run(source, x, transposeX: false, rows, y, accumulate, scale: 1f, chainFromY: true);
            return;
        }
        switch (type)
        {
            case ElementType.F32:
                FewRows<F32Element>.Run(x, rows, packed, outputs, inputs, y, accumulate);
                break;
            case ElementType.BF16:
                FewRows<BF16Element>.Run(x, rows, packed, outputs, inputs, y, accumulate);
                break;
            default:
                FewRows<F16Element>.Run(x, rows, packed, outputs, inputs, y, accumulate);
                break;
        }
    }

    /// <summary>Transposes 16x16 blocks of the packed matrix into the cache; otherwise as <see cref="MultiplyAvx2"/> with many rows.</summary>
    internal static void MultiplyTransposedAvx2(
        float* dy, int rows, byte* packed, ElementType type, int outputs, int inputs, float* dx, bool accumulate)
    {
        if (rows == 0)
        {
            return;
        }
        PanelSource source = new() { Kind = PanelKind.PackedTransposed, Type = type, Data = packed, Columns = inputs, Depth = outputs };
        PanelProduct<NarrowTiles>.Run(source, dy, transposeX: false, rows, dx, accumulate, scale: 1f, chainFromY: true);
    }
}
