#pragma warning disable CA1051 // Records of pointers that kernels index: fields, as in every job struct.

namespace Lorikeet.Kernels;

/// <summary>Consecutive rows of a batch that share one low-rank adapter at one site; pointers stay valid and pinned for the call.</summary>
public unsafe struct LowRankSegment
{
    /// <summary>The first row.</summary>
    public int Row;

    /// <summary>Number of rows.</summary>
    public int Rows;

    /// <summary>Which of the call's results the change is added to.</summary>
    public int Site;

    /// <summary>Rank of the adapter, at least 1.</summary>
    public int Rank;

    /// <summary>How the factors are stored.</summary>
    public FactorType Type;

    /// <summary>Multiplies the change.</summary>
    public float Scale;

    /// <summary>Both factors, packed by <see cref="LowRank.Pack"/> for the call's inputs and the site's outputs.</summary>
    public byte* Factors;

    /// <summary>[outputs], or null for none: added to the product before scaling.</summary>
    public float* Bias;

    /// <summary>[Rows], or null for ones: multiplies each row's change.</summary>
    public float* TokenWeights;
}

/// <summary>One result of a call: y of one site.</summary>
public unsafe struct LowRankResult
{
    /// <summary>[rows, outputs].</summary>
    public float* Y;

    /// <summary>Rows of y.</summary>
    public int Rows;

    /// <summary>Columns of y, at least 1.</summary>
    public int Outputs;
}
