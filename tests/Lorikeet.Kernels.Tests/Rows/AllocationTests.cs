namespace Lorikeet.Kernels.Tests.Rows;

[Collection(TeamCollection.Name)]
public sealed class AllocationTests
{
    [Fact]
    public void Warm_kernels_allocate_nothing()
    {
        Seeded random = new(71);
        AttentionShape shape = new(6, 2, 32, 0.2f, 0);
        const int Rows = 130;
        float[] x = random.Array(Rows * 192);
        float[] dy = random.Array(x.Length);
        float[] y = new float[x.Length];
        float[] dx = new float[x.Length];
        float[] k = random.Array(Rows * 64);
        float[] v = random.Array(Rows * 64);
        float[] dk = new float[k.Length];
        float[] dv = new float[k.Length];
        float[] log = new float[Rows * 6];
        float[] weight = random.Array(192);
        float[] dWeight = new float[192];
        float[] stats = new float[Rows];
        int[] targets = new int[Rows];
        AttentionSequence[] sequences = AttentionTests.Sequences(100, 30);
        void Step()
        {
            Elementwise.Add(x, dy, y);
            Elementwise.Silu(x, y);
            Elementwise.SiluBackward(x, dy, dx, true);
            Elementwise.SwiGluBackward(x, y, dy, dx, y);
            Reduce.SumDouble(x);
            Reduce.SumColumns(x, 192, dWeight, false);
            Norms.RmsNorm(x, weight, 1e-5f, 192, y, stats);
            Norms.RmsNormBackward(x, weight, stats, dy, 192, dx, dWeight, false);
            Softmax.Rows(x, 192, y);
            CrossEntropy.Rows(y, 192, targets, [], stats, true);
            Attention.Forward(shape, sequences, x, k, v, y, log);
            Attention.Backward(shape, sequences, x, k, v, y, log, dy, dx, dk, dv);
        }
        for (int i = 0; i < 50; i++)
        {
            Step();
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
        {
            Step();
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Threads_change_no_bit()
    {
        Seeded random = new(72);
        const int Width = 300;
        float[] x = random.Array(500 * Width, 3);
        float[] dy = random.Array(x.Length);
        float[] weight = random.Array(Width);
        float[]? first = null;
        int threads = Team.Shared.Threads;
        try
        {
            foreach (int team in new[] { 1, 2, 3 })
            {
                Team.Use(team);
                float[] all = new float[(4 * x.Length) + (3 * Width) + 500 + 2];
                Span<float> rest = all;
                Elementwise.Gelu(x, Take(ref rest, x.Length));
                Softmax.Rows(x, Width, Take(ref rest, x.Length));
                Span<float> y = Take(ref rest, x.Length);
                Span<float> inverse = Take(ref rest, 500);
                Norms.RmsNorm(x, weight, 1e-5f, Width, y, inverse);
                Norms.RmsNormBackward(x, weight, inverse, dy, Width, Take(ref rest, x.Length), Take(ref rest, Width), false);
                Reduce.SumColumns(x, Width, Take(ref rest, Width), false);
                Reduce.DotColumns(x, dy, Width, Take(ref rest, Width), false);
                rest[0] = Reduce.Sum(x);
                rest[1] = Reduce.Dot(x, dy);
                first ??= all;
                Near.Same(first, all, $"{team} threads");
            }
        }
        finally
        {
            Team.Use(threads);
        }
    }

    private static Span<float> Take(ref Span<float> rest, int length)
    {
        Span<float> taken = rest[..length];
        rest = rest[length..];
        return taken;
    }
}
