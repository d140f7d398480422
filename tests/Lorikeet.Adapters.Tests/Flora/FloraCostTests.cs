using System.Diagnostics;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;

namespace Lorikeet.Adapters.Tests.Flora;

/// <summary>Check 6 of the card: the cost grows with r and not with the number of adapters.</summary>
public sealed class FloraCostTests
{
    private const int Width = 512, Rows = 64;

    [Fact]
    public void A_row_of_rank_r_is_r_rows_of_the_one_product()
    {
        using Llama model = Bench.Model();
        foreach ((string row, int expected) in new[] { ("flora-r1", 1), ("flora-mean", 4), ("hira", 4), ("flora-residual", 4), ("lora", 1) })
        {
            using Adapter adapter = MethodRow.Of(row).Create(model);
            Assert.All(adapter.Changes, c => Assert.Equal(expected, adapter.Form(c.Site)!.ExpandedRows));
        }
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Sixty_four_adapters_cost_what_one_costs_and_time_is_affine_in_r()
    {
        using LayerBench bench = new(Width, Width);
        double one = Time(bench, 1, 1), many = Time(bench, 1, Rows), eight = Time(bench, 8, Rows);
        // Generous: a shared machine is noisy; a batched product for each adapter would cost many times more.
        Assert.InRange(many / one, 0, 1.5);
        Assert.InRange(eight / many, 3, 14);
    }

    private static double Time(LayerBench bench, int rank, int distinct)
    {
        Adapter[] adapters = [.. Enumerable.Range(0, distinct).Select(i => bench.Adapt(new FloraSite(
            LayerBench.Matrix("A", LayerBench.Normal((ulong)i, "A", Width * rank), Width),
            LayerBench.Matrix("B", LayerBench.Normal((ulong)i, "B", Width * rank), rank),
            new FloraForm())))];
        float[] x = LayerBench.Normal(1, "x", Rows * Width);
        Adapter?[] rows = [.. Enumerable.Range(0, Rows).Select(i => adapters[i % distinct])];
        double best = double.MaxValue;
        for (int run = 0; run < 12; run++)
        {
            long start = Stopwatch.GetTimestamp();
            bench.Forward(x, rows);
            best = run < 2 ? best : Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        foreach (Adapter adapter in adapters)
        {
            adapter.Dispose();
        }
        return best;
    }
}
