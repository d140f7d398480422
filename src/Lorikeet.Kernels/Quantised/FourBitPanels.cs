using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>A frozen matrix [outputs, inputs] of four-bit codes of a book (NF4, FP4), packed once at load, and its float32 products.</summary>
/// <remarks>
/// <para>
/// Layout: [ceil(outputs/16)][inputs][8] bytes; byte l of an input holds the codes of outputs l (low nibble) and 8 + l (high) of the panel. Scales stay
/// in the order of the file. The products expand panels into the cache: by one permutation of the book for 8 values where there is AVX-512, else two.
/// </para>
/// <para>Batch invariant as <see cref="PackedMatrix"/>: one chain over ascending inputs of the exact values book[code] * scale.</para>
/// </remarks>
public static unsafe class FourBitPanels
{
    private const int Lanes = TileKernel.Lanes;
    private const int StepBytes = Lanes / 2;

    /// <summary>Bytes of the packed codes: ceil(outputs/16) * inputs * 8.</summary>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    public static long ByteLength(int outputs, int inputs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        return (outputs + Lanes - 1) / Lanes * (long)inputs * StepBytes;
    }

    /// <summary>Packs the codes of a flattened matrix.</summary>
    /// <param name="codes">Two a byte, the first in the high nibble, row by row without gaps.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="packed">Receives <see cref="ByteLength"/> bytes.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public static void Pack(ReadOnlySpan<byte> codes, int outputs, int inputs, Span<byte> packed)
    {
        Require.Bytes(packed.Length, ByteLength(outputs, inputs), nameof(packed));
        Require.Bytes(codes.Length, (((long)outputs * inputs) + 1) / 2, nameof(codes));
        packed.Clear();
        for (int row = 0; row < outputs; row++)
        {
            Span<byte> lane = packed[(int)Lane(row, inputs)..];
            int shift = Shift(row);
            for (int k = 0; k < inputs; k++)
            {
                long at = ((long)row * inputs) + k;
                byte two = codes[(int)(at / 2)];
                lane[k * StepBytes] |= (byte)((at % 2 == 0 ? two >> 4 : two & 15) << shift);
            }
        }
    }

    /// <summary>Takes the codes out again, two a byte, row by row; an odd count is filled up with <paramref name="fill"/>.</summary>
    /// <param name="packed">The packed codes.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="fill">The code that fills up an odd count.</param>
    /// <param name="codes">Receives ceil(outputs * inputs / 2) bytes.</param>
    public static void Unpack(ReadOnlySpan<byte> packed, int outputs, int inputs, byte fill, Span<byte> codes)
    {
        long count = (long)outputs * inputs;
        Require.Bytes(packed.Length, ByteLength(outputs, inputs), nameof(packed));
        Require.Bytes(codes.Length, (count + 1) / 2, nameof(codes));
        if (count % 2 != 0)
        {
            codes[(int)(count / 2)] = fill;
        }
        for (int row = 0; row < outputs; row++)
        {
            ReadOnlySpan<byte> lane = packed[(int)Lane(row, inputs)..];
            int shift = Shift(row);
            for (int k = 0; k < inputs; k++)
            {
                long at = ((long)row * inputs) + k;
                int code = (lane[k * StepBytes] >> shift) & 15;
                ref byte two = ref codes[(int)(at / 2)];
                two = (byte)(at % 2 == 0 ? (two & 15) | (code << 4) : (two & 0xf0) | code);
            }
        }
    }

    /// <summary>The values of a row: book[code] * scale.</summary>
    /// <param name="packed">The packed codes.</param>
    /// <param name="scales">The scales.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="row">The row, from 0.</param>
    /// <param name="to">[inputs].</param>
    public static void ReadRow(ReadOnlySpan<byte> packed, in FourBitScales scales, int outputs, int inputs, int row, Span<float> to)
    {
        scales.Check(outputs, inputs);
        Require.Bytes(packed.Length, ByteLength(outputs, inputs), nameof(packed));
        Require.Length(to.Length, inputs, nameof(to), "[inputs]");
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)outputs, nameof(row));
        ReadOnlySpan<byte> lane = packed[(int)Lane(row, inputs)..];
        int shift = Shift(row);
        for (int k = 0; k < inputs; k++)
        {
            to[k] = scales.Book[(lane[k * StepBytes] >> shift) & 15] * scales.Scale((((long)row * inputs) + k) / scales.BlockSize);
        }
    }

    /// <summary>Multiplies in float32: <c>y = (accumulate ? y : 0) + x W^T</c>.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows of x and y; 0 does nothing.</param>
    /// <param name="packed">The packed codes.</param>
    /// <param name="scales">The scales.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="y">[rows, outputs]; must not overlap x.</param>
    /// <param name="accumulate">Chains start at y instead of zero.</param>
    public static void Multiply(
        ReadOnlySpan<float> x, int rows, ReadOnlySpan<byte> packed, in FourBitScales scales, int outputs, int inputs, Span<float> y, bool accumulate = false) =>
        Run(x, rows, packed, scales, outputs, inputs, y, accumulate, transposed: false);

    /// <summary>Multiplies by the matrix itself in float32: <c>dx = (accumulate ? dx : 0) + dy W</c>.</summary>
    /// <param name="dy">[rows, outputs].</param>
    /// <param name="rows">Rows of dy and dx; 0 does nothing.</param>
    /// <param name="packed">The packed codes.</param>
    /// <param name="scales">The scales.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="dx">[rows, inputs]; must not overlap dy.</param>
    /// <param name="accumulate">Chains start at dx instead of zero.</param>
    public static void MultiplyTransposed(
        ReadOnlySpan<float> dy, int rows, ReadOnlySpan<byte> packed, in FourBitScales scales, int outputs, int inputs, Span<float> dx, bool accumulate = false) =>
        Run(dy, rows, packed, scales, outputs, inputs, dx, accumulate, transposed: true);

    private static void Run(
        ReadOnlySpan<float> x, int rows, ReadOnlySpan<byte> packed, in FourBitScales scales, int outputs, int inputs, Span<float> y, bool accumulate, bool transposed)
    {
        scales.Check(outputs, inputs);
        Require.Bytes(packed.Length, ByteLength(outputs, inputs), nameof(packed));
        fixed (byte* data = packed, codes = scales.Codes)
        fixed (float* book = scales.Book, maxima = scales.Maxima, nestedBook = scales.NestedBook, nestedMaxima = scales.NestedMaxima)
        {
            Context context = new()
            {
                Data = data,
                Book = book,
                Maxima = maxima,
                Codes = codes,
                NestedBook = nestedBook,
                NestedMaxima = nestedMaxima,
                Outputs = outputs,
                Inputs = inputs,
                BlockSize = scales.BlockSize,
                NestedBlockSize = scales.NestedBlockSize,
                Offset = scales.NestedOffset,
            };
            PanelExpansion expansion = new() { Expand = &Expand, Context = &context, ValueBytes = 0.5 };
            if (transposed)
            {
                expansion.MultiplyTransposed(x, rows, outputs, inputs, y, accumulate);
            }
            else
            {
                expansion.Multiply(x, rows, outputs, inputs, y, accumulate);
            }
        }
    }

    private static void Expand(void* context, int panel, int from, int count, float* to)
    {
        Context* c = (Context*)context;
        byte* data = c->Data + (((long)panel * c->Inputs) + from) * StepBytes;
        float* scales = stackalloc float[Lanes];
        int lanes = Math.Min(Lanes, c->Outputs - (panel * Lanes));
        new Span<float>(scales, Lanes).Clear();
        while (count > 0)
        {
            // As many inputs as no lane's block ends within: whole blocks where rows are whole blocks, few where blocks cross rows.
            int run = count;
            for (int lane = 0; lane < lanes; lane++)
            {
                long at = ((((long)panel * Lanes) + lane) * c->Inputs) + from;
                long block = at / c->BlockSize;
                scales[lane] = c->Scale(block);
                run = (int)Math.Min(run, ((block + 1) * c->BlockSize) - at);
            }
            Values(data, run, c->Book, scales, to);
            data += run * StepBytes;
            to += run * Lanes;
            from += run;
            count -= run;
        }
    }

    private static void Values(byte* data, int count, float* book, float* scales, float* to)
    {
        Vector256<float> lowBook = Vector256.Load(book), highBook = Vector256.Load(book + 8);
        Vector256<float> lowScale = Vector256.Load(scales), highScale = Vector256.Load(scales + 8);
        if (!Avx2.IsSupported)
        {
            for (int i = 0; i < count * Lanes; i++)
            {
                int code = (data[(i / Lanes * StepBytes) + (i % 8)] >> (i % Lanes / 8 * 4)) & 15;
                to[i] = book[code] * scales[i % Lanes];
            }
            return;
        }
        for (int k = 0; k < count; k++, data += StepBytes, to += Lanes)
        {
            Vector256<int> two = Avx2.ConvertToVector256Int32(data);
            (LookUp(lowBook, highBook, two) * lowScale).Store(to);
            (LookUp(lowBook, highBook, Avx2.ShiftRightLogical(two, 4)) * highScale).Store(to + 8);
        }
    }

    // The permutations read the low 4 (or 3) bits of each lane; the fourth bit chooses between the halves of the book.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> LookUp(Vector256<float> low, Vector256<float> high, Vector256<int> codes) => Avx512F.VL.IsSupported
        ? Avx512F.VL.PermuteVar8x32x2(low, codes, high)
        : Avx.BlendVariable(Avx2.PermuteVar8x32(low, codes), Avx2.PermuteVar8x32(high, codes), Avx2.ShiftLeftLogical(codes, 28).AsSingle());

    private static long Lane(int row, int inputs) => ((long)(row / Lanes) * inputs * StepBytes) + (row % 8);

    private static int Shift(int row) => row % Lanes / 8 * 4;

    private struct Context
    {
        public byte* Data;
        public float* Book;
        public float* Maxima;
        public byte* Codes;
        public float* NestedBook;
        public float* NestedMaxima;
        public int Outputs;
        public int Inputs;
        public int BlockSize;
        public int NestedBlockSize;
        public float Offset;

        public readonly float Scale(long block)
        {
            if (Maxima is not null)
            {
                return Maxima[block];
            }
            float scaled = NestedBook[Codes[block]] * NestedMaxima[block / NestedBlockSize];
            return scaled + Offset;
        }
    }
}
