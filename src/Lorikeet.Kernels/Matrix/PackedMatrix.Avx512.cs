namespace Lorikeet.Kernels;

public static unsafe partial class PackedMatrix
{
    // The most rows that read the matrix directly: two tiles. More rows take their inputs in blocks that stay in the caches.
    private const int FewRowsAvx512 = 2 * WideTile.Most;

    /// <summary>A few rows read the packed matrix once, straight through; halves are widened in registers for any number of rows.</summary>
    internal static void MultiplyAvx512(
        float* x, int rows, byte* packed, ElementType type, int outputs, int inputs, float* y, bool accumulate)
    {
        if (rows == 0)
        {
            return;
        }
        if (rows > FewRowsAvx512)
        {
            PanelSource source = new() { Kind = PanelKind.Packed, Type = type, Data = packed, Columns = outputs, Depth = inputs };
            PanelProduct<WideTiles>.Run(source, x, transposeX: false, rows, y, accumulate, scale: 1f, chainFromY: true);
            return;
        }
        switch (type)
        {
            case ElementType.F32:
                FewRowsWide<F32Element>.Run(x, rows, packed, outputs, inputs, y, accumulate);
                break;
            case ElementType.BF16:
                FewRowsWide<BF16Element>.Run(x, rows, packed, outputs, inputs, y, accumulate);
                break;
            default:
                FewRowsWide<F16Element>.Run(x, rows, packed, outputs, inputs, y, accumulate);
                break;
        }
    }

    /// <summary>Transposes 16x16 blocks of the packed matrix into the cache; otherwise as <see cref="MultiplyAvx512"/> with many rows.</summary>
    internal static void MultiplyTransposedAvx512(
        float* dy, int rows, byte* packed, ElementType type, int outputs, int inputs, float* dx, bool accumulate)
    {
        if (rows == 0)
        {
            return;
        }
        PanelSource source = new() { Kind = PanelKind.PackedTransposed, Type = type, Data = packed, Columns = inputs, Depth = outputs };
        PanelProduct<WideTiles>.Run(source, dy, transposeX: false, rows, dx, accumulate, scale: 1f, chainFromY: true);
    }
}
