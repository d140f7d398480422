namespace Lorikeet.Kernels;

/// <summary>The two sides of one product as <see cref="PanelProduct{TTiles}"/> walks them.</summary>
internal unsafe struct PanelOperand
{
    /// <summary>The right side.</summary>
    public PanelSource Source;

    /// <summary>The left side, [rows, depth].</summary>
    public float* X;

    /// <summary>Floats from one of its rows to the next.</summary>
    public nint XStride;

    /// <summary>Floats from one of its blocks of k to the next.</summary>
    public nint XBlockStride;

    /// <summary>Ks of a block.</summary>
    public int DepthBlock;
}
