using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Lora;

/// <summary>The checks 1 and 3 of DoRA's card: lengths of rows, and the identity that gives them without the whole product.</summary>
public sealed class DoraSiteTests
{
    [Fact]
    [Trait("Card", "DoRA 3")]
    public void The_factor_from_the_norm_identity_is_that_of_the_whole_product_also_where_a_row_is_zero()
    {
        CounterRandom random = new(9);
        float[] w = new float[24 * 40];
        random.Named("w").FillNormal(w, 0.3f);
        w.AsSpan(5 * 40, 40).Clear();
        using DenseWeight weight = new(w, 24, 40);
        using Parameter a = Random("a", new Shape(3, 40)), b = Random("b", new Shape(24, 3)), m = Random("m", new Shape(24));
        b.Value.Row(5).Clear();
        LowRankPair pair = new(a, b, 1.7f);
        Tensor c = new DirectionNorm(pair, m).Lower(weight, transposed: false);
        for (int o = 0; o < 24; o++)
        {
            double square = 0;
            for (int i = 0; i < 40; i++)
            {
                double v = w[(o * 40) + i];
                for (int k = 0; k < 3; k++)
                {
                    v += 1.7 * b.Value.Row(o)[k] * a.Value.Row(k)[i];
                }
                square += v * v;
            }
            double expected = square == 0 ? 1 : m.Value.Span[o] / Math.Sqrt(square);
            Assert.True(Math.Abs(c.Span[o] - expected) <= 1e-5 * Math.Abs(expected), $"row {o}: {c.Span[o]}, expected {expected}");
        }
        c.Free();
    }

    [Fact]
    [Trait("Card", "DoRA 1")]
    public void A_fresh_dora_has_the_rows_lengths_and_merged_rows_have_the_trained_lengths()
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = LoraBench.Make(model, """{"r": 2, "use_dora": true}""");
        LinearSite q = (LinearSite)model.Find("model.layers.1.self_attn.q_proj")!;
        Parameter magnitude = adapter[q]!.Parameters[2];
        float[] weight = q.Weight.ToArray(), bias = new float[q.Outputs];
        adapter[q]!.Merge(q, weight, bias);
        for (int o = 0; o < q.Outputs; o++)
        {
            double length = Math.Sqrt(weight.AsSpan(o * q.Inputs, q.Inputs).ToArray().Sum(v => (double)v * v));
            Assert.Equal(Math.Abs(magnitude.Value.Span[o]), length, 1e-5);
        }
    }

    private static Parameter Random(string name, Shape shape)
    {
        Tensor value = Storage.Zeros(shape);
        new CounterRandom(2).Named(name).FillNormal(value.Span, 0.5f);
        return new Parameter(name, value);
    }
}
