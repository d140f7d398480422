using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Bench;

/// <summary><c>lorikeet bench train</c>: the rate and the memory of adapter training on a model of random weights, against the limit measured in the same run.</summary>
internal static class TrainBench
{
    /// <summary>Trains on random tokens, measures and prints.</summary>
    /// <param name="model">The model, frozen.</param>
    /// <param name="method">The adapter method.</param>
    /// <param name="rank">Its rank, on all linear layers.</param>
    /// <param name="sequences">Sequences of a step.</param>
    /// <param name="tokens">Tokens of each.</param>
    /// <param name="checkpointing">Recompute blocks in backward.</param>
    /// <param name="runs">Steps that are timed, after one that warms up.</param>
    /// <param name="json">One JSON object instead of lines.</param>
    /// <param name="stop">Stops between steps.</param>
    public static int Run(LanguageModel model, string method, int rank, int sequences, int tokens, bool checkpointing, int runs, bool json, CancellationToken stop)
    {
        double fma = Limits.FmaGflops(Team.Shared.Threads);
        JsonObject options = new() { ["r"] = rank, ["lora_alpha"] = rank, ["target_modules"] = "all-linear" };
        using TrainedAdapter adapter = AdapterMethods.Find(method).Create("bench", model, options, new CounterRandom(1));
        CounterRandom random = new(5);
        int[] ids = [.. Enumerable.Range(0, sequences * tokens).Select(i => random.Integer((ulong)i, model.Config.VocabularySize))];
        int[] targets = [.. ids.Skip(1), ids[0]];
        Batch batch = new(ids, targets, [.. Enumerable.Repeat(tokens, sequences)]);
        using Trainee trainee = new(
            "bench", adapter, Trainee.Group(adapter.Parameters, 0, all: true), new FixedBatches([batch]), new AdamW(),
            Schedule.Create("constant", new ScheduleSettings { Rate = 1e-4 }), null);
        using Trainer trainer = new(model, [trainee], new TrainerOptions { Checkpointing = checkpointing });
        trainer.Next();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        double seconds = Median.Seconds(() => trainer.Next(), runs, stop);
        allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / (runs + 1);
        // Forward, and the gradient of each layer's input: two products a layer. Frozen weights have no gradient of their own; adapters are not counted.
        double flops = 2 * (ModelBench.LinearFlops(model, head: false) + ModelBench.LinearFlops(model, head: true)) * sequences * tokens;
        using Process process = Process.GetCurrentProcess();
        if (json)
        {
            JsonObject result = new()
            {
                ["method"] = method,
                ["rank"] = rank,
                ["sequences"] = sequences,
                ["tokens"] = tokens,
                ["checkpointing"] = checkpointing,
                ["trained"] = adapter.ParameterCount,
                ["parameters"] = model.ParameterCount,
                ["threads"] = Team.Shared.Threads,
                ["kernels"] = KernelPath.Current.ToString(),
                ["fma_gflops"] = fma,
                ["seconds"] = seconds,
                ["tokens_per_s"] = sequences * tokens / seconds,
                ["share_of_roof"] = flops / seconds / 1e9 / fma,
                ["step_bytes"] = trainer.PeakBytes,
                ["process_peak_bytes"] = process.PeakWorkingSet64,
                ["managed_bytes_a_step"] = allocated,
            };
            Console.WriteLine(result.ToJsonString());
            return 0;
        }
        Console.WriteLine($"{method}, rank {rank}, all linear layers: {adapter.ParameterCount / 1e6:F2} M numbers train over {model.ParameterCount / 1e6:F1} M frozen ({model.WeightBytes / 1e6:F0} MB)");
        Console.WriteLine($"{sequences} x {tokens} tokens a step{(checkpointing ? ", blocks recomputed" : "")}: {seconds * 1e3:F0} ms, {sequences * tokens / seconds:F0} tokens/s");
        Console.WriteLine($"roof (two products a layer and token at {fma:F0} GFLOP/s FMA): {fma * 1e9 / (flops / (sequences * tokens)):F0} tokens/s; reached {flops / seconds / 1e9 / fma:P0}");
        Console.WriteLine($"memory: {trainer.PeakBytes / 1e6:F0} MB of step values, {process.PeakWorkingSet64 / 1e6:F0} MB peak of the process; {allocated / 1024.0:F0} KiB managed a step");
        return 0;
    }
}
