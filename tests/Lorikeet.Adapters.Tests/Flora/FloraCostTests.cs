using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Flora;

/// <summary>Check 6 of FLoRA's card, as counted work: the cost grows with r and not with the number of adapters. Its seconds: <c>lorikeet bench flora</c>.</summary>
[Trait("Card", "FLoRA 6")]
public sealed class FloraCostTests
{
    private const int Outputs = 24, Inputs = 20, Rows = 64;

    [Fact]
    public void A_row_of_rank_r_is_r_rows_of_the_one_product()
    {
        using LanguageModel model = Bench.Model();
        foreach ((string row, int expected) in new[] { ("flora-r1", 1), ("flora-mean", 4), ("hira", 4), ("flora-residual", 4), ("lora", 1) })
        {
            using Adapter adapter = MethodRow.Of(row).Create(model);
            Assert.All(adapter.Changes, c => Assert.Equal(expected, adapter.Form(c.Site)!.ExpandedRows));
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 8)]
    [InlineData(1, 64)]
    [InlineData(2, 1)]
    [InlineData(2, 64)]
    [InlineData(8, 1)]
    [InlineData(8, 64)]
    public void A_batch_is_one_product_of_rank_times_its_rows_however_many_adapters_it_has(int rank, int distinct)
    {
        CountingWeight weight = Weight();
        using OneLayer model = OneLayer.Of(weight);
        Adapter[] adapters = [.. Enumerable.Range(0, distinct).Select(i => Flora(model, rank, FloraReduction.Mean, (ulong)i))];
        Serve(model, [.. Enumerable.Range(0, Rows).Select(i => (Adapter?)adapters[i % distinct])]);
        Assert.Equal((1, (long)Rows * rank), (weight.Products, weight.Rows));
        Free(adapters);
    }

    [Fact]
    public void A_mixed_batch_is_one_product_of_the_sum_of_its_ranks()
    {
        CountingWeight weight = Weight();
        using OneLayer model = OneLayer.Of(weight);
        int[] ranks = [1, 4, 2, 3];
        Adapter[] adapters =
        [
            Flora(model, 1, FloraReduction.Mean, 1), Flora(model, 4, FloraReduction.Sum, 2), Flora(model, 2, FloraReduction.Mean, 3), Flora(model, 3, FloraReduction.Sum, 4),
            LowRank(model),
        ];
        List<Adapter?> rows = [];
        long expected = 0;
        for (int i = 0; i < Rows; i++)
        {
            // Every sixth row has no adapter and every sixth one LoRA: one row of the product each.
            int kind = i % 6;
            rows.Add(kind == 5 ? null : adapters[kind]);
            expected += kind < 4 ? ranks[kind] : 1;
        }
        Serve(model, rows);
        Assert.Equal((1, expected), (weight.Products, weight.Rows));
        Free(adapters);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 1)]
    [InlineData(4, 64)]
    public void Training_takes_rank_times_the_rows_forward_and_back(int rank, int distinct)
    {
        CountingWeight weight = Weight();
        using OneLayer model = OneLayer.Of(weight);
        Adapter[] adapters = [.. Enumerable.Range(0, distinct).Select(i => Flora(model, rank, FloraReduction.Mean, (ulong)i))];
        using ModelRun run = new() { Tape = new Tape() };
        using Parameter input = LayerBench.Matrix("x", LayerBench.Normal(1, "x", Rows * Inputs), Rows);
        run.Tape.Begin(run);
        run.Plan = Plan(model, [.. Enumerable.Range(0, Rows).Select(i => (Adapter?)adapters[i % distinct])]);
        Tensor y = model.Logits(run, run.Use(input));
        Tensor seed = run.Arena.Zeros(y.Shape);
        seed.Span.Fill(1f);
        run.Tape.Backward(run, y, seed);
        Assert.Equal(((long)Rows * rank, (long)Rows * rank), (weight.Rows, weight.RowsBack));
        Free(adapters);
    }

    private static void Serve(OneLayer model, IReadOnlyList<Adapter?> rows)
    {
        using ModelRun run = new();
        Tensor input = run.Allocate(Rows, Inputs);
        LayerBench.Normal(1, "x", Rows * Inputs).CopyTo(input.Span);
        run.Plan = Plan(model, rows);
        model.Logits(run, input);
    }

    private static BatchPlan Plan(OneLayer model, IReadOnlyList<Adapter?> rows) => new(model, [.. rows.Select((adapter, i) => new RowSegment(adapter, i, 1))]);

    private static CountingWeight Weight() => new(new DenseWeight(LayerBench.Normal(1, "weight", Outputs * Inputs), Outputs, Inputs));

    private static Adapter Flora(OneLayer model, int rank, FloraReduction reduction, ulong seed)
    {
        Adapter adapter = new($"flora {seed}", model);
        adapter.Set(model.Layer, new FloraSite(
            LayerBench.Matrix("A", LayerBench.Normal(seed, "A", Outputs * rank), Outputs),
            LayerBench.Matrix("B", LayerBench.Normal(seed, "B", Inputs * rank), rank),
            new FloraForm(FloraMode.Direct, reduction)));
        return adapter;
    }

    private static Adapter LowRank(OneLayer model)
    {
        Adapter adapter = new("lora", model);
        adapter.Set(model.Layer, new LowRankSite(new LowRankPair(
            LayerBench.Matrix("A", LayerBench.Normal(9, "A", 3 * Inputs), 3), LayerBench.Matrix("B", LayerBench.Normal(9, "B", Outputs * 3), Outputs), 1f)));
        return adapter;
    }

    private static void Free(Adapter[] adapters)
    {
        foreach (Adapter adapter in adapters)
        {
            adapter.Dispose();
        }
    }
}
