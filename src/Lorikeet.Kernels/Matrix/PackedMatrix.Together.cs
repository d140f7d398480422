namespace Lorikeet.Kernels;

public static unsafe partial class PackedMatrix
{
    // More rows than these, or longer ones than the second-level cache holds, are cut into blocks (PanelProduct).
    private const int MostFewRows = 64;

    /// <summary>Multiplies rows by several transposed matrices of one input: for each part <c>y = x W^T</c>, the bits those of <see cref="Multiply"/>.</summary>
    /// <remarks>
    /// A few rows are one job of the team, however many matrices there are: small matrices do not each wait for all threads. A part with factors around it has
    /// <c>y = Reduce(Expand(x) W^T)</c>, see <see cref="Hadamard"/>, without the expanded rows ever leaving the caches of the thread that multiplies them. What
    /// follows a product (<see cref="PackedPart.After"/>) is done to its results there, too.
    /// </remarks>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows; 0 does nothing.</param>
    /// <param name="inputs">Columns of x and of every matrix, at least 1.</param>
    /// <param name="type">The element type of every matrix.</param>
    /// <param name="parts">The matrices and their results; results overlap neither x nor one another.</param>
    /// <exception cref="ArgumentException">
    /// x is too short, a part has no matrix, no result or no outputs, or factors around it that are not of all rows or for which <see cref="TakesAround"/> is false,
    /// a gate that is the result of a part that is not made beside it, or low-rank changes of other rows or sites.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">Negative rows, no inputs or an unknown element type.</exception>
    public static void MultiplyTogether(ReadOnlySpan<float> x, int rows, int inputs, ElementType type, ReadOnlySpan<PackedPart> parts)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Require.Length(x.Length, (long)rows * inputs, nameof(x), "[rows, inputs]");
        for (int i = 0; i < parts.Length; i++)
        {
            CheckSizes(parts[i].Outputs, inputs, type);
            if (parts[i].Packed is null || parts[i].Y is null || parts[i].After.Coded is not null)
            {
                throw new ArgumentException($"part {i} has no matrix or no result, or wants codes; expected pointers to both, and no codes", nameof(parts));
            }
            KernelWork.Count(CheckAround(parts[i], i, rows, inputs, type), parts[i].Outputs, inputs, ByteLength(parts[i].Outputs, inputs, type));
        }
        PackedPart.CheckGates(parts);
        PackedPart.CheckChanges(parts, rows, inputs);
        fixed (float* left = x)
        fixed (PackedPart* list = parts)
        {
            MultiplyTogetherWith(KernelPath.Current, left, rows, inputs, type, list, parts.Length);
        }
    }

    /// <summary>Adds up the products of several matrices of one input: <c>dx = (accumulate ? dx : 0) + sum of dy W</c>, the bits those of <see cref="MultiplyTransposed"/> one after the other.</summary>
    /// <remarks>Many rows are one job of the team, whose chunks keep their part of dx in the caches from matrix to matrix.</remarks>
    /// <param name="parts">The matrices in order: the packed matrix and its outputs, and dy [rows, outputs] in the place of y; it is only read.</param>
    /// <param name="rows">Rows of every dy and of dx; 0 does nothing.</param>
    /// <param name="inputs">Columns of every matrix, at least 1.</param>
    /// <param name="type">The element type of every matrix.</param>
    /// <param name="dx">[rows, inputs]; must not overlap a dy.</param>
    /// <param name="accumulate">Chains start at dx instead of zero.</param>
    /// <exception cref="ArgumentException">dx is too short, or a part has no matrix, no dy or no outputs.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Negative rows, no inputs or an unknown element type.</exception>
    public static void MultiplyTransposedTogether(ReadOnlySpan<PackedPart> parts, int rows, int inputs, ElementType type, Span<float> dx, bool accumulate = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Require.Length(dx.Length, (long)rows * inputs, nameof(dx), "[rows, inputs]");
        for (int i = 0; i < parts.Length; i++)
        {
            CheckSizes(parts[i].Outputs, inputs, type);
            if (parts[i].Packed is null || parts[i].Y is null)
            {
                throw new ArgumentException($"part {i} has no matrix or no dy; expected pointers to both", nameof(parts));
            }
            KernelWork.Count(rows, parts[i].Outputs, inputs, ByteLength(parts[i].Outputs, inputs, type));
        }
        fixed (PackedPart* list = parts)
        fixed (float* to = dx)
        {
            MultiplyTransposedTogetherWith(KernelPath.Current, list, parts.Length, rows, inputs, type, to, accumulate);
        }
    }

    internal static void MultiplyTransposedTogetherWith(
        KernelVariant variant, PackedPart* parts, int count, int rows, int inputs, ElementType type, float* dx, bool accumulate)
    {
        if (rows == 0 || count == 0)
        {
            return;
        }
        PanelOperand* operands = stackalloc PanelOperand[count];
        bool clash = false;
        for (int i = 0; i < count; i++)
        {
            PanelSource source = new() { Kind = PanelKind.PackedTransposed, Type = type, Data = parts[i].Packed, Columns = inputs, Depth = parts[i].Outputs };
            operands[i] = new PanelOperand { Source = source, X = parts[i].Y };
            // Rows that clash are copied first, each for its own product.
            clash |= LeftBlocks.Clash(parts[i].Outputs, halves: false);
        }
        switch (variant)
        {
            case KernelVariant.Avx512 when !clash:
                PanelProduct<WideTiles>.Run(operands, count, rows, dx, accumulate);
                return;
            case KernelVariant.Avx2 when !clash:
                PanelProduct<NarrowTiles>.Run(operands, count, rows, dx, accumulate);
                return;
        }
        for (int i = 0; i < count; i++)
        {
            MultiplyTransposedWith(variant, parts[i].Y, rows, parts[i].Packed, type, parts[i].Outputs, inputs, dx, accumulate || i > 0);
        }
    }

    /// <summary>True where so many rows, each of them counted as often as its rank asks, can be multiplied with factors around the product.</summary>
    /// <param name="copies">Rows of the shared product.</param>
    /// <param name="inputs">Columns of the matrix.</param>
    /// <param name="type">Its element type.</param>
    public static bool TakesAround(int copies, int inputs, ElementType type) => KernelPath.Current switch
    {
        KernelVariant.Avx512 => IsFew<WideTiles>(copies, inputs, type),
        KernelVariant.Avx2 => IsFew<NarrowTiles>(copies, inputs, type),
        _ => false,
    };

    private static int CheckAround(in PackedPart part, int index, int rows, int inputs, ElementType type)
    {
        if (part.Around.First is null)
        {
            return rows;
        }
        HadamardSegments around = part.Around;
        Hadamard.Check(new ReadOnlySpan<HadamardSegment>(around.First, around.Count), rows, nameof(part));
        HadamardSegment last = around.Count == 0 ? default : around.First[around.Count - 1];
        if (last.Row + last.Rows != rows || (rows > 0 && around.First[0].Row != 0) || !TakesAround(around.Copies, inputs, type))
        {
            throw new ArgumentException(
                $"part {index} has factors around it for rows up to {last.Row + last.Rows} in {around.Copies} copies; expected all of {rows} rows and copies that TakesAround allows", nameof(part));
        }
        return around.Copies;
    }

    internal static void MultiplyTogetherWith(KernelVariant variant, float* x, int rows, int inputs, ElementType type, PackedPart* parts, int count)
    {
        int most = rows;
        for (int i = 0; i < count; i++)
        {
            most = Math.Max(most, parts[i].Around.Copies);
        }
        if (rows > 0 && variant == KernelVariant.Avx512 && IsFew<WideTiles>(most, inputs, type))
        {
            MultiplyFew<WideTiles>(x, rows, inputs, type, parts, count, accumulate: false);
            return;
        }
        if (rows > 0 && variant == KernelVariant.Avx2 && IsFew<NarrowTiles>(most, inputs, type))
        {
            MultiplyFew<NarrowTiles>(x, rows, inputs, type, parts, count, accumulate: false);
            return;
        }
        for (int i = 0; i < count; i++)
        {
            MultiplyWith(variant, x, rows, parts[i].Packed, type, parts[i].Outputs, inputs, parts[i].Y, accumulate: false, parts[i].After);
        }
    }

    // Widening bfloat16 in registers hides behind the arithmetic of a tile; binary16 takes so many shifts that more than a few rows share one
    // widened copy in the cache.
    private static bool IsFew<TTiles>(int rows, int inputs, ElementType type)
        where TTiles : struct, ITiles =>
        type == ElementType.F16 ? rows <= 3 : rows <= MostFewRows && (TTiles.Tiles(rows) <= 2 || (long)rows * inputs <= TTiles.StraightFloats);

    private static void MultiplyFew<TTiles>(float* x, int rows, int inputs, ElementType type, PackedPart* parts, int count, bool accumulate)
        where TTiles : struct, ITiles
    {
        switch (type)
        {
            case ElementType.F32:
                FewRows<TTiles, F32Element>.Run(x, rows, inputs, parts, count, accumulate);
                break;
            case ElementType.BF16:
                FewRows<TTiles, BF16Element>.Run(x, rows, inputs, parts, count, accumulate);
                break;
            default:
                FewRows<TTiles, F16Element>.Run(x, rows, inputs, parts, count, accumulate);
                break;
        }
    }
}
