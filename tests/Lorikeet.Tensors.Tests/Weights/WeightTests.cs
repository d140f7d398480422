using Lorikeet.Kernels;

namespace Lorikeet.Tensors.Tests;

public sealed class WeightTests
{
    [Theory]
    [InlineData(ElementType.F32, 0)]
    [InlineData(ElementType.BF16, 1 / 256.0)]
    [InlineData(ElementType.F16, 1 / 2048.0)]
    public void A_packed_weight_reads_and_multiplies_like_its_rows(ElementType type, double rounding)
    {
        const int Outputs = 37, Inputs = 29, Rows = 5;
        float[] values = new float[Outputs * Inputs];
        new CounterRandom(1).FillUniform(values, -1f, 1f);
        long before = Storage.LiveBytes;
        using (DenseWeight weight = new(values, Outputs, Inputs, type))
        {
            Assert.Equal(before + weight.Bytes, Storage.LiveBytes);
            float[] kept = weight.ToArray();
            Assert.All(kept, (v, i) => Assert.True(Math.Abs(v - values[i]) <= rounding * Math.Abs(values[i]) + (rounding * 1e-3)));
            Assert.False(weight.Trains);
            using Run run = new();
            using TrainableWeight copy = TrainableWeight.Copy("copy", weight);
            Tensor x = run.Allocate(Rows, Inputs), dy = run.Allocate(Rows, Outputs);
            new CounterRandom(2).FillUniform(x.Span, -1f, 1f);
            new CounterRandom(3).FillUniform(dy.Span, -1f, 1f);
            Assert.Equal(Linear.Forward(run, new Prepared(x), copy).Span.ToArray(), Linear.Forward(run, new Prepared(x), weight).Span.ToArray(), Near);
            foreach (bool accumulate in (bool[])[false, true])
            {
                Tensor a = run.Allocate(Rows, Inputs), b = run.Allocate(Rows, Inputs);
                a.Span.Fill(accumulate ? 0.5f : float.NaN);
                b.Span.Fill(accumulate ? 0.5f : float.NaN);
                weight.MultiplyTransposed(run, dy, a, accumulate);
                copy.MultiplyTransposed(run, dy, b, accumulate);
                Assert.Equal(b.Span.ToArray(), a.Span.ToArray(), Near);
            }
            Assert.Contains("is frozen", Assert.Throws<InvalidOperationException>(() => weight.AddGradient(run, dy, x)).Message);
        }
        Assert.Equal(before, Storage.LiveBytes);
    }

    [Fact]
    public void A_weight_whose_source_is_too_short_leaves_no_memory_behind()
    {
        long before = Storage.LiveBytes;
        Assert.ThrowsAny<ArgumentException>(() => new DenseWeight(new float[10], 4, 3));
        Assert.Equal(before, Storage.LiveBytes);
    }

    private static bool Near(float a, float b) => MathF.Abs(a - b) <= 1e-5f;
}
