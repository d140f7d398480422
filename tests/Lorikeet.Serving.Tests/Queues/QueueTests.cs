using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>In which order requests are let in.</summary>
[Collection("team")]
public sealed class QueueTests : IDisposable
{
    private readonly LanguageModel model = TinyModel.Create();

    public void Dispose() => model.Dispose();

    [Fact]
    public void First_come_first_served() => Assert.Equal([0, 1, 2, 3], Order("fcfs", Ask("a", 1), Ask("a", 0), Ask("b", 2), Ask("a", 0)));

    [Fact]
    public void Lower_priority_numbers_first_and_arrival_between_equals() =>
        Assert.Equal([1, 3, 0, 4, 2], Order("priority", Ask("a", 1), Ask("a", 0), Ask("b", 2), Ask("a", 0), Ask("c", 1)));

    [Fact]
    public void The_fair_queue_takes_turns_between_tenants_by_tokens() =>
        // b's prompts are as long as two of a's: after one of each, a's turn comes twice.
        Assert.Equal([0, 3, 1, 2, 4, 5], Order("vtc", Ask("a", 0, 10), Ask("a", 0, 10), Ask("a", 0, 10), Ask("b", 0, 20), Ask("b", 0, 20), Ask("b", 0, 20)));

    [Fact]
    public void A_name_that_is_no_policy_is_refused()
    {
        Assert.Contains("fcfs, vtc, priority", Assert.Throws<ArgumentException>(() => new Engine(model, new EngineOptions { Queue = "lifo" })).Message, StringComparison.Ordinal);
        Assert.Contains("lru, pages-first", Assert.Throws<ArgumentException>(() => new Engine(model, new EngineOptions { Eviction = "x" })).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Card", "S-LoRA 5")]
    public void Two_tenants_with_full_queues_get_equal_service_within_one_request_and_idleness_earns_nothing()
    {
        using Engine engine = new(model, new EngineOptions { Queue = "vtc", MaxSequences = 3, MaxRows = 32, PrefixCaching = false });
        VirtualTokenCounter queue = (VirtualTokenCounter)engine.Queue;
        CounterRandom random = new CounterRandom(4).Named("fair");
        Dictionary<int, string> tenants = [];
        Dictionary<string, double> service = new() { ["long"] = 0, ["short"] = 0, ["idle"] = 0 };
        Dictionary<string, int> waiting = new() { ["long"] = 0, ["short"] = 0 };
        const int Largest = 60 + (2 * 30);
        int n = 0;
        for (int step = 0; step < 1500; step++)
        {
            foreach ((string tenant, int prompt, int answer) in (ReadOnlySpan<(string, int, int)>)[("long", 60, 30), ("short", 10, 4)])
            {
                for (; waiting[tenant] < 12; waiting[tenant]++)
                {
                    Add(tenant, 1 + random.Integer((ulong)n, prompt), 1 + random.Integer((ulong)n + 1, answer));
                }
            }
            Serve();
            Assert.InRange(Math.Abs(service["long"] - service["short"]), 0, 3 * Largest);
            Assert.InRange(Math.Abs(queue.Counter("long") - queue.Counter("short")), 0, 3 * Largest);
        }
        Assert.True(service["long"] > 20 * Largest, "the run was too short to tell");
        // One who was away comes with a hundred requests: his counter starts where the others' are.
        double least = Math.Min(queue.Counter("long"), queue.Counter("short"));
        Add("idle", 10, 4);
        Assert.Equal(least, queue.Counter("idle"));

        void Add(string tenant, int prompt, int answer)
        {
            n += 2;
            tenants[engine.Add(new GenerationRequest { Prompt = TinyModel.Prompt(n, prompt), MaxTokens = answer, EndIds = [], Tenant = tenant, Sampling = SamplingOptions.Greedy })] = tenant;
        }

        void Serve()
        {
            foreach (GenerationEvent next in engine.Step())
            {
                if (next.Usage is { } usage)
                {
                    waiting[tenants[next.Id]]--;
                    service[tenants[next.Id]] += usage.PromptTokens + (2 * (usage.GeneratedTokens - 1));
                }
            }
        }
    }

    private static GenerationRequest Ask(string tenant, int priority, int prompt = 3) => new()
    {
        Prompt = TinyModel.Prompt(1, prompt),
        Tenant = tenant,
        Priority = priority,
        MaxTokens = 1,
        EndIds = [],
    };

    private int[] Order(string policy, params GenerationRequest[] requests)
    {
        using Engine engine = new(model, new EngineOptions { Queue = policy, MaxSequences = 1 });
        Array.ForEach(requests, r => engine.Add(r));
        List<int> order = [];
        while (engine.HasWork)
        {
            foreach (GenerationEvent next in engine.Step())
            {
                order.Add(next.Id - 1);
            }
        }
        return [.. order];
    }
}
