using System.Text.Json;
using Lorikeet.Cli.Bench;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Tests.Bench;

/// <summary>The synthetic load has the distributions that S-LoRA's has.</summary>
public sealed class ServeWorkloadTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Gaps_have_the_rate_and_the_variation(double cv)
    {
        PlannedRequest[] plan = new ServeWorkload { Rate = 2, Cv = cv, Requests = 20_000 }.Plan();
        double[] gaps = [.. plan.Select((r, i) => r.Arrival - (i > 0 ? plan[i - 1].Arrival : 0))];
        double mean = gaps.Average(), deviation = Math.Sqrt(gaps.Average(g => (g - mean) * (g - mean)));
        Assert.All(gaps, g => Assert.True(g >= 0));
        Assert.Equal(0.5, mean, 0.05 * 0.5 * cv);
        Assert.Equal(cv, deviation / mean, 0.08 * cv);
    }

    [Fact]
    public void Alpha_one_is_uniform()
    {
        int[] counts = Counts(new ServeWorkload { Adapters = 50, Alpha = 1, Requests = 50_000 });
        double expected = 1000, chi = counts.Sum(c => (c - expected) * (c - expected) / expected);
        // 49 degrees of freedom: 85.4 is passed by one in a thousand.
        Assert.InRange(chi, 20, 85.4);
    }

    [Fact]
    public void A_small_alpha_sends_most_to_the_first_tenth()
    {
        int[] counts = Counts(new ServeWorkload { Adapters = 200, Alpha = 0.1, Requests = 20_000 });
        Assert.Equal(Math.Pow(0.1, 0.1), counts.Take(20).Sum() / 20_000.0, 0.01);
    }

    [Fact]
    public void Adapters_in_turn_come_one_after_the_other() =>
        Assert.Equal([0, 1, 2, 0, 1], new ServeWorkload { Adapters = 3, InTurn = true, Requests = 5 }.Plan().Select(r => r.Adapter));

    [Fact]
    public void Lengths_end_below_their_upper_bound()
    {
        PlannedRequest[] plan = new ServeWorkload { Input = (3, 6), Output = (8, 10), Requests = 1000 }.Plan();
        Assert.Equal([3, 4, 5], plan.Select(r => r.Input).Distinct().Order());
        Assert.Equal([8, 9], plan.Select(r => r.Output).Distinct().Order());
    }

    [Fact]
    public void Equal_seeds_plan_alike_and_others_do_not()
    {
        ServeWorkload workload = new() { Adapters = 10 };
        Assert.Equal(workload.Plan(), (workload with { }).Plan());
        Assert.NotEqual(workload.Plan(), (workload with { Seed = 43 }).Plan());
    }

    [Theory]
    [InlineData(0.0625)]
    [InlineData(1)]
    [InlineData(9)]
    public void Gamma_has_its_mean_and_variance(double shape)
    {
        DrawSequence draws = new(new CounterRandom(5));
        double[] values = [.. Enumerable.Range(0, 100_000).Select(_ => draws.Gamma(shape, 2))];
        double mean = values.Average();
        Assert.Equal(2 * shape, mean, 0.06 * shape + 0.01);
        Assert.Equal(4 * shape, values.Average(v => (v - mean) * (v - mean)), 0.5 * Math.Max(shape, 0.1));
    }

    [Fact]
    public void Prompts_are_of_the_seed_and_of_their_request_alone()
    {
        PromptMaker one = new(1, chat: false, plain: false, ids: 100), same = new(1, chat: false, plain: false, ids: 100);
        PlannedRequest request = new(3, 0, 0, 5, 7);
        Assert.Equal(one.Body(request, "a"), same.Body(request with { Arrival = 9 }, "a"));
        Assert.NotEqual(one.Body(request, "a"), one.Body(request with { Number = 4 }, "a"));
    }

    [Fact]
    public void A_number_takes_the_place_of_the_name()
    {
        using JsonDocument json = JsonDocument.Parse(new PromptMaker(1, chat: false, plain: true, ids: 100, loraIds: true).Body(new PlannedRequest(0, 0, 3, 5, 7), "any"));
        Assert.Equal("""[{"id":3,"scale":1}]""", json.RootElement.GetProperty("lora").GetRawText());
        Assert.False(json.RootElement.TryGetProperty("model", out _));
    }

    private static int[] Counts(ServeWorkload workload)
    {
        int[] counts = new int[workload.Adapters];
        foreach (PlannedRequest request in workload.Plan())
        {
            counts[request.Adapter]++;
        }
        return counts;
    }
}
