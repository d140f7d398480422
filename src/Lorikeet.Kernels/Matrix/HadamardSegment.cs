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

    /// <summary>How the factors are stored.</summary>
    public FactorType Type;

    /// <summary>[rank, outputs], rows <see cref="Hadamard.RowBytes"/> apart; null without rank. As B and Scales, set by <see cref="Use"/>.</summary>
    public byte* A;

    /// <summary>[rank, inputs], rows <see cref="Hadamard.RowBytes"/> apart; null without rank.</summary>
    public byte* B;

    /// <summary>The scales of int8 codes, [rank] of B and then [rank] of A; else null.</summary>
    public float* Scales;

    /// <summary>Rows of the shared product that one row becomes.</summary>
    public readonly int Copies => Rank == 0 ? 1 : Rank + (AddsBase ? 1 : 0);

    /// <summary>Points to factors that <see cref="Hadamard.Pack"/> packed.</summary>
    /// <param name="factors">The packed factors.</param>
    /// <param name="rank">Their rank.</param>
    /// <param name="inputs">Inputs.</param>
    /// <param name="outputs">Outputs.</param>
    /// <param name="type">How they are stored.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1 or an unknown type.</exception>
    public void Use(byte* factors, int rank, int inputs, int outputs, FactorType type)
    {
        long bytes = Hadamard.ByteLength(rank, inputs, outputs, type);
        Rank = rank;
        Type = type;
        B = factors;
        A = factors + (rank * Hadamard.RowBytes(inputs, type));
        Scales = type == FactorType.Int8 ? (float*)(factors + bytes - Hadamard.ScaleBytes(rank)) : null;
    }

    /// <summary>What row j of B is multiplied with: 1 but for codes.</summary>
    internal readonly float ScaleOfB(int j) => Scales is null ? 1f : Scales[j];

    /// <summary>What row j of A is multiplied with.</summary>
    internal readonly float ScaleOfA(int j) => Scales is null ? 1f : Scales[Rank + j];
}

/// <summary>The segments of a batch at one site.</summary>
public unsafe struct HadamardSegments
{
    /// <summary>The segments, one after the other without gaps; null: rows without factors.</summary>
    public HadamardSegment* First;

    /// <summary>How many.</summary>
    public int Count;

    /// <summary>Rows of the shared product that the batch becomes; 0 without segments.</summary>
    public readonly int Copies
    {
        get
        {
            long copies = 0;
            for (int i = 0; i < Count; i++)
            {
                copies += (long)First[i].Rows * First[i].Copies;
            }
            return (int)Math.Min(copies, int.MaxValue);
        }
    }
}
