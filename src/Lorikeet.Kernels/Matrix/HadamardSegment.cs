#pragma warning disable CA1051 // A record of pointers that kernels index: fields, as in every job struct.

namespace Lorikeet.Kernels;

/// <summary>Consecutive rows of a batch that share one FLoRA adapter, or none; pointers stay valid and pinned for the call.</summary>
public unsafe struct HadamardSegment
{
    /// <summary>The first row.</summary>
    public int Row;

    /// <summary>Number of rows.</summary>
    public int Rows;

    /// <summary>Rank; 0 for rows without factors.</summary>
    public int Rank;

    /// <summary>True: the product of the row as it is is added too.</summary>
    public bool AddsBase;

    /// <summary>Multiplies the sum over the ranks.</summary>
    public float Scale;

    /// <summary>[rank, outputs], or null without rank.</summary>
    public float* A;

    /// <summary>[rank, inputs], or null without rank.</summary>
    public float* B;

    /// <summary>Rows of the shared product that one row becomes.</summary>
    public readonly int Copies => Rank == 0 ? 1 : Rank + (AddsBase ? 1 : 0);
}
