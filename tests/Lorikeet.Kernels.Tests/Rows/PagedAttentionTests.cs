using System.Runtime.InteropServices;

namespace Lorikeet.Kernels.Tests.Rows;

[Collection(TeamCollection.Name)]
public sealed unsafe class PagedAttentionTests
{
    // Pages that start as NaN everywhere, as a pool of freed pages would.
    private sealed class Pages : IDisposable
    {
        private readonly int count;

        public Pages(int positions, int keyHeads, int headDim)
        {
            count = (positions + 31) / 32;
            int floats = PagedAttention.PageFloats(keyHeads, headDim);
            Table = (float**)NativeMemory.Alloc((nuint)(count * sizeof(float*)));
            for (int i = 0; i < count; i++)
            {
                Table[i] = (float*)NativeMemory.AlignedAlloc((nuint)floats * 4, 64);
                new Span<float>(Table[i], floats).Fill(float.NaN);
            }
        }

        public float** Table { get; }

        public void Dispose()
        {
            for (int i = 0; i < count; i++)
            {
                NativeMemory.AlignedFree(Table[i]);
            }
            NativeMemory.Free(Table);
        }
    }

    [Theory]
    [InlineData(9, 3, 64, 0, "")]
    [InlineData(4, 2, 20, 37, "")]
    [InlineData(4, 4, 16, 1, "")]
    [InlineData(5, 1, 32, 64, "")]
    [InlineData(4, 2, 256, 40, "cap")]
    [InlineData(6, 6, 20, 0, "slopes")]
    [InlineData(4, 2, 16, 0, "rounded and cap")]
    public void Chunks_pages_threads_and_neighbours_change_no_bit(int heads, int keyHeads, int headDim, int window, string bent)
    {
        (AttentionShape shape, float[] slopes) = AttentionTests.Bent(bent, heads, keyHeads, headDim, 1 / MathF.Sqrt(headDim), window);
        const int Rows = 137;
        Seeded random = new(61);
        int qw = heads * headDim, kw = keyHeads * headDim;
        float[] q = random.Array(Rows * qw, 2);
        float[] k = random.Array(Rows * kw, 2);
        float[] v = random.Array(Rows * kw);
        float[] expected = new float[q.Length];
        Attention.Forward(shape, AttentionTests.Sequences(Rows), q, k, v, expected, [], slopes);
        int threads = Team.Shared.Threads;
        try
        {
            foreach (int team in new[] { 1, 2, 3 })
            {
                Team.Use(team);
                float[] whole = new float[q.Length];
                Attention.Forward(shape, AttentionTests.Sequences(Rows), q, k, v, whole, [], slopes);
                Near.Same(expected, whole, $"rows, {team} threads");
                foreach (int chunk in new[] { Rows, 1, 7, 32, 50 })
                {
                    float[] y = InChunks(shape, slopes, q, k, v, Rows, chunk, random);
                    Near.Same(expected, y, $"pages, chunks of {chunk}, {team} threads");
                }
            }
        }
        finally
        {
            Team.Use(threads);
        }
    }

    // Runs one sequence chunk by chunk between two neighbours whose rows differ at every step.
    private static float[] InChunks(AttentionShape shape, float[] slopes, float[] q, float[] k, float[] v, int rows, int chunk, Seeded random)
    {
        int qw = shape.Heads * shape.HeadDim, kw = shape.KeyHeads * shape.HeadDim;
        using Pages pages = new(rows, shape.KeyHeads, shape.HeadDim);
        using Pages before = new(rows + 40, shape.KeyHeads, shape.HeadDim);
        using Pages after = new(rows + 40, shape.KeyHeads, shape.HeadDim);
        float[] result = new float[q.Length];
        int steps = 0;
        for (int start = 0; start < rows; start += chunk, steps++)
        {
            int own = Math.Min(chunk, rows - start);
            int first = steps == 0 ? 3 : 1;
            int total = first + own + 1;
            float[] cq = random.Array(total * qw);
            float[] ck = random.Array(total * kw);
            float[] cv = random.Array(total * kw);
            float[] cy = new float[total * qw];
            q.AsSpan(start * qw, own * qw).CopyTo(cq.AsSpan(first * qw));
            k.AsSpan(start * kw, own * kw).CopyTo(ck.AsSpan(first * kw));
            v.AsSpan(start * kw, own * kw).CopyTo(cv.AsSpan(first * kw));
            PagedSequence[] sequences =
            [
                new() { Row = 0, Rows = first, Start = steps == 0 ? 0 : steps + 2, Pages = before.Table },
                new() { Row = first, Rows = own, Start = start, Pages = pages.Table },
                new() { Row = first + own, Rows = 1, Start = steps, Pages = after.Table },
            ];
            PagedAttention.Write(shape, sequences, ck, cv);
            PagedAttention.Forward(shape, sequences, cq, cy, slopes);
            Assert.True(Reduce.AllFinite(cy), "a slot that nobody wrote was read");
            cy.AsSpan(first * qw, own * qw).CopyTo(result.AsSpan(start * qw));
        }
        return result;
    }

    [Fact]
    public void Many_decode_rows_equal_each_alone_in_both_variants()
    {
        AttentionShape shape = new(9, 3, 64, 0.125f, 0);
        const int Count = 64;
        Seeded random = new(62);
        Pages[] pages = new Pages[Count];
        try
        {
            PagedSequence[] sequences = new PagedSequence[Count];
            for (int i = 0; i < Count; i++)
            {
                int length = 1 + random.Below(100);
                pages[i] = new Pages(length + 1, 3, 64);
                PagedSequence[] prompt = [new() { Row = 0, Rows = length, Start = 0, Pages = pages[i].Table }];
                PagedAttention.Write(shape, prompt, random.Array(length * 192), random.Array(length * 192));
                sequences[i] = new() { Row = i, Rows = 1, Start = length, Pages = pages[i].Table };
            }
            float[] q = random.Array(Count * 576);
            float[] y = new float[q.Length];
            float[] scalar = new float[q.Length];
            PagedAttention.Write(shape, sequences, random.Array(Count * 192), random.Array(Count * 192));
            PagedAttention.Forward(shape, sequences, q, y);
            Assert.True(Reduce.AllFinite(y));
            PagedAttention.Forward<ScalarTiles>(shape, sequences, q, scalar);
            Near.Same(scalar, y, "variants");
            if (KernelPath.Available.Contains(KernelVariant.Avx512))
            {
                PagedAttention.Forward<Avx2Tiles>(shape, sequences, q, scalar);
                Near.Same(scalar, y, "variants, 256 bits");
                PagedAttention.Forward<Avx512Tiles>(shape, sequences, q, scalar);
                Near.Same(scalar, y, "variants, 512 bits");
            }
            float[] alone = new float[576];
            for (int i = 0; i < Count; i++)
            {
                PagedSequence[] one = [new() { Row = 0, Rows = 1, Start = sequences[i].Start, Pages = sequences[i].Pages }];
                PagedAttention.Forward(shape, one, q.AsSpan(i * 576, 576), alone);
                Near.Same(alone, y.AsSpan(i * 576, 576), $"row {i}");
            }
        }
        finally
        {
            foreach (Pages? p in pages)
            {
                p?.Dispose();
            }
        }
    }

    [Fact]
    public void Page_holds_keys_by_element_and_values_by_position()
    {
        AttentionShape shape = new(4, 2, 12, 1, 0);
        using Pages pages = new(64, 2, 12);
        Seeded random = new(63);
        float[] k = random.Array(40 * 24);
        float[] v = random.Array(40 * 24);
        PagedSequence[] sequences = [new() { Row = 0, Rows = 40, Start = 5, Pages = pages.Table }];
        PagedAttention.Write(shape, sequences, k, v);
        for (int i = 0; i < 40; i++)
        {
            float* page = pages.Table[(i + 5) / 32];
            int slot = (i + 5) % 32;
            for (int h = 0; h < 2; h++)
            {
                for (int d = 0; d < 12; d++)
                {
                    Assert.Equal(k[(i * 24) + (h * 12) + d], page[(((h * 12) + d) * 32) + slot]);
                    Assert.Equal(v[(i * 24) + (h * 12) + d], page[(2 * 12 * 32) + (((h * 32) + slot) * 12) + d]);
                }
            }
        }
        Assert.True(float.IsNaN(pages.Table[0][4]));
        Assert.True(float.IsNaN(pages.Table[1][13]));
    }
}
