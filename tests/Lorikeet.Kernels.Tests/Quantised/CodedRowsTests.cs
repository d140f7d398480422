using Lorikeet.Kernels.Tests.Rows;

namespace Lorikeet.Kernels.Tests.Quantised;

public unsafe class CodedRowsTests
{
    private static byte[] Code(float[] x, bool vectors)
    {
        byte[] coded = new byte[CodedRows.RowBytes(x.Length)];
        fixed (float* from = x)
        fixed (byte* to = coded)
        {
            // Without AVX2 there is one variant.
            CodedRows.Run(from, 1, x.Length, to, vectors && KernelPath.UseAvx2);
        }
        return coded;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1e30)]
    [InlineData(1e-30)]
    [InlineData(1e-37)]
    [InlineData(1e-42)]
    public void Codes_are_within_half_a_scale_and_the_variants_agree(double size)
    {
        Seeded random = new(1);
        for (int n = 0; n < 200; n++)
        {
            float[] x = random.Array(64, size);
            byte[] scalar = Code(x, false), vectors = Code(x, true);
            Assert.Equal(scalar, vectors);
            for (int i = 0; i < 64; i++)
            {
                int at = i / 32 * CodedRows.BlockBytes;
                float scale = BitConverter.ToSingle(scalar, at + CodedRows.ScaleAt);
                double value = (double)scale * (sbyte)scalar[at + (i % 32)];
                Assert.True(Math.Abs(value - x[i]) <= (scale * 0.500001) + 3.1e-36, $"{x[i]} became {value}, scale {scale}");
            }
            Assert.Equal(-Sum(scalar, 0, 16), BitConverter.ToInt32(scalar, CodedRows.LowSumAt));
            Assert.Equal(-Sum(scalar, 16, 16), BitConverter.ToInt32(scalar, CodedRows.HighSumAt));
            Assert.Equal(-Sum(scalar, 0, 32), BitConverter.ToInt32(scalar, CodedRows.SumAt));
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void What_is_not_finite_makes_its_rows_products_NaN_and_no_others(float bad)
    {
        float[] x = new Seeded(2).Array(64);
        x[40] = bad;
        Assert.Equal(Code(x, false), Code(x, true));
        byte[] coded = new byte[2 * CodedRows.RowBytes(32)];
        CodedRows.Code(x, 2, 32, coded);
        foreach (BlockPanels panels in BlockPanels.All.Where(p => p.Format.Values == 32))
        {
            byte[] blocks = new byte[panels.Format.RowBytes(32)], packed = new byte[panels.ByteLength(1, 32)];
            panels.Format.Quantise(new Seeded(3).Array(32), blocks);
            panels.Pack(blocks, 1, 32, packed);
            float[] y = new float[2];
            foreach (IntegerVariant variant in IntegerVariants.Available)
            {
                panels.MultiplyCoded(coded, 2, packed, 1, 32, y, variant);
                Assert.True(float.IsFinite(y[0]) && float.IsNaN(y[1]), $"{panels.Format.Name} {variant}: {y[0]}, {y[1]}");
            }
        }
    }

    [Fact]
    public void Rows_that_are_no_whole_blocks_are_refused()
    {
        Assert.Contains("blocks of 32", Assert.Throws<ArgumentException>(() => CodedRows.Code(new float[33], 1, 33, new byte[96])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => CodedRows.Code(new float[31], 1, 32, new byte[48]));
        Assert.Throws<ArgumentException>(() => CodedRows.Code(new float[32], 1, 32, new byte[47]));
    }

    private static int Sum(byte[] coded, int first, int count)
    {
        int sum = 0;
        for (int i = first; i < first + count; i++)
        {
            sum += (sbyte)coded[i];
        }
        return sum;
    }
}
