#pragma warning disable CA1051 // A record of pointers that kernels index: fields, as in every job struct.

namespace Lorikeet.Kernels;

/// <summary>Consecutive rows of a batch that share one low-rank adapter; pointers stay valid and pinned for the call.</summary>
public unsafe struct LowRankSegment
{
    /// <summary>The first row.</summary>
    public int Row;

    /// <summary>Number of rows.</summary>
    public int Rows;

    /// <summary>Rank of the adapter, at least 1.</summary>
    public int Rank;

    /// <summary>Multiplies the change.</summary>
    public float Scale;

    /// <summary>The factor A, packed by <see cref="LowRank.PackA"/>: [inputs][padded rank].</summary>
    public float* A;

    /// <summary>The factor B, packed by <see cref="LowRank.PackB"/>: [rank][outputs].</summary>
    public float* B;

    /// <summary>[outputs], or null for none: added to the product before scaling.</summary>
    public float* Bias;

    /// <summary>[Rows], or null for ones: multiplies each row's change.</summary>
    public float* TokenWeights;
}
