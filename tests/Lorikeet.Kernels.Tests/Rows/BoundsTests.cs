namespace Lorikeet.Kernels.Tests.Rows;

public sealed class BoundsTests
{
    [Fact]
    public void No_kernel_reads_or_writes_past_a_span()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }
        for (int n = 1; n <= 70; n++)
        {
            using GuardedFloats xs = new(n), ys = new(n), zs = new(n), ws = new(n), vs = new(n);
            Span<float> x = xs.Span, y = ys.Span, z = zs.Span, w = ws.Span, v = vs.Span;
            float[] one = new float[1];
            x.Fill(1);
            y.Fill(1);
            Elementwise.Add(x, y, z);
            Elementwise.MultiplyAdd(x, y, z);
            Elementwise.Scale(x, 2, z);
            Elementwise.GeluBackward(x, y, z, true);
            Elementwise.SwiGluBackward(x, y, z, w, v);
            Elementwise.AddRow(x, y, n);
            Reduce.Sum(x);
            Reduce.Dot(x, y);
            Reduce.SumOfSquares(x);
            Reduce.ArgMax(x);
            Reduce.AllFinite(x);
            Reduce.SumColumns(x, n, z, true);
            Reduce.DotColumns(x, y, n, z, false);
            Softmax.Rows(x, n, z);
            Softmax.RowsBackward(z, x, n, w);
            Softmax.LogSumExpRows(x, n, one);
            CrossEntropy.Rows(z, n, [0], [], one, true);
            Norms.RmsNorm(x, y, 1e-5f, n, z, one);
            Norms.RmsNormBackward(x, y, one, z, n, w, v, true);
            Norms.LayerNorm(x, y, w, 1e-5f, n, z, [], []);
            Norms.LayerNormBackward(x, y, one, one, z, n, w, v, [], false);
            using GuardedFloats cs = new(n / 2), sn = new(n / 2);
            Rope.Apply(x, 1, 1, n, cs.Span, sn.Span, n & ~1);
            Rope.Apply(x, 1, 1, n, cs.Span, sn.Span, n & ~1, false, true);
        }
    }

    [Theory]
    [InlineData(2, 1, 20, 45)]
    [InlineData(3, 3, 9, 33)]
    [InlineData(4, 2, 64, 7)]
    public void Attention_stays_inside_its_rows(int heads, int keyHeads, int headDim, int rows)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }
        AttentionShape shape = new(heads, keyHeads, headDim, 0.2f, 0);
        int qs = rows * heads * headDim, ks = rows * keyHeads * headDim;
        using GuardedFloats q = new(qs), k = new(ks), v = new(ks), y = new(qs), log = new(rows * heads), dy = new(qs), dq = new(qs), dk = new(ks), dv = new(ks);
        Attention.Forward(shape, AttentionTests.Sequences(rows), q.Span, k.Span, v.Span, y.Span, log.Span);
        Attention.Backward(
            shape, AttentionTests.Sequences(rows), q.Span, k.Span, v.Span, y.Span, log.Span, dy.Span, dq.Span, dk.Span, dv.Span);
        Assert.True(Reduce.AllFinite(y.Span) && Reduce.AllFinite(dk.Span));
    }
}
