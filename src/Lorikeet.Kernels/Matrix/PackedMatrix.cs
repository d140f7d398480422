namespace Lorikeet.Kernels;

/// <summary>A frozen matrix [outputs, inputs], packed once at load, and its two products: forward, and transposed for gradients.</summary>
/// <remarks>
/// <para>
/// Layout: [ceil(outputs/16)][inputs][16]; lane l of panel p is output 16p + l, lanes past <c>outputs</c> are zero. Halves (BF16, F16) lie in pairs of
/// ks, [ceil(outputs/16)][ceil(inputs/2)][16][2]: one 32-bit word holds a lane's even k and the odd one after it, zero where there is none.
/// </para>
/// <para>
/// Batch invariance: each element of a product is ONE chain of fused multiply-adds over ascending k, starting at zero, or at y with
/// <c>accumulate</c>. It depends on its own row and the matrix alone, bit for bit: not on the number of rows, the row's place, the number of threads or
/// the kernel variant (which NaN results from two is not fixed).
/// </para>
/// </remarks>
public static unsafe partial class PackedMatrix
{
    /// <summary>Outputs in one panel.</summary>
    public const int Lanes = TileKernel.Lanes;

    /// <summary>Bytes of a packed matrix: ceil(outputs/16) * inputs * 16 * size of an element, inputs rounded up to even for halves.</summary>
    /// <param name="outputs">Rows of the matrix, at least 1.</param>
    /// <param name="inputs">Columns of the matrix, at least 1.</param>
    /// <param name="type">Element type of the packed copy.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1 or an unknown element type.</exception>
    public static long ByteLength(int outputs, int inputs, ElementType type)
    {
        CheckSizes(outputs, inputs, type);
        return PanelCount(outputs) * PanelBytes(inputs, type);
    }

    /// <summary>Reads one row of the matrix back: effectively <c>to[k] = W[row, k]</c>, exactly as stored.</summary>
    /// <param name="packed">The packed matrix.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns of the matrix.</param>
    /// <param name="row">The row, from 0.</param>
    /// <param name="to">[inputs].</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1, an unknown element type or no such row.</exception>
    public static void ReadRow(ReadOnlySpan<byte> packed, ElementType type, int outputs, int inputs, int row, Span<float> to)
    {
        Require.Bytes(packed.Length, ByteLength(outputs, inputs, type), nameof(packed));
        Require.Length(to.Length, inputs, nameof(to), "[inputs]");
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, outputs);
        fixed (byte* data = packed)
        {
            for (int k = 0; k < inputs; k++)
            {
                to[k] = Read(data, type, inputs, row, k);
            }
        }
    }

    /// <summary>Multiplies by the transposed matrix: <c>y = (accumulate ? y : 0) + x W^T</c>, a linear layer's forward.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows of x and y; 0 does nothing.</param>
    /// <param name="packed">The packed matrix W [outputs, inputs].</param>
    /// <param name="type">Its element type.</param>
    /// <param name="outputs">Rows of W.</param>
    /// <param name="inputs">Columns of W.</param>
    /// <param name="y">[rows, outputs]; must not overlap x.</param>
    /// <param name="accumulate">Chains start at y instead of zero.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Negative rows, a size below 1 or an unknown element type.</exception>
    public static void Multiply(
        ReadOnlySpan<float> x, int rows, ReadOnlySpan<byte> packed, ElementType type, int outputs, int inputs, Span<float> y, bool accumulate = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Require.Bytes(packed.Length, ByteLength(outputs, inputs, type), nameof(packed));
        Require.Length(x.Length, (long)rows * inputs, nameof(x), "[rows, inputs]");
        Require.Length(y.Length, (long)rows * outputs, nameof(y), "[rows, outputs]");
        KernelWork.Count(rows, outputs, inputs, ByteLength(outputs, inputs, type));
        fixed (float* left = x)
        fixed (byte* right = packed)
        fixed (float* to = y)
        {
            MultiplyWith(KernelPath.Current, left, rows, right, type, outputs, inputs, to, accumulate, default);
        }
    }

    /// <summary>Multiplies by the matrix itself: <c>dx = (accumulate ? dx : 0) + dy W</c>, the gradient of a linear layer's input.</summary>
    /// <param name="dy">[rows, outputs].</param>
    /// <param name="rows">Rows of dy and dx; 0 does nothing.</param>
    /// <param name="packed">The packed matrix W [outputs, inputs].</param>
    /// <param name="type">Its element type.</param>
    /// <param name="outputs">Rows of W.</param>
    /// <param name="inputs">Columns of W.</param>
    /// <param name="dx">[rows, inputs]; must not overlap dy.</param>
    /// <param name="accumulate">Chains start at dx instead of zero.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Negative rows, a size below 1 or an unknown element type.</exception>
    public static void MultiplyTransposed(
        ReadOnlySpan<float> dy, int rows, ReadOnlySpan<byte> packed, ElementType type, int outputs, int inputs, Span<float> dx, bool accumulate = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Require.Bytes(packed.Length, ByteLength(outputs, inputs, type), nameof(packed));
        Require.Length(dy.Length, (long)rows * outputs, nameof(dy), "[rows, outputs]");
        Require.Length(dx.Length, (long)rows * inputs, nameof(dx), "[rows, inputs]");
        KernelWork.Count(rows, outputs, inputs, ByteLength(outputs, inputs, type));
        fixed (float* left = dy)
        fixed (byte* right = packed)
        fixed (float* to = dx)
        {
            MultiplyTransposedWith(KernelPath.Current, left, rows, right, type, outputs, inputs, to, accumulate);
        }
    }

    internal static void MultiplyTransposedWith(
        KernelVariant variant, float* dy, int rows, byte* packed, ElementType type, int outputs, int inputs, float* dx, bool accumulate)
    {
        switch (variant)
        {
            case KernelVariant.Avx512:
                MultiplyTransposedAvx512(dy, rows, packed, type, outputs, inputs, dx, accumulate);
                break;
            case KernelVariant.Avx2:
                MultiplyTransposedAvx2(dy, rows, packed, type, outputs, inputs, dx, accumulate);
                break;
            default:
                MultiplyTransposedScalar(dy, rows, packed, type, outputs, inputs, dx, accumulate);
                break;
        }
    }

    internal static void MultiplyWith(
        KernelVariant variant, float* x, int rows, byte* packed, ElementType type, int outputs, int inputs, float* y, bool accumulate, in Epilogue after)
    {
        switch (variant)
        {
            case KernelVariant.Avx512:
                MultiplyAvx512(x, rows, packed, type, outputs, inputs, y, accumulate, after);
                break;
            case KernelVariant.Avx2:
                MultiplyAvx2(x, rows, packed, type, outputs, inputs, y, accumulate, after);
                break;
            default:
                MultiplyScalar(x, rows, packed, type, outputs, inputs, y, accumulate, after);
                break;
        }
    }

    internal static int PanelCount(int outputs) => (int)(((long)outputs + Lanes - 1) / Lanes);

    /// <summary>Bytes of one k of a panel: halves take two of these for a pair of ks.</summary>
    internal static nint StepBytes(ElementType type) => Lanes * type.Size();

    /// <summary>Bytes of one panel.</summary>
    internal static long PanelBytes(int inputs, ElementType type) =>
        type == ElementType.F32 ? (long)inputs * Lanes * sizeof(float) : ((long)inputs + 1) / 2 * Lanes * sizeof(int);

    internal static float Read(byte* packed, ElementType type, int inputs, int output, int input)
    {
        byte* panel = packed + (output / Lanes * PanelBytes(inputs, type));
        int lane = output % Lanes;
        return type == ElementType.F32
            ? ((float*)panel)[((long)input * Lanes) + lane]
            : CastingScalar.Widen(((ushort*)panel)[((((long)input / 2 * Lanes) + lane) * 2) + (input % 2)], type);
    }

    private static void CheckSizes(int outputs, int inputs, ElementType type)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        Require.Type(type, nameof(type));
    }
}
