using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Nola;

/// <summary>The checks 1 to 3 and 5 of NOLA's card, on one layer.</summary>
public sealed class NolaSiteTests
{
    private const int Outputs = 40, Inputs = 24, Rows = 7, Rank = 4, K = 12, L = 9;

    [Fact]
    [Trait("Card", "NOLA 1")]
    public void The_start_is_the_base_bit_for_bit_and_only_beta_moves_first()
    {
        using LayerBench bench = new(Outputs, Inputs);
        NolaSite site = Site(new float[K], new float[L]);
        using Adapter adapter = bench.Adapt(site);
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs);
        Assert.Equal(bench.Forward(x, Rows, null), bench.Forward(x, Rows, adapter));
        Assert.Equal(bench.Forward(x, Rows, null), bench.Forward(x, Rows, adapter, own: true));
        bench.Backward(x, Rows, adapter, LayerBench.Normal(2, "gy", Rows * Outputs));
        Bench.Descend(adapter, 0.1f);
        Assert.All(site.Alpha.Value.Span.ToArray(), a => Assert.Equal(0f, a));
        Assert.Contains(site.Beta.Value.Span.ToArray(), b => b != 0f);
    }

    [Fact]
    [Trait("Card", "NOLA 2")]
    public void Expanded_factors_are_the_sum_over_the_basis_and_merged_is_unmerged()
    {
        using LayerBench bench = new(Outputs, Inputs);
        NolaSite site = Site(LayerBench.Normal(3, "alpha", K), LayerBench.Normal(3, "beta", L));
        using Adapter adapter = bench.Adapt(site);
        (Tensor a, Tensor b) = site.Expand();
        Assert.InRange(Bench.Difference(a.Span, Explicit(site.BasisA, site.Alpha)), 0, 1e-6);
        Assert.InRange(Bench.Difference(b.Span, Explicit(site.BasisB, site.Beta)), 0, 1e-6);
        a.Free();
        b.Free();
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs), merged = [.. bench.Weight];
        Assert.True(site.Merge(bench.Model.Layer, merged, new float[Outputs]));
        float[] expected = bench.Dense(x, Rows, merged);
        Assert.InRange(Bench.Difference(bench.Forward(x, Rows, adapter), expected), 0, 1e-5);
        Assert.InRange(Bench.Difference(bench.Forward(x, Rows, adapter, own: true), expected), 0, 1e-5);
    }

    [Fact]
    [Trait("Card", "NOLA 3")]
    public void Gradients_are_products_with_the_basis_and_equal_finite_differences()
    {
        using LayerBench bench = new(Outputs, Inputs);
        NolaSite site = Site(LayerBench.Normal(3, "alpha", K), LayerBench.Normal(3, "beta", L));
        using Adapter adapter = bench.Adapt(site);
        GradientCheck.Run(bench, adapter, Rows);
        // The same layer as LoRA with the expanded factors gives dA and dB.
        (Tensor a, Tensor b) = site.Expand();
        using Parameter loraA = new("A", a), loraB = new("B", b);
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs), gy = LayerBench.Normal(2, "gy", Rows * Outputs);
        using Adapter lora = bench.Adapt(new Plain(loraA, loraB, site.Scale), "lora");
        bench.Backward(x, Rows, lora, gy);
        bench.Backward(x, Rows, adapter, gy);
        float[] expected = Products(site.BasisA, loraA.Gradient);
        Assert.InRange(Bench.Difference(site.Alpha.Gradient.Span, expected), 0, 1e-5);
        expected = Products(site.BasisB, loraB.Gradient);
        Assert.InRange(Bench.Difference(site.Beta.Gradient.Span, expected), 0, 1e-5);
    }

    [Theory]
    [Trait("Card", "NOLA 3")]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public void A_part_of_the_basis_has_the_same_bits_however_it_is_cut(int chunk)
    {
        Shape shape = new(Rank, Inputs);
        using SeededBasis basis = new(new CounterRandom(5).Named("w.A"), K, 0.5f, shape);
        int length = (int)shape.Length;
        float[] whole = new float[K * length];
        basis.Read(0, length, whole);
        for (int first = 0; first < length; first += chunk)
        {
            int now = Math.Min(chunk, length - first);
            float[] part = new float[K * now];
            basis.Read(first, now, part);
            for (int i = 0; i < K; i++)
            {
                Assert.Equal(whole[((i * length) + first)..((i * length) + first + now)], part[(i * now)..((i + 1) * now)]);
            }
        }
    }

    [Fact]
    [Trait("Card", "NOLA 5")]
    public void Many_adapters_expand_by_one_product_to_the_bits_of_lone_expansions()
    {
        const int Adapters = 21;
        using LayerBench bench = new(Outputs, Inputs);
        List<Adapter> together = [], alone = [];
        List<SiteAdapter> sites = [];
        for (int i = 0; i < Adapters; i++)
        {
            float[] alpha = LayerBench.Normal((ulong)i, "alpha", K), beta = LayerBench.Normal((ulong)i, "beta", L);
            NolaSite site = Site(alpha, beta, seed: i % 3 == 0 ? 8UL : 5UL);
            sites.Add(site);
            together.Add(bench.Adapt(site));
            alone.Add(bench.Adapt(Site(alpha, beta, seed: i % 3 == 0 ? 8UL : 5UL)));
        }
        sites[0].PrepareTogether(sites);
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs);
        for (int i = 0; i < Adapters; i++)
        {
            Assert.Equal(bench.Forward(x, Rows, alone[i]), bench.Forward(x, Rows, together[i]));
        }
        together.ForEach(a => a.Dispose());
        alone.ForEach(a => a.Dispose());
    }

    [Fact]
    [Trait("Card", "NOLA 5")]
    public void A_basis_from_elsewhere_is_held_and_gives_the_same_layer()
    {
        using LayerBench bench = new(Outputs, Inputs);
        float[] alpha = LayerBench.Normal(3, "alpha", K), beta = LayerBench.Normal(3, "beta", L);
        NolaSite seeded = Site(alpha, beta);
        NolaSite stored = new(LayerBench.Vector("alpha", alpha), LayerBench.Vector("beta", beta), Dump(seeded.BasisA), Dump(seeded.BasisB), seeded.Scale);
        using Adapter one = bench.Adapt(seeded), two = bench.Adapt(stored);
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs), gy = LayerBench.Normal(2, "gy", Rows * Outputs);
        Assert.InRange(Bench.Difference(bench.Forward(x, Rows, two), bench.Forward(x, Rows, one)), 0, 1e-6);
        (float[] y1, float[] dx1) = bench.Backward(x, Rows, one, gy);
        (float[] y2, float[] dx2) = bench.Backward(x, Rows, two, gy);
        Assert.InRange(Bench.Difference(y2, y1), 0, 1e-6);
        Assert.InRange(Bench.Difference(dx2, dx1), 0, 1e-6);
        Assert.InRange(Bench.Difference(stored.Alpha.Gradient.Span, seeded.Alpha.Gradient.Span), 0, 1e-5);
    }

    [Fact]
    [Trait("Card", "NOLA 6")]
    public void Codes_come_back_unchanged_and_a_vector_of_zeros_stays_zero()
    {
        foreach (int bits in new[] { 8, 4 })
        {
            float[] values = LayerBench.Normal(1, "c", 37), restored = new float[37], again = new float[37];
            sbyte[] codes = new sbyte[37], codesAgain = new sbyte[37];
            float scale = CoefficientCodes.Encode(values, bits, codes);
            CoefficientCodes.Decode(codes, bits, scale, restored);
            Assert.InRange(Bench.Difference(restored, values), 0, 0.5 / CoefficientCodes.Levels(bits) * 1.001);
            Assert.Equal(scale, CoefficientCodes.Encode(restored, bits, codesAgain));
            Assert.Equal(codes, codesAgain);
            CoefficientCodes.Unpack(CoefficientCodes.Pack(codes.AsSpan().ToArray().Select(c => (sbyte)Math.Clamp((int)c, -7, 7)).ToArray()), codesAgain);
            Assert.Equal(codes.Select(c => (sbyte)Math.Clamp((int)c, -7, 7)), codesAgain);
            Assert.Equal(0f, CoefficientCodes.Encode(new float[5], bits, codes));
            CoefficientCodes.Decode(codes, bits, 0f, again);
            Assert.All(again, v => Assert.Equal(0f, v));
        }
    }

    private static NolaSite Site(float[] alpha, float[] beta, ulong seed = 5)
    {
        CounterRandom random = new(seed);
        Tensor start = Storage.Zeros(new Shape(Rank, Inputs));
        random.Named("w.A0").FillUniform(start.Span, -0.2f, 0.2f);
        return new NolaSite(
            LayerBench.Vector("alpha", alpha),
            LayerBench.Vector("beta", beta),
            new SeededBasis(random.Named("w.A"), K, 1f / MathF.Sqrt(K), new Shape(Rank, Inputs), start),
            new SeededBasis(random.Named("w.B"), L, 1f / MathF.Sqrt(L), new Shape(Outputs, Rank)),
            2f);
    }

    private static StoredBasis Dump(NolaBasis basis)
    {
        int length = (int)basis.Shape.Length;
        Tensor all = Storage.Zeros(new Shape(basis.Count, length));
        basis.Read(0, length, all.Span);
        Tensor start = default;
        if (basis.Start.Exists)
        {
            start = Storage.Zeros(basis.Shape);
            basis.Start.Span.CopyTo(start.Span);
        }
        return new StoredBasis(all, basis.Shape, start);
    }

    private static float[] Explicit(NolaBasis basis, Parameter coefficients)
    {
        int length = (int)basis.Shape.Length;
        float[] all = new float[basis.Count * length], sum = new float[length];
        basis.Read(0, length, all);
        for (int e = 0; e < length; e++)
        {
            double total = basis.Start.Exists ? basis.Start.Span[e] : 0;
            for (int i = 0; i < basis.Count; i++)
            {
                total += (double)coefficients.Value.Span[i] * all[(i * length) + e];
            }
            sum[e] = (float)total;
        }
        return sum;
    }

    private static float[] Products(NolaBasis basis, Tensor gradient)
    {
        int length = (int)basis.Shape.Length;
        float[] all = new float[basis.Count * length], products = new float[basis.Count];
        basis.Read(0, length, all);
        for (int i = 0; i < basis.Count; i++)
        {
            double total = 0;
            for (int e = 0; e < length; e++)
            {
                total += (double)gradient.Span[e] * all[(i * length) + e];
            }
            products[i] = (float)total;
        }
        return products;
    }

    private sealed class Plain(Parameter a, Parameter b, float scale) : SiteAdapter
    {
        public override IReadOnlyList<Parameter> Parameters => [a, b];

        public override Tensor Forward(in SiteCall call) =>
            LowRankAdd.Into(call.Run, call.Base(), call.X, call.Run.Use(a), call.Run.Use(b), scale);
    }
}
