namespace Lorikeet.Kernels;

/// <summary>Panels of 16 lanes as the tiles read them.</summary>
internal unsafe struct PanelBlock
{
    public byte* Data;

    /// <summary>Bytes from one panel to the next.</summary>
    public nint Apart;

    /// <summary>Bytes of one k.</summary>
    public nint Step;

    public ElementType Type;
}

/// <summary>The micro-kernel of a variant, as <see cref="PanelProduct{TTiles}"/> walks it.</summary>
internal unsafe interface ITiles
{
    /// <summary>The variant whose kernel it is.</summary>
    static abstract KernelVariant Variant { get; }

    /// <summary>Panels of one tile.</summary>
    static abstract int Panels { get; }

    /// <summary>Most rows of one tile.</summary>
    static abstract int MostRows { get; }

    /// <summary>Blocks of rows are multiples of this.</summary>
    static abstract int RowMultiple { get; }

    /// <summary>Floats of rows that may stay in the second-level cache over all of k, beside the panels.</summary>
    static abstract int StraightFloats { get; }

    /// <summary>Multiply-adds one thread does in a nanosecond.</summary>
    static abstract double FusedPerNanosecond { get; }

    /// <summary>The most rows that <see cref="RunFour"/> takes.</summary>
    static abstract int RowsOfFour { get; }

    /// <summary>Tiles that so many rows take.</summary>
    static abstract int Tiles(int rows);

    /// <summary>How many of the rows left the next tile takes.</summary>
    static abstract int Next(int left);

    /// <summary><c>y[r, l] = (load ? y[r, l] : 0) + sum over i of x[r, i] panel[i, l]</c>, l below <paramref name="lanes"/> (at most those of a tile), while <paramref name="ahead"/> is fetched.</summary>
    static abstract void Run(
        in PanelBlock panel, int rows, float* x, nint xStride, int depth, float* y, nint yStride, int lanes, bool load, Ahead ahead);

    /// <summary>The same for panels whose element type the JIT knows.</summary>
    static abstract void Run<TElement>(
        in PanelBlock panel, int rows, float* x, nint xStride, int depth, float* y, nint yStride, int lanes, bool load, Ahead ahead)
        where TElement : struct, IElement;

    /// <summary>The same for the fewest rows and four whole panels, which are fetched <paramref name="distance"/> bytes before they are read.</summary>
    static abstract void RunFour<TElement>(
        in PanelBlock panel, int rows, float* x, nint xStride, int depth, float* y, nint yStride, bool load, int distance)
        where TElement : struct, IElement;
}

/// <summary>6 rows by 16 lanes with AVX2.</summary>
internal readonly unsafe struct NarrowTiles : ITiles
{
    public static KernelVariant Variant => KernelVariant.Avx2;

    public static int Panels => 1;

    public static int MostRows => TileKernel.Most;

    public static int RowMultiple => TileKernel.Most;

    // 256 KB: processors without AVX-512 have as little as 512 KB.
    public static int StraightFloats => 65536;

    public static double FusedPerNanosecond => 40;

    public static int RowsOfFour => 1;

    public static int Tiles(int rows) => (rows + TileKernel.Most - 1) / TileKernel.Most;

    public static int Next(int left) => TileKernel.Next(left);

    public static void Run(in PanelBlock panel, int rows, float* x, nint xStride, int depth, float* y, nint yStride, int lanes, bool load, Ahead ahead)
    {
        if (panel.Type == ElementType.F32)
        {
            Run<F32Element>(panel, rows, x, xStride, depth, y, yStride, lanes, load, ahead);
        }
        else
        {
            Run<BF16Element>(panel, rows, x, xStride, depth, y, yStride, lanes, load, ahead);
        }
    }

    public static void Run<TElement>(
        in PanelBlock panel, int rows, float* x, nint xStride, int depth, float* y, nint yStride, int lanes, bool load, Ahead ahead)
        where TElement : struct, IElement
    {
        byte* data = panel.Data;
        if (lanes == TileKernel.Lanes)
        {
            TileKernel.Run<TElement>(rows, x, xStride, data, panel.Step, depth, y, yStride, load, ahead);
        }
        else
        {
            TileKernel.RunEdge<TElement>(rows, x, xStride, data, panel.Step, depth, y, yStride, lanes, load, ahead);
        }
    }

    public static void RunFour<TElement>(
        in PanelBlock panel, int rows, float* x, nint xStride, int depth, float* y, nint yStride, bool load, int distance)
        where TElement : struct, IElement => OneRow.Run<TElement>(x, panel.Data, panel.Apart, panel.Step, depth, y, load, distance);
}

/// <summary>14 rows by 32 lanes with AVX-512; a last panel alone by 16.</summary>
internal readonly unsafe struct WideTiles : ITiles
{
    public static KernelVariant Variant => KernelVariant.Avx512;

    public static int Panels => 2;

    public static int MostRows => WideTile.Most;

    public static int RowMultiple => 1;

    // 640 KB: processors with AVX-512 have 1 MB and more.
    public static int StraightFloats => 163840;

    public static double FusedPerNanosecond => 80;

    public static int RowsOfFour => QuadTile.Most;

    public static int Tiles(int rows) => (rows + WideTile.Most - 1) / WideTile.Most;

    public static int Next(int left) => WideTile.Next(left);

    public static void Run(in PanelBlock panel, int rows, float* x, nint xStride, int depth, float* y, nint yStride, int lanes, bool load, Ahead ahead)
    {
        if (panel.Type == ElementType.F32)
        {
            Run<F32Element>(panel, rows, x, xStride, depth, y, yStride, lanes, load, ahead);
        }
        else
        {
            Run<BF16Element>(panel, rows, x, xStride, depth, y, yStride, lanes, load, ahead);
        }
    }

    public static void Run<TElement>(
        in PanelBlock panel, int rows, float* x, nint xStride, int depth, float* y, nint yStride, int lanes, bool load, Ahead ahead)
        where TElement : struct, IElement
    {
        switch (lanes)
        {
            case 2 * WideTile.Lanes:
                WideTile.Run<TElement, Rows2>(rows, x, xStride, panel.Data, panel.Apart, panel.Step, depth, y, yStride, load, ahead);
                break;
            case > WideTile.Lanes:
                WideTile.RunEdge<TElement, Rows2>(rows, x, xStride, panel.Data, panel.Apart, panel.Step, depth, y, yStride, lanes, load, ahead);
                break;
            case WideTile.Lanes:
                WideTile.Run<TElement, Rows1>(rows, x, xStride, panel.Data, panel.Apart, panel.Step, depth, y, yStride, load, ahead);
                break;
            default:
                WideTile.RunEdge<TElement, Rows1>(rows, x, xStride, panel.Data, panel.Apart, panel.Step, depth, y, yStride, lanes, load, ahead);
                break;
        }
    }

    public static void RunFour<TElement>(
        in PanelBlock panel, int rows, float* x, nint xStride, int depth, float* y, nint yStride, bool load, int distance)
        where TElement : struct, IElement =>
        QuadTile.Run<TElement>(rows, x, xStride, panel.Data, panel.Apart, panel.Step, depth, y, yStride, load, distance);
}
