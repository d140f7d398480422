using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Rows of activations as 8-bit codes: for each 32 values a scale, 32 signed bytes and their negated sums.</summary>
/// <remarks>
/// <para>scale = largest |x| / 127, code = x * (127 / largest |x|) rounded to nearest even: |x - scale * code| &lt;= scale / 2 (and a rounding of float32).</para>
/// <para>
/// A block whose largest value is below 2^-118 counts as zeros; one that holds an infinity or NaN has codes 0 and the scale NaN, so that what is computed
/// from it is NaN. Bits do not depend on the number of rows, the threads or the kernel variant.
/// </para>
/// </remarks>
public static unsafe class CodedRows
{
    /// <summary>Values of one scale.</summary>
    public const int Values = 32;

    /// <summary>Bytes of a block: [32] codes, the scale, the negated sums of codes 0 to 15, 16 to 31 and 0 to 31.</summary>
    internal const int BlockBytes = 48;

    internal const int ScaleAt = 32;
    internal const int LowSumAt = 36;
    internal const int HighSumAt = 40;
    internal const int SumAt = 44;

    // Below it, 127 / largest could overflow.
    private const float Least = 3.0092655e-36f;

    /// <summary>Bytes of a coded row: inputs / 32 * 48.</summary>
    /// <param name="inputs">Its length, a multiple of 32.</param>
    public static int RowBytes(int inputs) => inputs / Values * BlockBytes;

    /// <summary>Codes rows.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">How many; 0 does nothing.</param>
    /// <param name="inputs">The length of a row, a multiple of 32.</param>
    /// <param name="coded">Receives rows * <see cref="RowBytes"/> bytes.</param>
    /// <exception cref="ArgumentException">A span is too short, or the rows are no whole blocks.</exception>
    public static void Code(ReadOnlySpan<float> x, int rows, int inputs, Span<byte> coded)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        if (inputs % Values != 0)
        {
            throw new ArgumentException($"rows of {inputs} values are no whole number of blocks of {Values}: multiply in float32", nameof(inputs));
        }
        Require.Length(x.Length, (long)rows * inputs, nameof(x), "[rows, inputs]");
        Require.Bytes(coded.Length, (long)rows * RowBytes(inputs), nameof(coded));
        fixed (float* from = x)
        fixed (byte* to = coded)
        {
            Run(from, rows, inputs, to, KernelPath.Current != KernelVariant.Scalar);
        }
    }

    internal static void Run(float* x, int rows, int inputs, byte* coded, bool vectors)
    {
        Kernel kernel = new() { X = x, Inputs = inputs, Coded = coded, Vectors = vectors };
        RowTeam.Run(ref kernel, rows, inputs);
    }

    private struct Kernel : IRowKernel
    {
        public float* X;
        public int Inputs;
        public byte* Coded;
        public bool Vectors;

        public readonly void Row(int row)
        {
            CodeBlocks(X + ((long)row * Inputs), Inputs, Coded + ((long)row * RowBytes(Inputs)), Vectors);
        }
    }

    /// <summary>Codes some blocks of a row on this thread.</summary>
    /// <param name="x">[values], whole blocks.</param>
    /// <param name="values">How many values.</param>
    /// <param name="to">Where their codes go.</param>
    /// <param name="vectors">False: the reference.</param>
    internal static void CodeBlocks(float* x, int values, byte* to, bool vectors)
    {
        for (float* end = x + values; x < end; x += Values, to += BlockBytes)
        {
            if (vectors)
            {
                BlockAvx2(x, to);
            }
            else
            {
                BlockScalar(x, to);
            }
        }
    }

    private static void BlockScalar(float* x, byte* to)
    {
        int largest = 0;
        for (int i = 0; i < Values; i++)
        {
            // As integers, magnitudes are in order, infinity and NaN above all numbers.
            largest = Math.Max(largest, BitConverter.SingleToInt32Bits(x[i]) & 0x7fffffff);
        }
        float inverse = Scale(largest, to);
        int low = 0, high = 0;
        for (int i = 0; i < Values; i++)
        {
            int code = inverse == 0 ? 0 : (int)MathF.Round(x[i] * inverse);
            to[i] = (byte)code;
            low += i < 16 ? code : 0;
            high += i < 16 ? 0 : code;
        }
        Sums(low, high, to);
    }

    private static void BlockAvx2(float* x, byte* to)
    {
        Vector256<float> a = Vector256.Load(x), b = Vector256.Load(x + 8), c = Vector256.Load(x + 16), d = Vector256.Load(x + 24);
        Vector256<int> mask = Vector256.Create(0x7fffffff);
        Vector256<int> most = Avx2.Max(Avx2.Max(a.AsInt32() & mask, b.AsInt32() & mask), Avx2.Max(c.AsInt32() & mask, d.AsInt32() & mask));
        Vector128<int> four = Sse41.Max(most.GetLower(), most.GetUpper());
        four = Sse41.Max(four, Sse2.Shuffle(four, 0b01_00_11_10));
        four = Sse41.Max(four, Sse2.Shuffle(four, 0b10_11_00_01));
        float inverse = Scale(four.ToScalar(), to);
        if (inverse == 0)
        {
            Vector256<byte>.Zero.Store(to);
            Sums(0, 0, to);
            return;
        }
        Vector256<float> factor = Vector256.Create(inverse);
        Vector256<int> i = Avx.ConvertToVector256Int32(a * factor), j = Avx.ConvertToVector256Int32(b * factor);
        Vector256<int> k = Avx.ConvertToVector256Int32(c * factor), l = Avx.ConvertToVector256Int32(d * factor);
        int low = Vector256.Sum(i + j), high = Vector256.Sum(k + l);
        // Packing works within 128-bit lanes; the permutation puts the groups of four in order again.
        Vector256<sbyte> codes = Avx2.PackSignedSaturate(Avx2.PackSignedSaturate(i, j), Avx2.PackSignedSaturate(k, l));
        Avx2.PermuteVar8x32(codes.AsInt32(), Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsByte().Store(to);
        Sums(low, high, to);
    }

    /// <summary>Writes the scale for the largest magnitude (its bits) and gives 127 / largest, or 0 where all codes are 0.</summary>
    private static float Scale(int largest, byte* to)
    {
        float value = BitConverter.Int32BitsToSingle(largest);
        bool counts = value >= Least && float.IsFinite(value);
        *(float*)(to + ScaleAt) = counts ? value / 127f : value < Least ? 0f : float.NaN;
        return counts ? 127f / value : 0f;
    }

    private static void Sums(int low, int high, byte* to)
    {
        *(int*)(to + LowSumAt) = -low;
        *(int*)(to + HighSumAt) = -high;
        *(int*)(to + SumAt) = -(low + high);
    }
}
