namespace Lorikeet.Kernels;

public static unsafe partial class PackedMatrix
{
    /// <summary>A few rows read the packed matrix once, straight through; more rows take their inputs in blocks that stay in the caches.</summary>
    internal static void MultiplyAvx2(
        float* x, int rows, byte* packed, ElementType type, int outputs, int inputs, float* y, bool accumulate, in Epilogue after)
    {
        if (rows == 0)
        {
            return;
        }
        if (!IsFew<NarrowTiles>(rows, inputs, type))
        {
            PanelSource source = new() { Kind = PanelKind.Packed, Type = type, Data = packed, Columns = outputs, Depth = inputs };
            PanelProduct<NarrowTiles>.Run(source, x, transposeX: false, rows, y, accumulate, scale: 1f, chainFromY: true, after);
            return;
        }
        PackedPart part = new() { Packed = packed, Outputs = outputs, Y = y, After = after };
        MultiplyFew<NarrowTiles>(x, rows, inputs, type, &part, 1, accumulate);
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
