namespace Lorikeet.Kernels;

/// <summary>Where the parts of one adapter's packed factors lie: A, then the scales of int8 codes, then B, each on a cache line of its own.</summary>
/// <remarks>
/// A is panels of 16 ranks [ceil(r/16)][inputs][16], the last one 4 or 8 lanes wide where that holds the rest; B is panels of 16 outputs
/// [ceil(outputs/16)][r][16]: both are read straight through, once a step. Depths are rounded up to even. bfloat16 numbers of two
/// neighbouring ks lie side by side for each lane, the even k in the lower half of a 32-bit word: a shift and a mask widen them in vectors of any width.
/// </remarks>
internal readonly struct FactorLayout
{
    public const int Lanes = 16;
    private const int Line = 64;

    public FactorLayout(int rank, int inputs, int outputs, FactorType type)
    {
        Type = type;
        Size = SizeOf(type);
        Rank = rank;
        Inputs = inputs;
        Outputs = outputs;
        PanelsA = (int)(((long)rank + Lanes - 1) / Lanes);
        int rest = rank - ((PanelsA - 1) * Lanes);
        LastLanes = rest <= 4 ? 4 : rest <= 8 ? 8 : Lanes;
        PanelsB = (int)(((long)outputs + Lanes - 1) / Lanes);
    }

    /// <summary>Bytes of one number.</summary>
    public static int SizeOf(FactorType type) => type switch { FactorType.F32 => sizeof(float), FactorType.BF16 => sizeof(ushort), _ => sizeof(sbyte) };

    public FactorType Type { get; }

    /// <summary>Bytes of one number.</summary>
    public int Size { get; }

    public int Rank { get; }

    public int Inputs { get; }

    public int Outputs { get; }

    public int PanelsA { get; }

    /// <summary>Lanes of A's last panel.</summary>
    public int LastLanes { get; }

    public int PanelsB { get; }

    /// <summary>Floats of h for one row: whole panels, so that any kernel may write all its lanes.</summary>
    public int HiddenFloats => PanelsA * Lanes;

    public long PanelBytesA => Even(Inputs) * Lanes * Size;

    public long PanelBytesB => Even(Rank) * Lanes * Size;

    public long OffsetScales => Round(((PanelsA - 1) * PanelBytesA) + (Even(Inputs) * LastLanes * Size));

    public long OffsetB => OffsetScales + (Type == FactorType.Int8 ? Round((long)HiddenFloats * sizeof(float)) : 0);

    public long Bytes => OffsetB + Round(PanelsB * PanelBytesB);

    /// <summary>True where numbers lie without gaps, so that packing writes every byte.</summary>
    public bool IsFull => Bytes == Size * Rank * ((long)Inputs + Outputs);

    public int LanesOf(int panelOfA) => panelOfA == PanelsA - 1 ? LastLanes : Lanes;

    /// <summary>Where lane l of depth k stands in a panel, in elements.</summary>
    public long Place(int k, int lane, int lanes) =>
        Type == FactorType.BF16 ? ((long)(k / 2) * 2 * lanes) + (2 * lane) + (k & 1) : ((long)k * lanes) + lane;

    private static long Even(int depth) => ((long)depth + 1) / 2 * 2;

    private static long Round(long bytes) => (bytes + Line - 1) / Line * Line;
}
