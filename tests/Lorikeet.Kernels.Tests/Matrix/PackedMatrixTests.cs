using System.Runtime.InteropServices;

namespace Lorikeet.Kernels.Tests;

[Collection("team")]
public unsafe class PackedMatrixTests
{
    // (rows, outputs, inputs): every number of rows of the tiles and their halves, odd sizes, several blocks of k, several row blocks.
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 1 }, { 1, 16, 1 }, { 1, 15, 3 }, { 1, 64, 40 }, { 1, 131, 77 }, { 2, 33, 7 }, { 2, 70, 19 }, { 3, 48, 33 }, { 3, 17, 20 },
        { 4, 31, 9 }, { 5, 40, 64 }, { 6, 50, 257 }, { 7, 16, 16 }, { 8, 100, 31 }, { 9, 5, 300 }, { 11, 35, 600 }, { 13, 47, 17 },
        { 10, 64, 33 }, { 12, 96, 18 }, { 14, 63, 41 }, { 15, 49, 12 }, { 27, 80, 21 }, { 29, 130, 515 }, { 250, 65, 70 }, { 64, 200, 128 },
    };

    private delegate void Product(float* x, int rows, byte* packed, ElementType type, int outputs, int inputs, float* y, bool accumulate);

    private static Product Variant(KernelVariant variant, bool transposed) => (variant, transposed) switch
    {
        (KernelVariant.Avx512, true) => PackedMatrix.MultiplyTransposedAvx512,
        (KernelVariant.Avx2, true) => PackedMatrix.MultiplyTransposedAvx2,
        (_, true) => PackedMatrix.MultiplyTransposedScalar,
        _ => (x, rows, packed, type, outputs, inputs, y, accumulate) => PackedMatrix.MultiplyWith(variant, x, rows, packed, type, outputs, inputs, y, accumulate, default),
    };

    private static float[] Run(
        KernelVariant variant, bool transposed, ReadOnlySpan<float> x, int rows, byte[] packed, ElementType type, int outputs, int inputs, float[]? start)
    {
        float[] y = new float[rows * (transposed ? inputs : outputs)];
        y.AsSpan().Fill(float.NaN);
        start?.AsSpan(0, y.Length).CopyTo(y);
        fixed (float* left = x)
        fixed (byte* right = packed)
        fixed (float* to = y)
        {
            Variant(variant, transposed)(left, rows, right, type, outputs, inputs, to, start is not null);
        }
        return y;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Products_equal_the_double_oracle_and_all_variants_and_teams_agree_by_bits(int rows, int outputs, int inputs)
    {
        float[] weights = MatrixData.Numbers(outputs * inputs, 1);
        foreach (bool transposed in new[] { false, true })
        {
            int depth = transposed ? outputs : inputs;
            int width = transposed ? inputs : outputs;
            float[] x = MatrixData.Numbers(rows * depth, 2);
            float[] start = MatrixData.Numbers(rows * width, 3);
            foreach (ElementType type in MatrixData.Types)
            {
                byte[] packed = MatrixData.Pack(weights, outputs, inputs, type);
                float[] rounded = MatrixData.Rounded(weights, type);
                foreach (float[]? from in new[] { null, start })
                {
                    float[] reference = Run(KernelVariant.Scalar, transposed, x, rows, packed, type, outputs, inputs, from);
                    CheckAgainstDouble(x, rounded, from, reference, rows, width, depth, transposed);
                    MatrixData.EachTeam(threads =>
                    {
                        foreach (KernelVariant variant in MatrixData.Variants)
                        {
                            float[] y = Run(variant, transposed, x, rows, packed, type, outputs, inputs, from);
                            MatrixData.SameBits(reference, y, $"{variant} {type} transposed={transposed} threads={threads} accumulate={from is not null}");
                        }
                    });
                }
            }
        }
    }

    private static void CheckAgainstDouble(
        float[] x, float[] weights, float[]? start, float[] y, int rows, int width, int depth, bool transposed)
    {
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < width; c++)
            {
                double sum = start is null ? 0 : start[r * width + c];
                double magnitude = Math.Abs(sum);
                for (int k = 0; k < depth; k++)
                {
                    double term = (double)x[r * depth + k] * (transposed ? weights[k * width + c] : weights[c * depth + k]);
                    sum += term;
                    magnitude += Math.Abs(term);
                }
                MatrixData.Near(sum, magnitude, y[r * width + c], $"row {r} column {c} transposed={transposed}");
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_row_is_the_same_bits_whatever_rows_stand_around_it(bool transposed)
    {
        const int Outputs = 300;
        const int Inputs = 530;
        const int Most = 40;
        int depth = transposed ? Outputs : Inputs;
        int width = transposed ? Inputs : Outputs;
        float[] x = MatrixData.Numbers(Most * depth, 5);
        float[] weights = MatrixData.Numbers(Outputs * Inputs, 6);
        foreach (ElementType type in MatrixData.Types)
        {
            byte[] packed = MatrixData.Pack(weights, Outputs, Inputs, type);
            foreach (KernelVariant variant in MatrixData.Variants)
            {
                float[] all = Run(variant, transposed, x, Most, packed, type, Outputs, Inputs, null);
                for (int rows = 1; rows <= 30; rows++)
                {
                    for (int first = 0; first + rows <= Most; first += 9)
                    {
                        float[] some = Run(variant, transposed, x.AsSpan(first * depth, rows * depth), rows, packed, type, Outputs, Inputs, null);
                        MatrixData.SameBits(all.AsSpan(first * width, rows * width), some, $"{variant} {type} rows {first}..{first + rows}");
                    }
                }
            }
        }
    }

    [Fact]
    public void Large_products_split_over_rows_and_panels_agree_with_one_thread()
    {
        const int Rows = 517;
        const int Outputs = 1003;
        const int Inputs = 777;
        float[] x = MatrixData.Numbers(Rows * Inputs, 7);
        byte[] packed = MatrixData.Pack(MatrixData.Numbers(Outputs * Inputs, 8), Outputs, Inputs, ElementType.BF16);
        float[]? single = null;
        MatrixData.EachTeam(threads =>
        {
            float[] y = new float[Rows * Outputs];
            PackedMatrix.Multiply(x, Rows, packed, ElementType.BF16, Outputs, Inputs, y);
            single ??= y;
            MatrixData.SameBits(single, y, $"{threads} threads");
        });
    }

    [Fact]
    public void Packing_places_every_element_and_zeros_the_lanes_past_the_outputs()
    {
        const int Outputs = 21;
        const int Inputs = 150;
        float[] rows = MatrixData.Numbers(Outputs * Inputs, 9);
        float[] columns = new float[rows.Length];
        for (int o = 0; o < Outputs; o++)
        {
            for (int k = 0; k < Inputs; k++)
            {
                columns[k * Outputs + o] = rows[o * Inputs + k];
            }
        }
        foreach (ElementType from in MatrixData.Types)
        {
            foreach (ElementType type in MatrixData.Types)
            {
                byte[] source = new byte[rows.Length * from.Size()];
                byte[] turned = new byte[source.Length];
                Casting.FromSingle(rows, from, source);
                Casting.FromSingle(columns, from, turned);
                byte[] packed = new byte[PackedMatrix.ByteLength(Outputs, Inputs, type)];
                byte[] packedTurned = new byte[packed.Length];
                packed.AsSpan().Fill(0xFF);
                PackedMatrix.Pack(source, from, Outputs, Inputs, packed, type);
                PackedMatrix.Pack(turned, from, Outputs, Inputs, packedTurned, type, transposed: true);
                Assert.Equal(packed, packedTurned);
                float[] expected = MatrixData.Rounded(MatrixData.Rounded(rows, from), type);
                float[] row = new float[Inputs];
                for (int o = 0; o < Outputs; o++)
                {
                    PackedMatrix.ReadRow(packed, type, Outputs, Inputs, o, row);
                    MatrixData.SameBits(expected.AsSpan(o * Inputs, Inputs), row, $"{from} to {type}, row {o}");
                }
                fixed (byte* data = packed)
                {
                    for (int o = Outputs; o < 32; o++)
                    {
                        Assert.Equal(0f, PackedMatrix.Read(data, type, Inputs, o, Inputs - 1));
                    }
                }
            }
        }
    }

    [Fact]
    public void Float32_lanes_lie_in_order()
    {
        float[] rows = MatrixData.Numbers(20 * 3, 10);
        ReadOnlySpan<float> packed = MemoryMarshal.Cast<byte, float>(MatrixData.Pack(rows, 20, 3, ElementType.F32));
        Assert.Equal(2 * 3 * 16, packed.Length);
        Assert.Equal(rows[18 * 3 + 1], packed[(1 * 3 + 1) * 16 + 2]);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Nothing_outside_the_spans_is_read_or_written(int rows, int outputs, int inputs)
    {
        foreach (bool before in new[] { false, true })
        {
            using BoundedMemory<float> x = new(rows * inputs, before);
            using BoundedMemory<float> y = new(rows * outputs, before);
            foreach (ElementType type in MatrixData.Types)
            {
                using BoundedMemory<byte> source = new(outputs * inputs * type.Size(), before);
                using BoundedMemory<byte> packed = new((int)PackedMatrix.ByteLength(outputs, inputs, type), before);
                PackedMatrix.Pack(source.Span, type, outputs, inputs, packed.Span, type);
                PackedMatrix.Pack(source.Span, type, outputs, inputs, packed.Span, type, transposed: true);
                foreach (KernelVariant variant in MatrixData.Variants)
                {
                    Variant(variant, transposed: false)(x.Pointer, rows, packed.Pointer, type, outputs, inputs, y.Pointer, true);
                    Variant(variant, transposed: true)(y.Pointer, rows, packed.Pointer, type, outputs, inputs, x.Pointer, true);
                }
            }
        }
    }

    [Fact]
    public void A_warm_call_allocates_nothing()
    {
        float[] x = MatrixData.Numbers(64 * 64, 11);
        float[] y = new float[64 * 64];
        byte[] packed = MatrixData.Pack(x, 64, 64, ElementType.BF16);
        for (int i = 0; i < 3; i++)
        {
            Call();
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        Call();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Call()
        {
            PackedMatrix.Multiply(x, 64, packed, ElementType.BF16, 64, 64, y);
            PackedMatrix.Multiply(x, 1, packed, ElementType.BF16, 64, 64, y, accumulate: true);
            PackedMatrix.MultiplyTransposed(x, 64, packed, ElementType.BF16, 64, 64, y);
            MatrixProduct.Multiply(x, true, x, true, y, 64, 64, 64, 0.5f, accumulate: true);
        }
    }

    [Fact]
    public void Wrong_lengths_and_sizes_are_named()
    {
        byte[] packed = new byte[PackedMatrix.ByteLength(4, 3, ElementType.F32)];
        ArgumentException error = Assert.Throws<ArgumentException>(
            () => PackedMatrix.Multiply(new float[5], 2, packed, ElementType.F32, 4, 3, new float[8]));
        Assert.Equal("x", error.ParamName);
        Assert.Contains("x has 5 elements, [rows, inputs] takes 6", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<ArgumentException>(() => PackedMatrix.Multiply(new float[6], 2, packed, ElementType.F32, 4, 3, new float[7]));
        Assert.Equal("y", error.ParamName);
        error = Assert.Throws<ArgumentException>(() => PackedMatrix.MultiplyTransposed(new float[8], 2, packed.AsSpan(1), ElementType.F32, 4, 3, new float[6]));
        Assert.Equal("packed", error.ParamName);
        Assert.Throws<ArgumentOutOfRangeException>(() => PackedMatrix.ByteLength(0, 3, ElementType.F32));
        Assert.Throws<ArgumentOutOfRangeException>(() => PackedMatrix.ByteLength(4, 3, (ElementType)9));
        Assert.Throws<ArgumentOutOfRangeException>(() => PackedMatrix.ReadRow(packed, ElementType.F32, 4, 3, 4, new float[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => PackedMatrix.Multiply([], -1, packed, ElementType.F32, 4, 3, []));
        PackedMatrix.Multiply([], 0, packed, ElementType.F32, 4, 3, []);
    }

    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 577)]
    [InlineData(3, 33)]
    [InlineData(5, 96)]
    [InlineData(14, 64)]
    [InlineData(33, 130)]
    [InlineData(64, 31)]
    [InlineData(70, 50)]
    public void Products_of_one_input_are_one_job_with_the_bits_of_each_alone(int rows, int inputs)
    {
        int[] outputs = [70, 16, 7, 160];
        float[] x = MatrixData.Numbers(rows * inputs, 1);
        foreach (ElementType type in MatrixData.Types)
        {
            byte[][] packed = [.. outputs.Select((o, i) => MatrixData.Pack(MatrixData.Numbers(o * inputs, 2 + i), o, inputs, type))];
            float[][] expected = [.. outputs.Select((o, i) => Run(KernelVariant.Scalar, false, x, rows, packed[i], type, o, inputs, null))];
            MatrixData.EachTeam(threads =>
            {
                foreach (KernelVariant variant in MatrixData.Variants)
                {
                    PackedPart[] parts = new PackedPart[outputs.Length];
                    BoundedMemory<byte>[] weights = [.. packed.Select(p => new BoundedMemory<byte>(p.Length))];
                    BoundedMemory<float>[] results = [.. outputs.Select(o => new BoundedMemory<float>(rows * o))];
                    for (int i = 0; i < parts.Length; i++)
                    {
                        packed[i].CopyTo(weights[i].Span);
                        results[i].Span.Fill(float.NaN);
                        parts[i] = new PackedPart { Packed = weights[i].Pointer, Outputs = outputs[i], Y = results[i].Pointer };
                    }
                    fixed (float* left = x)
                    fixed (PackedPart* list = parts)
                    {
                        PackedMatrix.MultiplyTogetherWith(variant, left, rows, inputs, type, list, parts.Length);
                    }
                    for (int i = 0; i < parts.Length; i++)
                    {
                        MatrixData.SameBits(expected[i], results[i].Span, $"{variant} {type} part {i} threads={threads}");
                        weights[i].Dispose();
                        results[i].Dispose();
                    }
                }
            });
        }
    }

    [Theory]
    [InlineData(1, 31)]
    [InlineData(9, 40)]
    [InlineData(130, 96)]
    [InlineData(70, 1024)]
    [InlineData(270, 257)]
    public void Transposed_products_that_are_added_up_have_the_bits_of_one_after_the_other(int rows, int inputs)
    {
        foreach (int[] outputs in (int[][])[[70, 16, 7], [300], [48, 1024], [520, 33]])
        {
            foreach (ElementType type in MatrixData.Types)
            {
                byte[][] packed = [.. outputs.Select((o, i) => MatrixData.Pack(MatrixData.Numbers(o * inputs, 2 + i), o, inputs, type))];
                float[][] dy = [.. outputs.Select((o, i) => MatrixData.Numbers(rows * o, 20 + i))];
                float[] start = MatrixData.Numbers(rows * inputs, 40);
                foreach (bool accumulate in new[] { false, true })
                {
                    float[] expected = [.. start];
                    for (int i = 0; i < outputs.Length; i++)
                    {
                        PackedMatrix.MultiplyTransposed(dy[i], rows, packed[i], type, outputs[i], inputs, expected, accumulate || i > 0);
                    }
                    MatrixData.EachTeam(threads =>
                    {
                        foreach (KernelVariant variant in MatrixData.Variants)
                        {
                            if (variant == KernelVariant.Scalar && rows > 9)
                            {
                                continue;
                            }
                            using BoundedMemory<float> dx = new(rows * inputs);
                            start.CopyTo(dx.Span);
                            PackedPart[] parts = new PackedPart[outputs.Length];
                            BoundedMemory<float>[] own = [.. dy.Select(d => new BoundedMemory<float>(d.Length))];
                            BoundedMemory<byte>[] weights = [.. packed.Select(w => new BoundedMemory<byte>(w.Length))];
                            for (int i = 0; i < parts.Length; i++)
                            {
                                dy[i].CopyTo(own[i].Span);
                                packed[i].CopyTo(weights[i].Span);
                                parts[i] = new PackedPart { Packed = weights[i].Pointer, Outputs = outputs[i], Y = own[i].Pointer };
                            }
                            fixed (PackedPart* list = parts)
                            {
                                PackedMatrix.MultiplyTransposedTogetherWith(variant, list, parts.Length, rows, inputs, type, dx.Pointer, accumulate);
                            }
                            MatrixData.SameBits(expected, dx.Span, $"{variant} {type} threads={threads} accumulate={accumulate} outputs={string.Join(' ', outputs)}");
                            Array.ForEach(own, memory => memory.Dispose());
                            Array.ForEach(weights, memory => memory.Dispose());
                        }
                    });
                }
            }
        }
    }

    [Fact]
    public void A_part_without_matrix_or_result_is_named()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(
            () => PackedMatrix.MultiplyTogether(new float[4], 1, 4, ElementType.F32, [new PackedPart { Outputs = 3 }]));
        Assert.Contains("part 0", error.Message, StringComparison.Ordinal);
    }
}
