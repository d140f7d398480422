namespace Lorikeet.Kernels.Tests;

/// <summary>What follows a product has the bits of passes of its own, whatever the kernel, the rows and the threads.</summary>
[Collection("team")]
public sealed unsafe class EpilogueTests
{
    // (rows, outputs, inputs): single rows, every kind of tile and edge, several blocks of k and of rows, results kept apart.
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 131, 40 }, { 1, 512, 33 }, { 2, 70, 19 }, { 3, 48, 33 }, { 5, 40, 64 }, { 8, 100, 31 }, { 14, 63, 41 }, { 16, 192, 64 }, { 33, 80, 21 },
        { 64, 200, 128 }, { 70, 512, 40 }, { 250, 65, 300 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Dense_products_and_what_follows_have_the_bits_of_separate_passes(int rows, int outputs, int inputs)
    {
        float[] x = MatrixData.Numbers(rows * inputs, 1);
        using Case all = new(rows, outputs);
        foreach (ElementType type in MatrixData.Types)
        {
            byte[] gate = MatrixData.Pack(MatrixData.Numbers(outputs * inputs, 2), outputs, inputs, type);
            byte[] up = MatrixData.Pack(MatrixData.Numbers(outputs * inputs, 3), outputs, inputs, type);
            float[] gateSums = Product(x, rows, gate, type, outputs, inputs), upSums = Product(x, rows, up, type, outputs, inputs);
            MatrixData.EachTeam(threads =>
            {
                foreach (KernelVariant variant in MatrixData.Variants)
                {
                    string what = $"{variant} {type} threads={threads}";
                    all.Check(what, gateSums, upSums, (parts, count) =>
                    {
                        fixed (float* left = x)
                        fixed (byte* first = gate, second = up)
                        {
                            parts[0].Packed = count == 1 ? second : first;
                            parts[count - 1].Packed = second;
                            PackedMatrix.MultiplyTogetherWith(variant, left, rows, inputs, type, parts, count);
                        }
                    });
                }
            });
        }
    }

    [Theory]
    [InlineData(1, 512, 256)]
    [InlineData(3, 70, 512)]
    [InlineData(9, 200, 256)]
    [InlineData(130, 48, 256)]
    public void Coded_products_and_what_follows_have_the_bits_of_separate_passes(int rows, int outputs, int inputs)
    {
        float[] x = MatrixData.Numbers(rows * inputs, 1);
        byte[] coded = new byte[rows * CodedRows.RowBytes(inputs)];
        CodedRows.Code(x, rows, inputs, coded);
        using Case all = new(rows, outputs);
        foreach (BlockPanels panels in BlockPanels.All)
        {
            byte[] gate = Coded(panels, outputs, inputs, 2), up = Coded(panels, outputs, inputs, 3);
            float[] gateSums = new float[rows * outputs], upSums = new float[rows * outputs];
            panels.MultiplyCoded(coded, rows, gate, outputs, inputs, gateSums, IntegerVariant.Scalar);
            panels.MultiplyCoded(coded, rows, up, outputs, inputs, upSums, IntegerVariant.Scalar);
            MatrixData.EachTeam(threads => all.Check($"{panels.Format.Name} threads={threads}", gateSums, upSums, (parts, count) =>
            {
                fixed (byte* first = gate, second = up)
                {
                    parts[0].Packed = count == 1 ? second : first;
                    parts[count - 1].Packed = second;
                    panels.MultiplyCodedTogether(coded, rows, inputs, new ReadOnlySpan<PackedPart>(parts, count));
                }
            }));
        }
    }

    [Theory]
    [InlineData(1, 1536, false)]
    [InlineData(5, 96, true)]
    [InlineData(40, 480, true)]
    [InlineData(130, 64, false)]
    public void Results_are_coded_as_in_a_pass_of_its_own(int rows, int outputs, bool gated)
    {
        const int Inputs = 256;
        float[] x = MatrixData.Numbers(rows * Inputs, 1), first = new float[rows * outputs], second = new float[rows * outputs];
        byte[] coded = new byte[rows * CodedRows.RowBytes(Inputs)], codes = new byte[rows * CodedRows.RowBytes(outputs)], expected = new byte[codes.Length];
        CodedRows.Code(x, rows, Inputs, coded);
        foreach (BlockPanels panels in BlockPanels.All)
        {
            byte[] gate = Coded(panels, outputs, Inputs, 2), up = Coded(panels, outputs, Inputs, 3);
            MatrixData.EachTeam(threads =>
            {
                codes.AsSpan().Clear();
                fixed (byte* left = gate, right = up, to = codes)
                fixed (float* y0 = first, y1 = second)
                {
                    PackedPart part = new() { Packed = right, Outputs = outputs, Y = y1, After = new() { Activation = ActivationKind.Gelu, Gate = gated ? y0 : null, Coded = to } };
                    PackedPart[] parts = gated ? [new() { Packed = left, Outputs = outputs, Y = y0 }, part] : [part];
                    panels.MultiplyCodedTogether(coded, rows, Inputs, parts);
                }
                CodedRows.Code(second, rows, outputs, expected);
                Assert.True(expected.AsSpan().SequenceEqual(codes), $"{panels.Format.Name} threads={threads}");
            });
        }
    }

    [Fact]
    public void Codes_that_no_kernel_writes_are_refused()
    {
        float[] x = new float[32], y = new float[96];
        byte[] packed = MatrixData.Pack(new float[32 * 32], 32, 32, ElementType.F32), codes = new byte[1024];
        BlockPanels panels = BlockPanels.All[0];
        byte[] blocks = Coded(panels, 48, 32, 1), coded = new byte[CodedRows.RowBytes(32)];
        fixed (byte* right = packed, to = codes, own = blocks)
        fixed (float* result = y)
        {
            PackedPart dense = new() { Packed = right, Outputs = 32, Y = result, After = new() { Coded = to } };
            PackedPart odd = dense with { Packed = own, Outputs = 48 };
            PackedPart[][] wrong = [[odd], [odd with { Outputs = 32, After = default }, odd with { Outputs = 32, Y = result + 32 }]];
            Assert.Throws<ArgumentException>(() => PackedMatrix.MultiplyTogether(x, 1, 32, ElementType.F32, [dense]));
            foreach (PackedPart[] parts in wrong)
            {
                Assert.Contains("codes", Assert.Throws<ArgumentException>(() => panels.MultiplyCodedTogether(coded, 1, 32, parts)).Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(17)]
    public void Rows_with_factors_around_the_product_are_followed_and_gated_too(int rows)
    {
        const int Outputs = 600, Inputs = 64, Rank = 2;
        float[] x = MatrixData.Numbers(rows * Inputs, 1), bias = MatrixData.Numbers(Outputs, 4);
        float[] a = MatrixData.Numbers(Rank * Outputs, 5), b = MatrixData.Numbers(Rank * Inputs, 6);
        byte[] gate = MatrixData.Pack(MatrixData.Numbers(Outputs * Inputs, 2), Outputs, Inputs, ElementType.F32);
        byte[] up = MatrixData.Pack(MatrixData.Numbers(Outputs * Inputs, 3), Outputs, Inputs, ElementType.F32);
        byte[] factors = new byte[Hadamard.ByteLength(Rank, Inputs, Outputs, FactorType.F32) + 64];
        if (!PackedMatrix.TakesAround(rows * (Rank + 1), Inputs, ElementType.F32))
        {
            return;
        }
        Hadamard.Pack(a, b, Rank, Inputs, Outputs, FactorType.F32, factors);
        float[] expected = new float[rows * Outputs], y = new float[expected.Length], of = new float[expected.Length];
        fixed (byte* first = gate, second = up, packed = factors)
        fixed (float* y0 = of, y1 = y, own = bias)
        {
            // The gate's rows have factors, the last row of the other has none.
            HadamardSegment* segments = stackalloc HadamardSegment[3];
            segments[0] = new HadamardSegment { Rows = rows, Scale = 0.5f, AddsBase = true };
            segments[0].Use(packed, Rank, Inputs, Outputs, FactorType.F32);
            segments[1] = segments[0] with { Rows = rows - 1 };
            segments[2] = new HadamardSegment { Row = rows - 1, Rows = 1, Scale = 1f };
            int from = rows == 1 ? 2 : 1;
            PackedPart left = new() { Packed = first, Outputs = Outputs, Y = y0, Around = new() { First = segments, Count = 1 } };
            PackedPart right = new() { Packed = second, Outputs = Outputs, Y = y1, Around = new() { First = segments + from, Count = 3 - from } };
            PackedMatrix.MultiplyTogether(x, rows, Inputs, ElementType.F32, [left, right]);
            Elementwise.AddRow(bias, y, Outputs);
            Elementwise.SwiGlu(of, y, expected);
            right.After = new() { Bias = own, Activation = ActivationKind.Silu, Gate = y0 };
            MatrixData.EachTeam(threads =>
            {
                y.AsSpan().Fill(float.NaN);
                of.AsSpan().Fill(float.NaN);
                PackedMatrix.MultiplyTogether(x, rows, Inputs, ElementType.F32, [left, right]);
                MatrixData.SameBits(expected, y, $"factors around, threads={threads}");
            });
        }
    }

    [Fact]
    public void A_gate_that_is_not_made_beside_its_part_is_named()
    {
        float[] x = new float[4], y = new float[24];
        byte[] packed = MatrixData.Pack(new float[32], 8, 4, ElementType.F32);
        fixed (byte* right = packed)
        fixed (float* to = y)
        {
            PackedPart first = new() { Packed = right, Outputs = 8, Y = to }, second = first with { Y = to + 8, After = new() { Gate = to } };
            PackedMatrix.MultiplyTogether(x, 1, 4, ElementType.F32, [first, second]);
            PackedPart[][] wrong = [[second, first], [first, second, first with { Y = to + 16 }], [first with { Outputs = 4 }, second]];
            foreach (PackedPart[] parts in wrong)
            {
                ArgumentException error = Assert.Throws<ArgumentException>(() => PackedMatrix.MultiplyTogether(x, 1, 4, ElementType.F32, parts));
                Assert.Contains("gate", error.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void A_warm_call_allocates_nothing()
    {
        const int Outputs = 64;
        float[] x = MatrixData.Numbers(Outputs, 1), y = new float[Outputs];
        byte[] packed = MatrixData.Pack(MatrixData.Numbers(Outputs * Outputs, 2), Outputs, Outputs, ElementType.BF16);
        for (int i = 0; i < 3; i++)
        {
            Call();
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        Call();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Call()
        {
            fixed (byte* right = packed)
            fixed (float* to = y, left = x)
            {
                Epilogue after = new() { Bias = left, Activation = ActivationKind.Gelu, Residual = left };
                PackedPart part = new() { Packed = right, Outputs = Outputs, Y = to, After = after };
                PackedMatrix.MultiplyTogether(x, 1, Outputs, ElementType.BF16, new ReadOnlySpan<PackedPart>(in part));
                after.Apply(y, Outputs);
            }
        }
    }

    private static float[] Product(float[] x, int rows, byte[] packed, ElementType type, int outputs, int inputs)
    {
        float[] y = new float[rows * outputs];
        PackedMatrix.Multiply(x, rows, packed, type, outputs, inputs, y);
        return y;
    }

    private static byte[] Coded(BlockPanels panels, int outputs, int inputs, int seed)
    {
        byte[] blocks = new byte[outputs * panels.Format.RowBytes(inputs)], packed = new byte[panels.ByteLength(outputs, inputs)];
        RowQuantiser.Run(panels.Format, MatrixData.Numbers(outputs * inputs, seed), outputs, inputs, blocks);
        panels.Pack(blocks, outputs, inputs, packed);
        return packed;
    }

    private delegate void Multiplies(PackedPart* parts, int count);

    /// <summary>Everything that may follow a product of some size, and what each gives as passes.</summary>
    private sealed class Case : IDisposable
    {
        private readonly int rows;
        private readonly int outputs;
        private readonly BoundedMemory<float> bias;
        private readonly BoundedMemory<float> residual;
        private readonly BoundedMemory<float> scale;
        private readonly BoundedMemory<float> ownBias;
        private readonly BoundedMemory<float> first;
        private readonly BoundedMemory<float> second;

        public Case(int rows, int outputs)
        {
            (this.rows, this.outputs) = (rows, outputs);
            (bias, residual, scale, ownBias) = (Numbers(outputs, 4), Numbers(rows * outputs, 5), Numbers(outputs, 6), Numbers(outputs, 7));
            (first, second) = (new(rows * outputs), new(rows * outputs));
        }

        public void Check(string what, float[] gateSums, float[] upSums, Multiplies multiply)
        {
            foreach (bool gated in (bool[])[false, true])
            {
                // Each alone, every function with all together.
                foreach (int with in (int[])[0, 1, 2, 4, 8])
                {
                    Check($"{what} gated={gated} with {with}", gateSums, upSums, multiply, gated, gated ? ActivationKind.Silu : ActivationKind.None, with);
                }
                foreach (ActivationKind kind in Enum.GetValues<ActivationKind>())
                {
                    Check($"{what} gated={gated} {kind} with all", gateSums, upSums, multiply, gated, kind, 15);
                }
            }
        }

        private void Check(string what, float[] gateSums, float[] upSums, Multiplies multiply, bool gated, ActivationKind kind, int with)
        {
            (bool biased, bool added, bool scaled, bool replaced) = ((with & 1) != 0, (with & 2) != 0, (with & 4) != 0, (with & 8) != 0);
            EpilogueRows* own = stackalloc EpilogueRows[2];
            own[0] = new EpilogueRows { Row = 0, Rows = (rows + 2) / 3, Scale = scaled ? scale.Pointer : null };
            own[1] = new EpilogueRows { Row = rows / 2 + 1, Rows = rows, Scale = scaled ? scale.Pointer : null, Bias = replaced ? ownBias.Pointer : null };
            PackedPart* parts = stackalloc PackedPart[2];
            int count = gated ? 2 : 1;
            parts[0] = new PackedPart { Outputs = outputs, Y = first.Pointer, After = new() { Bias = biased ? bias.Pointer : null } };
            parts[count - 1] = new PackedPart
            {
                Outputs = outputs,
                Y = second.Pointer,
                After = new()
                {
                    Bias = biased ? bias.Pointer : null,
                    Own = scaled || replaced ? own : null,
                    OwnCount = scaled || replaced ? 2 : 0,
                    Activation = kind,
                    Gate = gated ? first.Pointer : null,
                    Residual = added ? residual.Pointer : null,
                },
            };
            first.Span.Fill(float.NaN);
            second.Span.Fill(float.NaN);
            multiply(parts, count);

            float[] y = [.. upSums], gate = [.. gateSums];
            for (int r = 0; r < rows; r++)
            {
                Span<float> row = y.AsSpan(r * outputs, outputs);
                bool inFirst = r < own[0].Rows, inSecond = !inFirst && r >= own[1].Row;
                if (scaled && (inFirst || inSecond))
                {
                    Elementwise.Multiply(row, scale.Span, row);
                }
                if (replaced && inSecond)
                {
                    Elementwise.Add(row, ownBias.Span, row);
                }
                else if (biased)
                {
                    Elementwise.Add(row, bias.Span, row);
                }
                if (biased)
                {
                    Elementwise.Add(gate.AsSpan(r * outputs, outputs), bias.Span, gate.AsSpan(r * outputs, outputs));
                }
            }
            if (gated)
            {
                Elementwise.Activate(kind, gate, gate);
                Elementwise.Multiply(gate, y, y);
            }
            else
            {
                Elementwise.Activate(kind, y, y);
            }
            if (added)
            {
                Elementwise.Add(y, residual.Span, y);
            }
            MatrixData.SameBits(y, second.Span, what);
            if (!gated)
            {
                // The same as a pass of its own.
                upSums.CopyTo(second.Span);
                parts[0].After.Apply(second.Span, outputs);
                MatrixData.SameBits(y, second.Span, what + " as a pass");
            }
        }

        private static BoundedMemory<float> Numbers(int count, int seed)
        {
            BoundedMemory<float> memory = new(count);
            MatrixData.Numbers(count, seed).CopyTo(memory.Span);
            return memory;
        }

        public void Dispose()
        {
            foreach (BoundedMemory<float> memory in (BoundedMemory<float>[])[bias, residual, scale, ownBias, first, second])
            {
                memory.Dispose();
            }
        }
    }
}
