using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

public static unsafe partial class LowRank
{
    private const int Lanes = TileKernel.Lanes;

    // Bytes of A to fetch ahead of the arithmetic.
    private const int Ahead = 4096;

    // Outputs whose sums stay in the first-level cache while the rows of B stream past (16 KB).
    private const int OutputBlock = 4096;

    /// <summary>Rows from ... to - 1 of one segment, in groups of up to 6; both products of a group follow each other, h never leaves the cache.</summary>
    private static void ApplyAvx2(in LowRankSegment segment, int from, int to, float* x, int inputs, float* y, int outputs)
    {
        int padded = PaddedRank(segment.Rank);
        float* h = (float*)ThreadScratch.Take(((nuint)padded * TileKernel.Most + OutputBlock) * sizeof(float));
        float* sums = h + (long)padded * TileKernel.Most;
        int r = from;
        while (r < to)
        {
            int rows = TileKernel.Next(to - r);
            Down(segment.A, padded, x + (long)(segment.Row + r) * inputs, rows, inputs, h);
            float* target = y + (long)(segment.Row + r) * outputs;
            if (rows < 3)
            {
                for (int i = 0; i < rows; i++)
                {
                    UpStream(segment, h + i * padded, RowScale(segment, r + i), sums, target + (long)i * outputs, outputs);
                }
            }
            else
            {
                UpTiles(segment, h, padded, r, rows, target, outputs);
            }
            r += rows;
        }
    }

    // h[rows, padded] = x A, sixteen ranks at a time; a single eight at the end has its own narrow loop.
    private static void Down(float* a, int padded, float* x, int rows, int inputs, float* h)
    {
        int j = 0;
        nint stride = (nint)padded * sizeof(float);
        for (; j + Lanes <= padded; j += Lanes)
        {
            TileKernel.Run<F32Element>(rows, x, inputs, (byte*)(a + j), stride, inputs, h + j, padded, load: false,
                (byte*)(a + j) + Ahead, stride);
        }
        if (j < padded)
        {
            DownEight(a + j, padded, x, rows, inputs, h + j);
        }
    }

    private static void DownEight(float* a, int padded, float* x, int rows, int inputs, float* h)
    {
        // Rows that do not exist repeat the last one: six chains cost the same time as one.
        float* x1 = x + (rows > 1 ? inputs : 0);
        float* x2 = x1 + (rows > 2 ? inputs : 0);
        float* x3 = x2 + (rows > 3 ? inputs : 0);
        float* x4 = x3 + (rows > 4 ? inputs : 0);
        float* x5 = x4 + (rows > 5 ? inputs : 0);
        Vector256<float> s0, s1, s2, s3, s4, s5;
        s0 = s1 = s2 = s3 = s4 = s5 = Vector256<float>.Zero;
        for (nint k = 0; k < inputs; k++, a += padded)
        {
            Vector256<float> factor = Avx.LoadVector256(a);
            s0 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x + k), factor, s0);
            s1 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x1 + k), factor, s1);
            s2 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x2 + k), factor, s2);
            s3 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x3 + k), factor, s3);
            s4 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x4 + k), factor, s4);
            s5 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x5 + k), factor, s5);
        }
        // The chains that repeat the last row write the same bits to the same place.
        Avx.Store(h + Math.Min(5, rows - 1) * padded, s5);
        Avx.Store(h + Math.Min(4, rows - 1) * padded, s4);
        Avx.Store(h + Math.Min(3, rows - 1) * padded, s3);
        Avx.Store(h + Math.Min(2, rows - 1) * padded, s2);
        Avx.Store(h + Math.Min(1, rows - 1) * padded, s1);
        Avx.Store(h, s0);
    }

    // One row: B is read straight through, four of its rows at a time, because a cold B is bound by memory; sums are stored and loaded between.
    private static void UpStream(in LowRankSegment segment, float* h, float scale, float* sums, float* y, int outputs)
    {
        int whole = outputs / 8 * 8;
        for (int o = 0; o < whole; o += OutputBlock)
        {
            int count = Math.Min(OutputBlock, whole - o);
            if (segment.Bias is null)
            {
                new Span<float>(sums, count).Clear();
            }
            else
            {
                new Span<float>(segment.Bias + o, count).CopyTo(new Span<float>(sums, count));
            }
            float* b = segment.B + o;
            int j = 0;
            for (; j + 4 <= segment.Rank; j += 4, b += 4L * outputs)
            {
                AddFour(h + j, b, outputs, sums, count);
            }
            for (; j < segment.Rank; j++, b += outputs)
            {
                AddOne(h[j], b, sums, count);
            }
            AddOne(scale, sums, y + o, count);
        }
        AddScalar(segment, h, scale, whole, y, outputs);
    }

    private static void AddFour(float* h, float* b, nint stride, float* sums, int count)
    {
        Vector256<float> h0 = Vector256.Create(h[0]);
        Vector256<float> h1 = Vector256.Create(h[1]);
        Vector256<float> h2 = Vector256.Create(h[2]);
        Vector256<float> h3 = Vector256.Create(h[3]);
        float* b1 = b + stride;
        float* b2 = b1 + stride;
        float* b3 = b2 + stride;
        for (nint o = 0; o < count; o += 8)
        {
            Vector256<float> sum = Fma.MultiplyAdd(h0, Avx.LoadVector256(b + o), Avx.LoadVector256(sums + o));
            sum = Fma.MultiplyAdd(h1, Avx.LoadVector256(b1 + o), sum);
            sum = Fma.MultiplyAdd(h2, Avx.LoadVector256(b2 + o), sum);
            sum = Fma.MultiplyAdd(h3, Avx.LoadVector256(b3 + o), sum);
            Avx.Store(sums + o, sum);
        }
    }

    // to += factor * from
    private static void AddOne(float factor, float* from, float* to, int count)
    {
        Vector256<float> value = Vector256.Create(factor);
        for (nint o = 0; o < count; o += 8)
        {
            Avx.Store(to + o, Fma.MultiplyAdd(value, Avx.LoadVector256(from + o), Avx.LoadVector256(to + o)));
        }
    }

    // Three rows and more: tiles of 16 outputs, B's rows being the panel's ks.
    private static void UpTiles(in LowRankSegment segment, float* h, int padded, int row, int rows, float* y, int outputs)
    {
        float* tile = stackalloc float[TileKernel.Most * Lanes];
        int whole = outputs / Lanes * Lanes;
        for (int o = 0; o < whole; o += Lanes)
        {
            bool load = segment.Bias is not null;
            for (int r = 0; load && r < rows; r++)
            {
                Buffer.MemoryCopy(segment.Bias + o, tile + r * Lanes, Lanes * sizeof(float), Lanes * sizeof(float));
            }
            TileKernel.Run<F32Element>(
                rows, h, padded, (byte*)(segment.B + o), (nint)outputs * sizeof(float), segment.Rank, tile, Lanes, load,
                (byte*)(segment.B + o + Lanes), (nint)outputs * sizeof(float));
            for (int r = 0; r < rows; r++)
            {
                AddOne(RowScale(segment, row + r), tile + r * Lanes, y + (long)r * outputs + o, Lanes);
            }
        }
        for (int r = 0; r < rows && whole < outputs; r++)
        {
            AddScalar(segment, h + r * padded, RowScale(segment, row + r), whole, y + (long)r * outputs, outputs);
        }
    }
}
