#pragma warning disable CA1051 // A record of pointers that kernels index: fields, as in every job struct.

namespace Lorikeet.Kernels;

/// <summary>One of several packed matrices that are multiplied with the same rows; pointers stay valid and pinned for the call.</summary>
public unsafe struct PackedPart
{
    /// <summary>The packed matrix [outputs, inputs].</summary>
    public byte* Packed;

    /// <summary>Rows of the matrix, at least 1.</summary>
    public int Outputs;

    /// <summary>[rows, outputs], overwritten.</summary>
    public float* Y;

    /// <summary>FLoRA's factors around this product, of all rows; none by default.</summary>
    public HadamardSegments Around;
}
