using Lorikeet.Kernels.Tests.Rows;

namespace Lorikeet.Kernels.Tests.Quantised;

[Collection("team")]
public class FourBitTests
{
    // (rows, outputs, inputs, block): rows of whole blocks, blocks across rows, an odd count, blocks longer than the matrix.
    [Theory]
    [InlineData(1, 16, 64, 64, false)]
    [InlineData(3, 33, 128, 64, true)]
    [InlineData(7, 20, 72, 64, true)]
    [InlineData(5, 13, 21, 64, false)]
    [InlineData(40, 50, 300, 128, true)]
    [InlineData(2, 3, 5, 4096, false)]
    [InlineData(130, 70, 576, 64, true)]
    public void Products_are_chains_of_the_restored_values_by_bits(int rows, int outputs, int inputs, int block, bool doubled)
    {
        foreach (CodeBook book in (CodeBook[])[CodeBook.NF4, CodeBook.FP4])
        {
            float[] values = new Seeded(1).Array(outputs * inputs, 0.3);
            byte[] codes = new byte[(values.Length + 1) / 2], packed = new byte[FourBitPanels.ByteLength(outputs, inputs)];
            float[] maxima = new float[FourBitScales.Blocks(values.Length, block)];
            FourBitBlocks.Quantise(values, book, block, codes, maxima);
            byte[] scaleCodes = new byte[maxima.Length];
            float[] nested = new float[FourBitScales.Blocks(maxima.Length, 256)];
            float mean = FourBitBlocks.QuantiseScales(maxima, 256, scaleCodes, nested);
            FourBitPanels.Pack(codes, outputs, inputs, packed);
            float[] restored = new float[values.Length];
            FourBitBlocks.Dequantise(codes, Scales(), 0, restored);

            byte[] again = new byte[codes.Length];
            FourBitPanels.Unpack(packed, outputs, inputs, book.Nearest(0), again);
            Assert.Equal(codes, again);
            float[] row = new float[inputs];
            for (int r = 0; r < outputs; r++)
            {
                FourBitPanels.ReadRow(packed, Scales(), outputs, inputs, r, row);
                MatrixData.SameBits(restored.AsSpan(r * inputs, inputs), row, $"row {r}");
            }
            float[] x = new Seeded(2).Array(rows * inputs), dy = new Seeded(3).Array(rows * outputs);
            float[] expected = Chains(x, restored, rows, outputs, inputs, false), expectedX = Chains(dy, restored, rows, inputs, outputs, true);
            MatrixData.EachTeam(threads =>
            {
                float[] y = new float[rows * outputs], dx = new float[rows * inputs];
                FourBitPanels.Multiply(x, rows, packed, Scales(), outputs, inputs, y);
                MatrixData.SameBits(expected, y, $"threads={threads}");
                FourBitPanels.MultiplyTransposed(dy, rows, packed, Scales(), outputs, inputs, dx);
                MatrixData.SameBits(expectedX, dx, $"transposed threads={threads}");
            });

            FourBitScales Scales() => doubled
                ? new FourBitScales
                {
                    BlockSize = block,
                    Book = book.Values,
                    Codes = scaleCodes,
                    NestedBook = CodeBook.Dynamic8.Values,
                    NestedMaxima = nested,
                    NestedBlockSize = 256,
                    NestedOffset = mean,
                }
                : new FourBitScales { BlockSize = block, Book = book.Values, Maxima = maxima };
        }
    }

    private static float[] Chains(float[] x, float[] w, int rows, int columns, int depth, bool transposed)
    {
        float[] y = new float[rows * columns];
        for (int i = 0; i < y.Length; i++)
        {
            float sum = 0;
            for (int k = 0; k < depth; k++)
            {
                sum = MathF.FusedMultiplyAdd(x[(i / columns * depth) + k], transposed ? w[(k * columns) + (i % columns)] : w[(i % columns * depth) + k], sum);
            }
            y[i] = sum;
        }
        return y;
    }

    [Fact]
    public void Restored_values_are_within_half_a_gap_of_the_book()
    {
        foreach (CodeBook book in (CodeBook[])[CodeBook.NF4, CodeBook.FP4])
        {
            float[] sorted = [.. book.Values.ToArray().Order()];
            double gap = Enumerable.Range(1, 15).Max(i => sorted[i] - sorted[i - 1]);
            float[] values = new Seeded(4).Array(10_000, 5), restored = new float[values.Length];
            byte[] codes = new byte[5000];
            float[] maxima = new float[FourBitScales.Blocks(values.Length, 64)];
            FourBitBlocks.Quantise(values, book, 64, codes, maxima);
            FourBitBlocks.Dequantise(codes, new FourBitScales { BlockSize = 64, Book = book.Values, Maxima = maxima }, 0, restored);
            for (int i = 0; i < values.Length; i++)
            {
                Assert.True(Math.Abs(values[i] - restored[i]) <= maxima[i / 64] * gap * 0.500001, $"{values[i]} became {restored[i]}, scale {maxima[i / 64]}");
            }
        }
    }

    [Fact]
    public void A_number_between_two_codes_takes_the_lower_and_zeros_stay_zeros()
    {
        ReadOnlySpan<float> values = CodeBook.NF4.Values;
        for (int i = 0; i < 15; i++)
        {
            float middle = (values[i] + values[i + 1]) / 2;
            Assert.Equal(i, CodeBook.NF4.Nearest(middle));
            Assert.Equal(i + 1, CodeBook.NF4.Nearest(MathF.BitIncrement(middle)));
            Assert.Equal(i, CodeBook.NF4.Nearest(values[i]));
        }
        byte[] codes = new byte[32];
        float[] maxima = [1f], restored = new float[64];
        FourBitBlocks.Quantise(new float[64], CodeBook.NF4, 64, codes, maxima);
        Assert.Equal(0f, maxima[0]);
        Assert.All(codes, c => Assert.Equal(0x77, c));
        FourBitBlocks.Dequantise(codes, new FourBitScales { BlockSize = 64, Book = values, Maxima = maxima }, 0, restored);
        Assert.All(restored, v => Assert.Equal(0f, v));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void A_normal_float_book_rises_from_minus_one_to_one_with_a_zero(int bits)
    {
        float[] values = CodeBook.NormalFloat(bits).Values.ToArray();
        Assert.Equal(1 << bits, values.Length);
        Assert.Equal(-1f, values[0]);
        Assert.Equal(1f, values[^1]);
        Assert.Equal(0f, values[(1 << (bits - 1)) - 1]);
        Assert.Equal(values.Order(), values);
        Assert.Throws<ArgumentOutOfRangeException>(() => CodeBook.NormalFloat(9));
    }

    [Fact]
    public void Scales_that_are_too_few_are_refused()
    {
        byte[] packed = new byte[FourBitPanels.ByteLength(16, 64)];
        float[] x = new float[64], y = new float[16];
        Assert.Throws<ArgumentException>(() => FourBitPanels.Multiply(x, 1, packed, new FourBitScales { BlockSize = 64, Book = CodeBook.NF4.Values, Maxima = new float[15] }, 16, 64, y));
        Assert.Throws<ArgumentException>(() => FourBitPanels.Multiply(x, 1, packed, new FourBitScales { BlockSize = 64, Book = new float[15], Maxima = new float[16] }, 16, 64, y));
        Assert.Throws<ArgumentException>(() => FourBitPanels.Multiply(
            x, 1, packed, new FourBitScales { BlockSize = 64, Book = CodeBook.NF4.Values, Codes = new byte[16], NestedBook = new float[256], NestedMaxima = [], NestedBlockSize = 256 }, 16, 64, y));
    }
}
