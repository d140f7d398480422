using Lorikeet.Kernels.Tests.Rows;

namespace Lorikeet.Kernels.Tests.Quantised;

[Collection("team")]
public unsafe class BlockPanelsTests
{
    public static TheoryData<string, int, int, int> Cases
    {
        get
        {
            TheoryData<string, int, int, int> cases = [];
            foreach (BlockPanels panels in BlockPanels.All)
            {
                int block = panels.Format.Values;
                // (rows, outputs, blocks): every size of tile, edges of panels, several pieces of 1024 inputs, several blocks of rows.
                foreach ((int rows, int outputs, int blocks) in ((int, int, int)[])[(1, 1, 1), (1, 64, 3), (2, 33, 2), (3, 16, 1), (4, 31, 2), (5, 50, 3), (7, 17, 1), (9, 40, 2), (37, 70, 1)])
                {
                    cases.Add(panels.Format.Name, rows, outputs, blocks * block);
                }
                cases.Add(panels.Format.Name, 6, 48, 2304);
                cases.Add(panels.Format.Name, 130, 35, 512);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Coded_products_agree_by_bits_in_all_variants_and_teams_and_stay_within_the_error_of_the_codes(string format, int rows, int outputs, int inputs)
    {
        Matrix matrix = new(format, outputs, inputs, 1);
        float[] x = new Seeded(2).Array(rows * inputs, 3);
        byte[] coded = new byte[rows * CodedRows.RowBytes(inputs)];
        CodedRows.Code(x, rows, inputs, coded);
        float[] reference = new float[rows * outputs];
        matrix.Panels.MultiplyCoded(coded, rows, matrix.Packed, outputs, inputs, reference, IntegerVariant.Scalar);
        MatrixData.EachTeam(threads =>
        {
            foreach (IntegerVariant variant in IntegerVariants.Available)
            {
                float[] y = new float[rows * outputs];
                matrix.Panels.MultiplyCoded(coded, rows, matrix.Packed, outputs, inputs, y, variant);
                MatrixData.SameBits(reference, y, $"{format} {variant} threads={threads}");
            }
        });
        for (int i = 0; i < reference.Length; i++)
        {
            (double exact, double bound) = Oracle(matrix, x, i / outputs, i % outputs);
            Assert.True(Math.Abs(reference[i] - exact) <= bound, $"{format} [{i / outputs}, {i % outputs}]: {reference[i]}, in double {exact}, allowed {bound}");
        }
    }

    // |sum w x - sum w coded x| <= sum |w| scale / 2, scale = largest |x| of 32 / 127; and float32 roundings of the chain.
    private static (double Exact, double Bound) Oracle(Matrix matrix, float[] x, int row, int output)
    {
        double exact = 0, bound = 0, size = 0;
        for (int k = 0; k < matrix.Inputs; k += 32)
        {
            ReadOnlySpan<float> own = x.AsSpan((row * matrix.Inputs) + k, 32);
            double largest = 0, weights = 0;
            for (int i = 0; i < 32; i++)
            {
                double w = matrix.Values[(output * matrix.Inputs) + k + i];
                largest = Math.Max(largest, Math.Abs(own[i]));
                weights += Math.Abs(w);
                exact += w * own[i];
                size += Math.Abs(w * own[i]);
            }
            bound += weights * largest / 127 / 2;
        }
        return (exact, (bound * 1.001) + (size * 1e-5) + 1e-6);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Float_products_are_chains_of_the_dequantised_values_by_bits(string format, int rows, int outputs, int inputs)
    {
        Matrix matrix = new(format, outputs, inputs, 4);
        float[] x = new Seeded(5).Array(rows * inputs), dy = new Seeded(6).Array(rows * outputs);
        float[] start = new Seeded(7).Array(rows * outputs), startX = new Seeded(8).Array(rows * inputs);
        foreach (bool accumulate in (bool[])[false, true])
        {
            float[] expected = Chains(x, matrix.Values, start, rows, outputs, inputs, accumulate, transposed: false);
            float[] expectedX = Chains(dy, matrix.Values, startX, rows, inputs, outputs, accumulate, transposed: true);
            MatrixData.EachTeam(threads =>
            {
                float[] y = [.. start], dx = [.. startX];
                matrix.Panels.Multiply(x, rows, matrix.Packed, outputs, inputs, y, accumulate);
                MatrixData.SameBits(expected, y, $"{format} threads={threads}");
                matrix.Panels.MultiplyTransposed(dy, rows, matrix.Packed, outputs, inputs, dx, accumulate);
                MatrixData.SameBits(expectedX, dx, $"{format} transposed threads={threads}");
                y = [.. start];
                StoredBlocks.Multiply(matrix.Panels.Format, x, rows, matrix.Blocks, outputs, inputs, y, accumulate);
                MatrixData.SameBits(expected, y, $"{format} as stored threads={threads}");
                dx = [.. startX];
                StoredBlocks.MultiplyTransposed(matrix.Panels.Format, dy, rows, matrix.Blocks, outputs, inputs, dx, accumulate);
                MatrixData.SameBits(expectedX, dx, $"{format} as stored transposed threads={threads}");
            });
        }
    }

    private static float[] Chains(float[] x, float[] w, float[] start, int rows, int columns, int depth, bool accumulate, bool transposed)
    {
        float[] y = new float[rows * columns];
        for (int i = 0; i < y.Length; i++)
        {
            int row = i / columns, column = i % columns;
            float sum = accumulate ? start[i] : 0;
            for (int k = 0; k < depth; k++)
            {
                sum = MathF.FusedMultiplyAdd(x[(row * depth) + k], transposed ? w[(k * columns) + column] : w[(column * depth) + k], sum);
            }
            y[i] = sum;
        }
        return y;
    }

    [Fact]
    public void Rows_come_out_byte_for_byte_whatever_the_bytes()
    {
        foreach (BlockPanels panels in BlockPanels.All)
        {
            int inputs = 2 * panels.Format.Values, outputs = 37;
            byte[] blocks = new byte[outputs * panels.Format.RowBytes(inputs)];
            Seeded random = new(9);
            do
            {
                for (int i = 0; i < blocks.Length; i++)
                {
                    blocks[i] = (byte)random.Below(256);
                }
                FiniteScales(panels.Format, blocks);
            }
            while (random.Below(3) != 0);
            byte[] packed = new byte[panels.ByteLength(outputs, inputs)];
            panels.Pack(blocks, outputs, inputs, packed);
            int bytes = (int)panels.Format.RowBytes(inputs);
            byte[] row = new byte[bytes];
            float[] values = new float[inputs], expected = new float[inputs];
            for (int r = 0; r < outputs; r++)
            {
                panels.Unpack(packed, outputs, inputs, r, row);
                Assert.Equal(blocks.AsSpan(r * bytes, bytes).ToArray(), row);
                panels.ReadRow(packed, outputs, inputs, r, values);
                panels.Format.Dequantise(blocks.AsSpan(r * bytes, bytes), expected);
                MatrixData.SameBits(expected, values, panels.Format.Name);
            }
            // Hostile but finite: every code and every scale that a file may hold multiplies without overflow of the integers.
            float[] x = new Seeded(10).Array(3 * inputs);
            byte[] coded = new byte[3 * CodedRows.RowBytes(inputs)];
            CodedRows.Code(x, 3, inputs, coded);
            float[] reference = new float[3 * outputs], y = new float[3 * outputs];
            panels.MultiplyCoded(coded, 3, packed, outputs, inputs, reference, IntegerVariant.Scalar);
            foreach (IntegerVariant variant in IntegerVariants.Available)
            {
                panels.MultiplyCoded(coded, 3, packed, outputs, inputs, y, variant);
                MatrixData.SameBits(reference, y, $"{panels.Format.Name} {variant}");
            }
        }
    }

    [Theory]
    [InlineData((ushort)0x7c00)]
    [InlineData((ushort)0xfc00)]
    [InlineData((ushort)0x7e01)]
    public void A_scale_that_is_not_finite_is_refused_with_its_row(ushort half)
    {
        foreach (BlockPanels panels in BlockPanels.All)
        {
            int inputs = panels.Format.Values, outputs = 20;
            Matrix matrix = new(panels.Format.Name, outputs, inputs, 11);
            int at = panels.Format.Name == "Q6_K" ? 208 : 0;
            BitConverter.TryWriteBytes(matrix.Blocks.AsSpan((18 * panels.Format.Bytes) + at), half);
            string message = Assert.Throws<InvalidDataException>(() => panels.Pack(matrix.Blocks, outputs, inputs, matrix.Packed)).Message;
            Assert.Contains("row 18", message, StringComparison.Ordinal);
            Assert.Contains(panels.Format.Name, message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(70)]
    public void Several_matrices_of_one_input_have_the_bits_of_each_alone(int rows)
    {
        const int Inputs = 512;
        int[] outputs = [48, 17, 16, 130];
        float[] x = new Seeded(3).Array(rows * Inputs, 2);
        byte[] coded = new byte[rows * CodedRows.RowBytes(Inputs)];
        CodedRows.Code(x, rows, Inputs, coded);
        foreach (BlockPanels panels in BlockPanels.All)
        {
            Matrix[] matrices = [.. outputs.Select((o, i) => new Matrix(panels.Format.Name, o, Inputs, (ulong)i + 20))];
            MatrixData.EachTeam(threads =>
            {
                PackedPart[] parts = new PackedPart[outputs.Length];
                List<BoundedMemory<float>> results = [];
                List<BoundedMemory<byte>> weights = [];
                for (int i = 0; i < parts.Length; i++)
                {
                    results.Add(new(rows * outputs[i]));
                    weights.Add(new(matrices[i].Packed.Length));
                    matrices[i].Packed.CopyTo(weights[i].Span);
                    parts[i] = new() { Packed = weights[i].Pointer, Outputs = outputs[i], Y = results[i].Pointer };
                }
                panels.MultiplyCodedTogether(coded, rows, Inputs, parts);
                for (int i = 0; i < parts.Length; i++)
                {
                    float[] alone = new float[rows * outputs[i]];
                    panels.MultiplyCoded(coded, rows, matrices[i].Packed, outputs[i], Inputs, alone);
                    MatrixData.SameBits(alone, results[i].Span, $"{panels.Format.Name} part {i} threads={threads}");
                    results[i].Dispose();
                    weights[i].Dispose();
                }
            });
        }
        Assert.Contains("part 0", Assert.Throws<ArgumentException>(() => BlockPanels.All[0].MultiplyCodedTogether(coded, rows, Inputs, [default])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Subnormal_scales_count()
    {
        foreach (BlockPanels panels in BlockPanels.All)
        {
            Matrix matrix = new(panels.Format.Name, 3, 256, 12, 1e-8f);
            float[] x = new Seeded(13).Array(256), y = new float[3];
            byte[] coded = new byte[CodedRows.RowBytes(256)];
            CodedRows.Code(x, 1, 256, coded);
            panels.MultiplyCoded(coded, 1, matrix.Packed, 3, 256, y);
            for (int o = 0; o < 3; o++)
            {
                (double exact, double bound) = Oracle(matrix, x, 0, o);
                Assert.True(Math.Abs(y[o] - exact) <= bound - 1e-6 + (Math.Abs(exact) * 1e-3), $"{panels.Format.Name}: {y[o]}, {exact}");
            }
        }
    }

    private static void FiniteScales(BlockFormat format, byte[] blocks)
    {
        for (int at = 0; at < blocks.Length; at += format.Bytes)
        {
            foreach (int d in format.Name switch { "Q6_K" => (int[])[209], "Q4_K" => [1, 3], _ => [1] })
            {
                // Halves below 2: their products stay finite.
                blocks[at + d] &= 0xbf;
            }
        }
    }

    private sealed class Matrix
    {
        public Matrix(string format, int outputs, int inputs, ulong seed, float size = 1)
        {
            Panels = BlockPanels.Of(BlockFormat.Find(format)!)!;
            Inputs = inputs;
            float[] values = new Seeded(seed).Array(outputs * inputs, size);
            Blocks = new byte[outputs * Panels.Format.RowBytes(inputs)];
            RowQuantiser.Run(Panels.Format, values, outputs, inputs, Blocks);
            Values = new float[outputs * inputs];
            Panels.Format.Dequantise(Blocks, Values);
            Packed = new byte[Panels.ByteLength(outputs, inputs)];
            Packed.AsSpan().Fill(0xff);
            Panels.Pack(Blocks, outputs, inputs, Packed);
        }

        public BlockPanels Panels { get; }

        public int Inputs { get; }

        public byte[] Blocks { get; }

        public float[] Values { get; }

        public byte[] Packed { get; }
    }
}
