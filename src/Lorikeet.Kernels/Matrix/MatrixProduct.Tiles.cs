namespace Lorikeet.Kernels;

/// <content>The vector variants: panels of b are packed for the micro-kernel that packed weights use. Bound by arithmetic from a few rows on.</content>
public static unsafe partial class MatrixProduct
{
    internal static void MultiplyAvx2(
        float* a, bool transposeA, float* b, bool transposeB, float* c, int m, int n, int k, float scale, bool accumulate) =>
        MultiplyTiles<NarrowTiles>(a, transposeA, b, transposeB, c, m, n, k, scale, accumulate);

    internal static void MultiplyAvx512(
        float* a, bool transposeA, float* b, bool transposeB, float* c, int m, int n, int k, float scale, bool accumulate) =>
        MultiplyTiles<WideTiles>(a, transposeA, b, transposeB, c, m, n, k, scale, accumulate);

    private static void MultiplyTiles<TTiles>(
        float* a, bool transposeA, float* b, bool transposeB, float* c, int m, int n, int k, float scale, bool accumulate)
        where TTiles : struct, ITiles
    {
        if (m == 0 || n == 0)
        {
            return;
        }
        if (k == 0)
        {
            // Empty chains: the walk over blocks of k would write nothing.
            MultiplyScalar(a, transposeA, b, transposeB, c, m, n, k, scale, accumulate);
            return;
        }
        PanelSource source = new()
        {
            Kind = transposeB ? PanelKind.RowsTransposed : PanelKind.Rows,
            Type = ElementType.F32,
            Data = (byte*)b,
            Columns = n,
            Depth = k,
        };
        PanelProduct<TTiles>.Run(source, a, transposeA, m, c, accumulate, scale, chainFromY: false);
    }
}
