using Lorikeet.Kernels;
using Lorikeet.Tensors.LinearAlgebra;
using Lorikeet.Testing;

namespace Lorikeet.Tensors.Tests;

/// <summary>SLTrain's card on single matrices.</summary>
public sealed class FactoredWeightTests
{
    private const int Outputs = 24, Inputs = 18, Rank = 3;

    [Fact]
    [Trait("Card", "SLTrain 1")]
    public void It_starts_as_its_sparse_part_alone()
    {
        using FactoredWeight weight = Make(1);
        using Run run = new();
        Tensor x = Random(run, 5, Inputs, 2);
        float[] y = Linear.Forward(run, weight.Prepare(run, x), weight).Span.ToArray();
        long[] places = weight.Sparse!.Positions();
        for (int i = 0; i < 5; i++)
        {
            for (int o = 0; o < Outputs; o++)
            {
                double sum = 0;
                for (int e = 0; e < places.Length; e++)
                {
                    sum += places[e] / Inputs == o ? (double)weight.Sparse.Values.Value.Span[e] * x.Row(i)[(int)(places[e] % Inputs)] : 0;
                }
                Assert.Equal(sum, y[(i * Outputs) + o], 1e-6);
            }
        }
        Assert.All(weight.B.ToArray(), v => Assert.Equal(0f, v));
        float bound = 1f / MathF.Sqrt(Inputs);
        Assert.All(weight.A.ToArray().Concat(weight.Sparse.Values.Value.Span.ToArray()), v => Assert.InRange(v, -bound, bound));
    }

    [Theory]
    [Trait("Card", "SLTrain 2")]
    [InlineData(0.1)]
    [InlineData(0.77)]
    public void It_has_the_promised_numbers_at_distinct_places_that_follow_from_the_seed(double density)
    {
        using FactoredWeight weight = Make(1, density), again = Make(1, density), other = Make(2, density);
        int entries = (int)(density * Outputs * Inputs);
        Assert.Equal((Rank * (Outputs + Inputs)) + entries, weight.Count);
        Assert.Equal(weight.Count, weight.Parameters.Sum(p => p.Value.Shape.Length));
        long[] places = weight.Sparse!.Positions();
        Assert.Equal(entries, places.Distinct().Count());
        Assert.Equal(places.Order(), places);
        Assert.InRange(places[^1], 0, (Outputs * Inputs) - 1);
        Assert.Equal(places, again.Sparse!.Positions());
        Assert.NotEqual(places, other.Sparse!.Positions());
    }

    [Fact]
    public void A_sample_is_uniform()
    {
        const int All = 40, Count = 12, Draws = 4000;
        int[] hits = new int[All];
        for (int draw = 0; draw < Draws; draw++)
        {
            foreach (long place in SparseEntries.Sample(new CounterRandom((ulong)draw), Count, All))
            {
                hits[place]++;
            }
        }
        // 1200 expected at each place; the deviation is 29.
        Assert.All(hits, h => Assert.InRange(h, 1060, 1340));
        Assert.Equal(Enumerable.Range(0, 9).Select(i => (long)i), SparseEntries.Sample(new CounterRandom(1), 9, 9));
        Assert.Empty(SparseEntries.Sample(new CounterRandom(1), 0, 9));
    }

    [Fact]
    [Trait("Card", "SLTrain 3")]
    public void Gradients_by_the_cheap_forms_are_those_of_finite_differences()
    {
        long[] places = SparseEntries.Sample(new CounterRandom(3), 40, Outputs * Inputs);
        new GradientCheck(
            "sparse plus low-rank",
            [GradientInput.Of(7, Inputs), GradientInput.Of(Rank, Inputs), GradientInput.Of(Outputs, Rank), GradientInput.Of(places.Length), GradientInput.Of(1)],
            (run, p) =>
            {
                FactoredWeight weight = new(new TrainableWeight(p[1]), new TrainableWeight(p[2]), 0, new SparseEntries(places, p[3], Outputs, Inputs), p[4]);
                return Linear.Forward(run, new Prepared(run.Use(p[0])), weight);
            },
            p => Oracle.Linear(p[0], Dense(p[1], p[2], p[3], places, Math.Tanh(p[4][0])), Outputs)).Run();
        new GradientCheck(
            "low-rank",
            [GradientInput.Of(7, Inputs), GradientInput.Of(Rank, Inputs), GradientInput.Of(Outputs, Rank)],
            (run, p) => Linear.Forward(run, new Prepared(run.Use(p[0])), new FactoredWeight(new TrainableWeight(p[1]), new TrainableWeight(p[2]), 1.7f)),
            p => Oracle.Linear(p[0], Dense(p[1], p[2], [], [], 1.7f), Outputs)).Run();
    }

    [Fact]
    [Trait("Card", "SLTrain 3")]
    public void Gradients_by_the_cheap_forms_are_those_of_the_dense_route()
    {
        using FactoredWeight weight = Make(1);
        new CounterRandom(5).FillNormal(weight.Parameters[1].Value.Span, 0.3f);
        using TrainableWeight dense = new(new Parameter("dense", Filled(weight.ToArray(), Outputs, Inputs)));
        using Run run = new();
        Tensor x = Random(run, 50, Inputs, 6), dy = Random(run, 50, Outputs, 7);
        weight.AddGradient(run, dy, x);
        dense.AddGradient(run, dy, x);
        float[] g = dense.Parameter.Gradient.Span.ToArray();
        float[] dA = new float[Rank * Inputs], dB = new float[Outputs * Rank];
        MatrixProduct.Multiply(weight.B.ToArray(), true, g, false, dA, Rank, Inputs, Outputs, weight.Scale);
        MatrixProduct.Multiply(g, false, weight.A.ToArray(), true, dB, Outputs, Rank, Inputs, weight.Scale);
        Near(dA, weight.Parameters[0].Gradient.Span);
        Near(dB, weight.Parameters[1].Gradient.Span);
        Near([.. weight.Sparse!.Positions().Select(p => g[p])], weight.Sparse.Values.Gradient.Span);

        static void Near(float[] expected, ReadOnlySpan<float> got)
        {
            float largest = expected.Max(Math.Abs);
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.True(Math.Abs(expected[i] - got[i]) <= 1e-4f * largest, $"element {i}: {got[i]}, {expected[i]} expected");
            }
        }
    }

    [Fact]
    [Trait("Card", "SLTrain 4")]
    public void Steps_never_touch_other_places()
    {
        using FactoredWeight weight = Make(1);
        HashSet<long> places = [.. weight.Sparse!.Positions()];
        using Run run = new();
        for (int step = 0; step < 30; step++)
        {
            weight.AddGradient(run, Random(run, 9, Outputs, 100 + step), Random(run, 9, Inputs, 200 + step));
            foreach (Parameter parameter in weight.Parameters)
            {
                Elementwise.AddScaled(-0.05f, parameter.Gradient.Span, parameter.Value.Span);
                parameter.ClearGradient();
            }
        }
        float[] all = weight.ToArray(), product = new float[all.Length];
        MatrixProduct.Multiply(weight.B.ToArray(), false, weight.A.ToArray(), false, product, Outputs, Inputs, Rank, weight.Scale);
        Assert.All(Enumerable.Range(0, all.Length).Where(i => !places.Contains(i)), i => Assert.Equal(product[i], all[i]));
        Assert.Contains(places, p => all[p] != product[p]);
        Assert.Contains(product, v => v != 0);
    }

    [Fact]
    [Trait("Card", "SLTrain 5")]
    public void The_merged_matrix_multiplies_like_its_parts()
    {
        using FactoredWeight weight = Make(1);
        new CounterRandom(5).FillNormal(weight.Parameters[1].Value.Span, 0.3f);
        using DenseWeight merged = new(weight.ToArray(), Outputs, Inputs);
        using FactoredWeight frozen = (FactoredWeight)weight.ToFrozen(ElementType.F32);
        using FactoredWeight again = (FactoredWeight)frozen.ToTrainable("layer.weight");
        Assert.False(frozen.Trains);
        Assert.Equal(["layer.lora_A", "layer.lora_B", "layer.sparse_value"], again.Parameters.Select(p => p.Name));
        float[] row = new float[Inputs];
        weight.Read(3, row);
        Assert.Equal(merged.ToArray().AsSpan(3 * Inputs, Inputs).ToArray(), row, (a, b) => Math.Abs(a - b) <= 1e-6f);
        using Run run = new();
        Tensor x = Random(run, 40, Inputs, 6), dy = Random(run, 40, Outputs, 7);
        float[] y = Linear.Forward(run, new Prepared(x), merged).Span.ToArray(), dx = Back(merged);
        foreach (FactoredWeight parts in (FactoredWeight[])[weight, frozen, again])
        {
            Assert.Equal(y, Linear.Forward(run, new Prepared(x), parts).Span.ToArray(), (a, b) => Math.Abs(a - b) <= 1e-5f);
            Assert.Equal(dx, Back(parts), (a, b) => Math.Abs(a - b) <= 1e-5f);
        }

        float[] Back(Weight own)
        {
            Tensor to = run.Allocate(40, Inputs);
            own.MultiplyTransposed(run, dy, to, accumulate: false);
            return to.Span.ToArray();
        }
    }

    [Fact]
    [Trait("Card", "SLTrain 6")]
    public void The_sparse_part_brings_the_full_rank()
    {
        // delta = 0.25 is above ln(24) / 18 = 0.18.
        using FactoredWeight weight = Make(1, 0.25);
        new CounterRandom(5).FillNormal(weight.Parameters[1].Value.Span, 0.3f);
        float[] product = new float[Outputs * Inputs];
        MatrixProduct.Multiply(weight.B.ToArray(), false, weight.A.ToArray(), false, product, Outputs, Inputs, Rank, weight.Scale);
        Assert.Equal(Rank, NumericalRank(product));
        Assert.Equal(Inputs, NumericalRank(weight.ToArray()));

        static int NumericalRank(float[] matrix)
        {
            double[] s = Svd.Thin(Matrix64.Of(Outputs, Inputs, matrix.AsSpan())).S;
            return s.Count(v => v > 1e-5 * s[0]);
        }
    }

    [Fact]
    public void Places_that_make_no_sense_are_refused()
    {
        using Parameter values = new("v", Storage.Zeros(new Shape(2)));
        foreach (long[] places in (long[][])[[3, 3], [4, 1], [0, 12], [-1, 2], [1]])
        {
            Assert.Throws<ArgumentException>(() => new SparseEntries(places, values, 3, 4));
        }
    }

    private static FactoredWeight Make(ulong seed, double density = 0.1) =>
        FactoredWeight.SparseStart("m.", new CounterRandom(seed), Outputs, Inputs, Rank, 0.8f, density);

    private static double[] Dense(double[] a, double[] b, double[] values, long[] places, double scale)
    {
        double[] dense = Oracle.Product(b, false, a, false, Outputs, Inputs, Rank, scale);
        for (int e = 0; e < places.Length; e++)
        {
            dense[places[e]] += values[e];
        }
        return dense;
    }

    private static Tensor Filled(float[] values, int rows, int width)
    {
        Tensor tensor = Storage.Zeros(new Shape(rows, width));
        values.CopyTo(tensor.Span);
        return tensor;
    }

    private static Tensor Random(Run run, int rows, int width, int seed)
    {
        Tensor tensor = run.Allocate(rows, width);
        new CounterRandom((ulong)seed).FillNormal(tensor.Span, 1f);
        return tensor;
    }
}
