using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Flora;

/// <summary>The checks 1 to 5 of FLoRA's card, on one layer.</summary>
public sealed class FloraSiteTests
{
    private const int Outputs = 37, Inputs = 26, Rows = 9;
    private static readonly FloraForm Mean = new(FloraMode.Direct, FloraReduction.Mean);
    private static readonly FloraForm Sum = new(FloraMode.Direct, FloraReduction.Sum);

    [Theory]
    [Trait("Card", "FLoRA 1")]
    [InlineData(1, true)]
    [InlineData(1, false)]
    [InlineData(4, true)]
    [InlineData(4, false)]
    [InlineData(8, true)]
    public void The_start_is_the_base(int rank, bool mean)
    {
        using LayerBench bench = new(Outputs, Inputs);
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs);
        FloraForm form = mean ? Mean : Sum;
        FloraFactors start = FloraFactors.Start(form, rank, Outputs, Inputs, LayerBench.Normal(2, "eps", rank * Inputs, 0.02f));
        using Adapter adapter = bench.Adapt(Site(start));
        float[] plain = bench.Forward(x, Rows, null);
        float[] got = bench.Forward(x, Rows, adapter);
        if (rank == 1)
        {
            Assert.Equal(plain, got);
        }
        Assert.InRange(Bench.Difference(got, plain), 0, 1e-6);
        Assert.InRange(Bench.Difference(bench.Forward(x, Rows, adapter, own: true), plain), 0, 1e-6);
    }

    [Fact]
    [Trait("Card", "FLoRA 1")]
    public void At_the_start_gradients_of_the_components_differ_in_A_and_agree_in_B()
    {
        using LayerBench bench = new(Outputs, Inputs);
        FloraFactors start = FloraFactors.Start(Mean, 4, Outputs, Inputs, LayerBench.Normal(2, "eps", 4 * Inputs, 0.02f));
        FloraSite site = Site(start);
        using Adapter adapter = bench.Adapt(site);
        bench.Backward(LayerBench.Normal(1, "x", Rows * Inputs), Rows, adapter, LayerBench.Normal(3, "gy", Rows * Outputs));
        Tensor dA = site.A.Gradient, dB = site.B.Gradient;
        float[] first = Column(dA, 0), second = Column(dA, 1);
        Assert.True(Bench.Difference(first, second) > 1e-3);
        Assert.InRange(Bench.Difference(dB.Row(0), dB.Row(1)), 0, 1e-6);
        // Once A has moved, B's parts too.
        Bench.Descend(adapter, 0.01f);
        bench.Backward(LayerBench.Normal(1, "x", Rows * Inputs), Rows, adapter, LayerBench.Normal(3, "gy", Rows * Outputs));
        Assert.True(Bench.Difference(site.B.Gradient.Row(0), site.B.Gradient.Row(1)) > 1e-6);
    }

    [Theory]
    [Trait("Card", "FLoRA 2")]
    [InlineData(1, 0, true)]
    [InlineData(2, 0, false)]
    [InlineData(4, 1, true)]
    [InlineData(8, 1, true)]
    [InlineData(1, 2, true)]
    [InlineData(4, 2, true)]
    public void Factored_is_dense_and_merged_and_converted(int rank, int kind, bool bias)
    {
        using LayerBench bench = new(Outputs, Inputs, bias);
        FloraForm form = kind switch { 0 => Mean, 1 => Sum, _ => new FloraForm(FloraMode.Residual, FloraReduction.Sum, 0.7f) };
        FloraFactors factors = Factors(form, rank, 5);
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs);
        float[] merged = [.. bench.Weight];
        factors.Merge(merged);
        float[] mask = factors.Mask();
        for (int i = 0; i < mask.Length; i++)
        {
            Assert.Equal(bench.Weight[i] * mask[i], merged[i], 1e-5f);
        }
        float[] expected = bench.Dense(x, Rows, merged);
        foreach (FloraFactors same in new[] { factors, factors.ToResidual(), factors.ToDirectSum(), factors.Rebalanced(), factors.ToResidual().ToDirectSum() })
        {
            using Adapter adapter = bench.Adapt(Site(same));
            Assert.InRange(Bench.Difference(bench.Forward(x, Rows, adapter), expected), 0, 1e-5);
            Assert.InRange(Bench.Difference(bench.Forward(x, Rows, adapter, own: true), expected), 0, 1e-5);
            float[] weight = [.. bench.Weight], noBias = new float[Outputs];
            Assert.True(adapter[bench.Model.Layer]!.Merge(bench.Model.Layer, weight, noBias));
            Assert.InRange(Bench.Difference(weight, merged), 0, 1e-5);
            Assert.All(noBias, b => Assert.Equal(0f, b));
        }
    }

    [Fact]
    [Trait("Card", "FLoRA 4")]
    public void B_of_ones_scales_the_outputs_as_IA3()
    {
        using LayerBench bench = new(Outputs, Inputs, bias: false);
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs), scale = LayerBench.Normal(4, "l", Outputs), ones = new float[Inputs];
        Array.Fill(ones, 1f);
        using Adapter adapter = bench.Adapt(Site(new FloraFactors(Mean, 1, scale, ones)));
        float[] expected = bench.Forward(x, Rows, null);
        for (int i = 0; i < expected.Length; i++)
        {
            expected[i] *= scale[i % Outputs];
        }
        Assert.InRange(Bench.Difference(bench.Forward(x, Rows, adapter), expected), 0, 1e-6);
    }

    [Fact]
    [Trait("Card", "FLoRA 3")]
    public void Every_row_of_a_batch_of_many_adapters_has_the_bits_of_its_lone_run()
    {
        using LayerBench bench = new(Outputs, Inputs);
        Adapter?[] adapters = new Adapter?[64];
        for (int i = 0; i < adapters.Length; i++)
        {
            FloraForm form = (i % 3) switch { 0 => Mean, 1 => Sum, _ => FloraForm.Hira };
            adapters[i] = i % 7 == 6 ? null : bench.Adapt(Site(Factors(form, 1 + (i % 8), (ulong)i)));
        }
        float[] x = LayerBench.Normal(1, "x", 64 * Inputs);
        float[] all = bench.Forward(x, adapters);
        int[] order = [.. Enumerable.Range(0, 64).Select(i => (i * 29) % 64)];
        float[] permuted = bench.Forward([.. order.SelectMany(i => x[(i * Inputs)..((i + 1) * Inputs)])], [.. order.Select(i => adapters[i])]);
        for (int i = 0; i < 64; i++)
        {
            float[] alone = bench.Forward(x[(i * Inputs)..((i + 1) * Inputs)], 1, adapters[i]);
            Assert.Equal(alone, all[(i * Outputs)..((i + 1) * Outputs)]);
            int place = Array.IndexOf(order, i);
            Assert.Equal(alone, permuted[(place * Outputs)..((place + 1) * Outputs)]);
        }
        foreach (Adapter? adapter in adapters)
        {
            adapter?.Dispose();
        }
    }

    [Theory]
    [Trait("Card", "FLoRA 5")]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Gradients_equal_finite_differences(int kind)
    {
        using LayerBench bench = new(12, 10);
        FloraForm form = kind switch { 0 => Mean, 1 => Sum, _ => FloraForm.Hira };
        FloraSite site = Site(FactorsOf(form, 3, 12, 10, 8));
        using Adapter adapter = bench.Adapt(site);
        GradientCheck.Run(bench, adapter, 4);
    }

    private static float[] Column(in Tensor matrix, int column)
    {
        float[] values = new float[matrix.Rows];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = matrix.Row(i)[column];
        }
        return values;
    }

    private static FloraFactors Factors(FloraForm form, int rank, ulong seed) => FactorsOf(form, rank, Outputs, Inputs, seed);

    private static FloraFactors FactorsOf(FloraForm form, int rank, int outputs, int inputs, ulong seed) =>
        new(form, rank, LayerBench.Normal(seed, "A", rank * outputs), LayerBench.Normal(seed, "B", rank * inputs));

    private static FloraSite Site(FloraFactors factors)
    {
        float[] a = new float[factors.A.Length];
        for (int j = 0; j < factors.Rank; j++)
        {
            for (int o = 0; o < factors.Outputs; o++)
            {
                a[(o * factors.Rank) + j] = factors.A[(j * factors.Outputs) + o];
            }
        }
        return new FloraSite(LayerBench.Matrix("A", a, factors.Outputs), LayerBench.Matrix("B", factors.B, factors.Rank), factors.Form);
    }
}
