namespace Lorikeet.Kernels.Tests;

/// <summary>Low-rank changes that a product adds itself have the bits of the product, the changes and what follows, one after the other.</summary>
[Collection("team")]
public sealed unsafe class LowRankChangesTests
{
    // (rows, outputs, inputs): single rows, every kind of tile and edge, several blocks of k and of rows, rows kept apart.
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 131, 40 }, { 3, 48, 33 }, { 5, 40, 64 }, { 8, 100, 31 }, { 16, 192, 576 }, { 33, 80, 21 }, { 64, 200, 128 }, { 70, 512, 40 }, { 250, 65, 300 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Dense_products_add_them_as_a_job_of_their_own_does(int rows, int outputs, int inputs)
    {
        using Case all = new(rows, outputs, inputs);
        foreach (ElementType type in MatrixData.Types)
        {
            byte[][] packed = [.. Enumerable.Range(0, 2).Select(i => MatrixData.Pack(MatrixData.Numbers(outputs * inputs, 2 + i), outputs, inputs, type))];
            fixed (byte* first = packed[0], second = packed[1])
            {
                byte*[] matrices = [first, second];
                all.Expect((parts, count) => PackedMatrix.MultiplyTogetherWith(KernelPath.Current, all.X, rows, inputs, type, parts, count), matrices);
                MatrixData.EachTeam(threads =>
                {
                    foreach (KernelVariant variant in MatrixData.Variants)
                    {
                        all.Check($"{variant} {type} threads={threads}", (parts, count) => PackedMatrix.MultiplyTogetherWith(variant, all.X, rows, inputs, type, parts, count), matrices);
                    }
                });
            }
        }
    }

    [Theory]
    [InlineData(1, 512, 256)]
    [InlineData(9, 200, 256)]
    [InlineData(16, 96, 512)]
    [InlineData(130, 48, 256)]
    public void Coded_products_add_them_as_a_job_of_their_own_does(int rows, int outputs, int inputs)
    {
        using Case all = new(rows, outputs, inputs);
        byte[] coded = new byte[rows * CodedRows.RowBytes(inputs)];
        CodedRows.Code(new ReadOnlySpan<float>(all.X, rows * inputs), rows, inputs, coded);
        foreach (BlockPanels panels in BlockPanels.All)
        {
            byte[][] packed = [.. Enumerable.Range(0, 2).Select(i => Coded(panels, outputs, inputs, 2 + i))];
            fixed (byte* first = packed[0], second = packed[1])
            {
                byte*[] matrices = [first, second];
                Multiplies multiply = (parts, count) => panels.MultiplyCodedTogether(coded, rows, inputs, new ReadOnlySpan<PackedPart>(parts, count));
                all.Expect(multiply, matrices);
                MatrixData.EachTeam(threads => all.Check($"{panels.Format.Name} threads={threads}", multiply, matrices));
            }
        }
    }

    [Fact]
    public void A_row_has_the_bits_it_has_alone()
    {
        const int Rows = 20, Outputs = 96, Inputs = 64;
        using Case all = new(Rows, Outputs, Inputs);
        byte[] packed = MatrixData.Pack(MatrixData.Numbers(Outputs * Inputs, 2), Outputs, Inputs, ElementType.BF16);
        fixed (byte* matrix = packed)
        {
            byte*[] matrices = [matrix, matrix];
            Multiplies multiply = (parts, count) => PackedMatrix.MultiplyTogether(new ReadOnlySpan<float>(all.X, Rows * Inputs), Rows, Inputs, ElementType.BF16, new(parts, count));
            all.Run(multiply, matrices, fused: true);
            float[] together = all.Second;
            for (int row = 0; row < Rows; row++)
            {
                float[] alone = all.Alone(row, packed, ElementType.BF16);
                MatrixData.SameBits(together.AsSpan(row * Outputs, Outputs), alone, $"row {row}");
            }
        }
    }

    [Fact]
    public void Other_rows_or_sites_are_refused_and_a_warm_call_allocates_nothing()
    {
        const int Rows = 16, Outputs = 64, Inputs = 64;
        using Case all = new(Rows, Outputs, Inputs);
        byte[] packed = MatrixData.Pack(MatrixData.Numbers(Outputs * Inputs, 2), Outputs, Inputs, ElementType.BF16);
        float[] y = new float[Rows * Outputs], room = new float[all.Room];
        fixed (byte* matrix = packed)
        fixed (float* to = y, own = room)
        {
            Assert.Throws<ArgumentException>(() => Call(new() { Row = Rows - 1, Rows = 2, Rank = 4 }, Inputs));
            Assert.Throws<ArgumentException>(() => Call(new() { Rows = 1, Rank = 4, Site = 1 }, Inputs));
            Assert.Throws<ArgumentException>(() => Call(new() { Rows = 1 }, Inputs));
            Assert.Throws<ArgumentException>(() => Call(new() { Rows = 1, Rank = 4 }, Inputs - 1));
            Call(new() { Rows = 3, Rank = 4 }, Inputs);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Call(new() { Rows = 3, Rank = 4 }, Inputs);
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

            void Call(LowRankSegment segment, int inputs)
            {
                fixed (byte* factors = packed)
                fixed (float* result = y, space = room)
                {
                    segment.Factors = factors;
                    LowRankChanges changes = new() { First = &segment, Count = 1, X = all.X, Inputs = inputs, Room = space };
                    PackedPart part = new() { Packed = factors, Outputs = Outputs, Y = result, After = new() { Changes = &changes } };
                    PackedMatrix.MultiplyTogether(new ReadOnlySpan<float>(all.X, Rows * Inputs), Rows, Inputs, ElementType.BF16, new ReadOnlySpan<PackedPart>(in part));
                }
            }
        }
    }

    private static byte[] Coded(BlockPanels panels, int outputs, int inputs, int seed)
    {
        byte[] blocks = new byte[outputs * panels.Format.RowBytes(inputs)], packed = new byte[panels.ByteLength(outputs, inputs)];
        RowQuantiser.Run(panels.Format, MatrixData.Numbers(outputs * inputs, seed), outputs, inputs, blocks);
        panels.Pack(blocks, outputs, inputs, packed);
        return packed;
    }

    private delegate void Multiplies(PackedPart* parts, int count);

    /// <summary>Two products of one input, the first the gate of the second, with adapters of mixed ranks and storage at both.</summary>
    private sealed class Case : IDisposable
    {
        private readonly int rows;
        private readonly int outputs;
        private readonly int inputs;
        private readonly List<BoundedMemory<byte>> factors = [];
        private readonly LowRankSegment[] segments;
        private readonly BoundedMemory<float> x;
        private readonly BoundedMemory<float> first;
        private readonly BoundedMemory<float> second;
        private readonly BoundedMemory<float> bias;
        private readonly BoundedMemory<float> weights;
        private float[] expectedFirst = [];
        private float[] expectedSecond = [];

        public Case(int rows, int outputs, int inputs)
        {
            (this.rows, this.outputs, this.inputs) = (rows, outputs, inputs);
            (x, bias, weights) = (Numbers(rows * inputs, 1), Numbers(outputs, 4), Numbers(rows, 5));
            (first, second) = (new(rows * outputs), new(rows * outputs));
            List<LowRankSegment> list = [];
            int[] ranks = [16, 4, 9, 1, 33, 8, 70];
            FactorType[] types = [FactorType.BF16, FactorType.F32, FactorType.Int8, FactorType.BF16];
            for (int site = 0; site < 2; site++)
            {
                // Rows alone, a few and many; every fifth segment has none; some rows have a second change.
                for (int row = 0, i = site; row < rows; i++)
                {
                    int some = Math.Min(i % 4 == 3 ? 9 : 1 + (i % 3), rows - row);
                    if (i % 5 != 4)
                    {
                        list.Add(Segment(site, row, some, ranks[i % ranks.Length], types[i % types.Length], i));
                    }
                    row += some;
                }
                list.Add(Segment(site, rows / 2, rows - (rows / 2), 5, FactorType.BF16, 77));
            }
            segments = GC.AllocateUninitializedArray<LowRankSegment>(list.Count, pinned: true);
            list.CopyTo(segments);
        }

        public float* X => x.Pointer;

        public float[] Second => second.Span.ToArray();

        public int Room => (int)LowRankChanges.RoomFloats(segments);

        public void Expect(Multiplies multiply, byte*[] matrices)
        {
            Run(multiply, matrices, fused: false);
            (expectedFirst, expectedSecond) = (first.Span.ToArray(), second.Span.ToArray());
        }

        public void Check(string what, Multiplies multiply, byte*[] matrices)
        {
            Run(multiply, matrices, fused: true);
            MatrixData.SameBits(expectedFirst, first.Span, what + " gate");
            MatrixData.SameBits(expectedSecond, second.Span, what);
        }

        /// <summary>y = silu(gate + changes + bias) o (up + changes + bias).</summary>
        public void Run(Multiplies multiply, byte*[] matrices, bool fused)
        {
            using BoundedMemory<float> room = new(Room);
            room.Span.Fill(float.NaN);
            first.Span.Fill(float.NaN);
            second.Span.Fill(float.NaN);
            fixed (LowRankSegment* list = segments)
            {
                LowRankChanges changes = new() { First = list, Count = segments.Length, X = x.Pointer, Inputs = inputs, Room = room.Pointer };
                PackedPart* parts = stackalloc PackedPart[2];
                parts[0] = new PackedPart { Packed = matrices[0], Outputs = outputs, Y = first.Pointer };
                parts[1] = new PackedPart { Packed = matrices[1], Outputs = outputs, Y = second.Pointer };
                if (fused)
                {
                    parts[0].After = new() { Changes = &changes, Bias = bias.Pointer };
                    parts[1].After = new() { Changes = &changes, Site = 1, Bias = bias.Pointer, Activation = ActivationKind.Silu, Gate = first.Pointer };
                    multiply(parts, 2);
                    return;
                }
                multiply(parts, 2);
            }
            LowRankResult* results = stackalloc LowRankResult[2];
            results[0] = new() { Y = first.Pointer, Rows = rows, Outputs = outputs };
            results[1] = new() { Y = second.Pointer, Rows = rows, Outputs = outputs };
            LowRank.Apply(segments, x.Span, inputs, new ReadOnlySpan<LowRankResult>(results, 2));
            Elementwise.AddRow(bias.Span, first.Span, outputs);
            Elementwise.AddRow(bias.Span, second.Span, outputs);
            Elementwise.SwiGlu(first.Span, second.Span, second.Span);
        }

        /// <summary>The second result of one row, made by itself.</summary>
        public float[] Alone(int row, byte[] packed, ElementType type)
        {
            float[] y = new float[outputs], gate = new float[outputs];
            LowRankSegment[] own = GC.AllocateUninitializedArray<LowRankSegment>(segments.Length, pinned: true);
            int count = 0;
            foreach (LowRankSegment segment in segments.Where(segment => segment.Row <= row && row < segment.Row + segment.Rows))
            {
                own[count++] = segment with { Row = 0, Rows = 1, TokenWeights = segment.TokenWeights is null ? null : segment.TokenWeights + (row - segment.Row) };
            }
            float[] room = new float[Room];
            fixed (byte* matrix = packed)
            fixed (float* to = y, of = gate, space = room)
            fixed (LowRankSegment* list = own)
            {
                LowRankChanges changes = new() { First = list, Count = count, X = x.Pointer + (row * inputs), Inputs = inputs, Room = space };
                PackedPart* parts = stackalloc PackedPart[2];
                parts[0] = new PackedPart { Packed = matrix, Outputs = outputs, Y = of, After = new() { Changes = &changes, Bias = bias.Pointer } };
                parts[1] = new PackedPart { Packed = matrix, Outputs = outputs, Y = to };
                parts[1].After = new() { Changes = &changes, Site = 1, Bias = bias.Pointer, Activation = ActivationKind.Silu, Gate = of };
                PackedMatrix.MultiplyTogether(x.Span.Slice(row * inputs, inputs), 1, inputs, type, new ReadOnlySpan<PackedPart>(parts, 2));
            }
            return y;
        }

        private LowRankSegment Segment(int site, int row, int some, int rank, FactorType type, int number)
        {
            BoundedMemory<byte> packed = new((int)LowRank.ByteLength(rank, inputs, outputs, type));
            factors.Add(packed);
            LowRank.Pack(MatrixData.Numbers(rank * inputs, 100 + number), MatrixData.Numbers(outputs * rank, 200 + number), rank, inputs, outputs, type, packed.Span);
            return new()
            {
                Site = site,
                Row = row,
                Rows = some,
                Rank = rank,
                Type = type,
                Scale = 0.5f + number,
                Factors = packed.Pointer,
                Bias = number % 2 == 0 ? bias.Pointer : null,
                TokenWeights = number % 3 == 0 ? weights.Pointer + row : null,
            };
        }

        private static BoundedMemory<float> Numbers(int count, int seed)
        {
            BoundedMemory<float> memory = new(count);
            MatrixData.Numbers(count, seed).CopyTo(memory.Span);
            return memory;
        }

        public void Dispose()
        {
            factors.ForEach(memory => memory.Dispose());
            foreach (BoundedMemory<float> memory in (BoundedMemory<float>[])[x, first, second, bias, weights])
            {
                memory.Dispose();
            }
        }
    }
}
