namespace Lorikeet.Kernels.Tests;

/// <summary>The formats of blocks. That bytes and errors equal ggml's is for <c>lorikeet verify</c>; here is what holds for any values.</summary>
public sealed class BlockFormatTests
{
    public static TheoryData<string> Names => [.. BlockFormat.All.Select(f => f.Name)];

    [Fact]
    public void Names_and_numbers_are_the_files()
    {
        string expected = "F32 0 1 4, F16 1 1 2, BF16 30 1 2, Q4_0 2 32 18, Q4_1 3 32 20, Q5_0 6 32 22, Q5_1 7 32 24, Q8_0 8 32 34, Q2_K 10 256 84, Q3_K 11 256 110, "
            + "Q4_K 12 256 144, Q5_K 13 256 176, Q6_K 14 256 210, IQ4_NL 20 32 18, IQ4_XS 23 256 136";
        Assert.Equal(expected, string.Join(", ", BlockFormat.All.Select(f => $"{f.Name} {f.Id} {f.Values} {f.Bytes}")));
        Assert.All(BlockFormat.All, f => Assert.Same(f, BlockFormat.Find(f.Name.ToLowerInvariant())));
        Assert.All(BlockFormat.All, f => Assert.Same(f, BlockFormat.Find(f.Id)));
        Assert.Null(BlockFormat.Find("Q9_9"));
        Assert.Null(BlockFormat.Find(99));
    }

    // What a code's step is worth, as a share of the largest value of the block, with room for scales that are rounded too.
    [Theory]
    [InlineData("F32", 0)]
    [InlineData("F16", 1.0 / 2048)]
    [InlineData("BF16", 1.0 / 256)]
    [InlineData("Q8_0", 0.006)]
    [InlineData("Q6_K", 0.03)]
    [InlineData("Q5_0", 0.07)]
    [InlineData("Q5_1", 0.04)]
    [InlineData("Q5_K", 0.06)]
    [InlineData("Q4_0", 0.13)]
    [InlineData("Q4_1", 0.08)]
    [InlineData("Q4_K", 0.10)]
    [InlineData("IQ4_NL", 0.16)]
    [InlineData("IQ4_XS", 0.18)]
    [InlineData("Q3_K", 0.28)]
    [InlineData("Q2_K", 0.50)]
    public void Values_come_back_within_a_step(string name, double share)
    {
        BlockFormat format = BlockFormat.Find(name)!;
        foreach (float scale in (float[])[1f, 0.05f, 300f])
        {
            float[] values = [.. MatrixData.Numbers(4 * 256, seed: 7).Select(v => v * scale)];
            float[] back = Back(format, values);
            for (int first = 0; first < values.Length; first += 256)
            {
                double largest = values.Skip(first).Take(256).Max(v => Math.Abs((double)v));
                double worst = Enumerable.Range(first, 256).Max(i => Math.Abs((double)values[i] - back[i]));
                Assert.True(worst <= share * largest, $"{name}, scale {scale}: {worst / largest:G4} of the largest");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Zeros_stay_zeros(string name) => Assert.All(Back(BlockFormat.Find(name)!, new float[512]), v => Assert.Equal(0f, v));

    [Theory]
    [MemberData(nameof(Names))]
    public void Rows_do_not_know_each_other(string name)
    {
        BlockFormat format = BlockFormat.Find(name)!;
        float[] values = MatrixData.Numbers(1024, seed: 3);
        byte[] all = new byte[format.RowBytes(1024)], own = new byte[format.RowBytes(256)];
        format.Quantise(values, all);
        for (int row = 0; row < 4; row++)
        {
            format.Quantise(values.AsSpan(256 * row, 256), own);
            Assert.Equal(own, all.AsSpan(own.Length * row, own.Length).ToArray());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_bytes_are_values_and_any_values_are_bytes(string name)
    {
        BlockFormat format = BlockFormat.Find(name)!;
        byte[] bytes = new byte[format.RowBytes(512)];
        float[] values = new float[512];
        for (int seed = 0; seed < 50; seed++)
        {
            for (int i = 0; i < bytes.Length; i++)
            {
                bytes[i] = (byte)((i + 1) * (seed + 77) * 2654435761u >> 13);
            }
            format.Dequantise(bytes, values);
            format.Quantise(values, bytes);
        }
        foreach (float odd in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.Epsilon, -0f])
        {
            values.AsSpan().Fill(1f);
            values[5] = odd;
            format.Quantise(values, bytes);
            values.AsSpan().Fill(odd);
            format.Quantise(values, bytes);
        }
    }

    [Fact]
    public void Parts_of_blocks_and_short_spans_are_refused()
    {
        Assert.Contains("no whole number of Q4_K blocks", Assert.Throws<ArgumentException>(() => BlockFormat.Q4_K.RowBytes(100)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => BlockFormat.Q8_0.Quantise(new float[33], new byte[100]));
        Assert.Throws<ArgumentException>(() => BlockFormat.Q8_0.Quantise(new float[32], new byte[33]));
        Assert.Throws<ArgumentException>(() => BlockFormat.Q8_0.Dequantise(new byte[33], new float[32]));
    }

    [Fact]
    public void A_block_of_zeros_in_Q4_0_has_the_scale_minus_zero()
    {
        byte[] bytes = new byte[18];
        BlockFormat.Q4_0.Quantise(new float[32], bytes);
        Assert.Equal([0x00, 0x80], bytes[..2]);
        Assert.All(bytes[2..], b => Assert.Equal(0x88, b));
    }

    [Fact]
    public void Half_codes_are_rounded_away_from_zero_in_Q8_0()
    {
        float[] values = new float[32];
        (values[0], values[1], values[2]) = (127, 2.5f, -2.5f);
        byte[] bytes = new byte[34];
        BlockFormat.Q8_0.Quantise(values, bytes);
        Assert.Equal([127, 3, 253], bytes[2..5]);
    }

    private static float[] Back(BlockFormat format, float[] values)
    {
        byte[] bytes = new byte[format.RowBytes(values.Length)];
        float[] back = new float[values.Length];
        format.Quantise(values, bytes);
        format.Dequantise(bytes, back);
        return back;
    }
}
