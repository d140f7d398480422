namespace Lorikeet.Kernels;

public static unsafe partial class PackedMatrix
{
    // More rows than these, or longer ones than the second-level cache holds, are cut into blocks (PanelProduct).
    private const int MostFewRows = 64;

    /// <summary>Multiplies rows by several transposed matrices of one input: for each part <c>y = x W^T</c>, the bits those of <see cref="Multiply"/>.</summary>
    /// <remarks>A few rows are one job of the team, however many matrices there are: small matrices do not each wait for all threads.</remarks>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows; 0 does nothing.</param>
    /// <param name="inputs">Columns of x and of every matrix, at least 1.</param>
    /// <param name="type">The element type of every matrix.</param>
    /// <param name="parts">The matrices and their results; results overlap neither x nor one another.</param>
    /// <exception cref="ArgumentException">x is too short, or a part has no matrix, no result or no outputs.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Negative rows, no inputs or an unknown element type.</exception>
    public static void MultiplyTogether(ReadOnlySpan<float> x, int rows, int inputs, ElementType type, ReadOnlySpan<PackedPart> parts)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Require.Length(x.Length, (long)rows * inputs, nameof(x), "[rows, inputs]");
        for (int i = 0; i < parts.Length; i++)
        {
            CheckSizes(parts[i].Outputs, inputs, type);
            if (parts[i].Packed is null || parts[i].Y is null)
            {
                throw new ArgumentException($"part {i} has no matrix or no result; expected pointers to both", nameof(parts));
            }
            KernelWork.Count(rows, parts[i].Outputs, inputs, ByteLength(parts[i].Outputs, inputs, type));
        }
        fixed (float* left = x)
        fixed (PackedPart* list = parts)
        {
            MultiplyTogetherWith(KernelPath.Current, left, rows, inputs, type, list, parts.Length);
        }
    }

    internal static void MultiplyTogetherWith(KernelVariant variant, float* x, int rows, int inputs, ElementType type, PackedPart* parts, int count)
    {
        if (rows > 0 && variant == KernelVariant.Avx512 && IsFew<WideTiles>(rows, inputs, type))
        {
            MultiplyFew<WideTiles>(x, rows, inputs, type, parts, count, accumulate: false);
            return;
        }
        if (rows > 0 && variant == KernelVariant.Avx2 && IsFew<NarrowTiles>(rows, inputs, type))
        {
            MultiplyFew<NarrowTiles>(x, rows, inputs, type, parts, count, accumulate: false);
            return;
        }
        for (int i = 0; i < count; i++)
        {
            MultiplyWith(variant, x, rows, parts[i].Packed, type, parts[i].Outputs, inputs, parts[i].Y, accumulate: false);
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
