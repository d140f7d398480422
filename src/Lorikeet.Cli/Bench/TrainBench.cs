using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Bench;

/// <summary><c>lorikeet bench train</c>: the rate and the memory of training on a model of random weights, against the limit measured in the same run.</summary>
internal static class TrainBench
{
    /// <summary>Trains on random tokens, measures and prints.</summary>
    /// <param name="model">The model, frozen.</param>
    /// <param name="settings">What trains, and how.</param>
    /// <param name="runs">Steps that are timed, after one that warms up.</param>
    /// <param name="json">One JSON object instead of lines.</param>
    /// <param name="stop">Stops between steps.</param>
    public static int Run(LanguageModel model, TrainBenchSettings settings, int runs, bool json, CancellationToken stop)
    {
        double fma = Limits.FmaGflops(Team.Shared.Threads);
        long parameters = model.ParameterCount;
        string format = settings.Method == "full" ? settings.Halves ? "bf16" : "f32" : model.Sites.OfType<LinearSite>().First().Weight.Format;
        using TrainedAdapter? adapter = settings.Prepare(model);
        CounterRandom random = new(5);
        (int sequences, int tokens) = (settings.Sequences, settings.Tokens);
        int[] ids = [.. Enumerable.Range(0, sequences * tokens).Select(i => random.Integer((ulong)i, model.Config.VocabularySize))];
        int[] targets = [.. ids.Skip(1), ids[0]];
        Batch batch = new(ids, targets, [.. Enumerable.Repeat(tokens, sequences)]);
        using Trainee trainee = settings.Trainee(model, adapter, batch);
        using Trainer trainer = new(model, [trainee], new TrainerOptions { Checkpointing = settings.Checkpointing, Rules = settings.Rules(model, batch) });
        trainer.Next();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        double seconds = Median.Seconds(() => trainer.Next(), runs, stop);
        allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / (runs + 1);
        // Forward, and the gradient of each layer's input: two products a layer; a third for its own gradient where all weights train. Adapters are not counted.
        int products = settings.Method == "full" ? 3 : 2;
        double flops = products * (ModelBench.LinearFlops(model, head: false) + ModelBench.LinearFlops(model, head: true)) * sequences * tokens;
        long trained = trainee.States.Keys.Sum(p => p.Value.Shape.Length), states = trainee.States.Values.Sum(s => s.Bytes);
        using Process process = Process.GetCurrentProcess();
        if (json)
        {
            JsonObject result = new()
            {
                ["method"] = settings.Method,
                ["optimizer"] = settings.Optimizer,
                ["per_layer"] = settings.PerLayer,
                ["step_rule"] = settings.StepRule,
                ["weights"] = format,
                ["rank"] = settings.Rank,
                ["sequences"] = sequences,
                ["tokens"] = tokens,
                ["checkpointing"] = settings.Checkpointing,
                ["trained"] = trained,
                ["parameters"] = parameters,
                ["threads"] = Team.Shared.Threads,
                ["kernels"] = KernelPath.Current.ToString(),
                ["fma_gflops"] = fma,
                ["seconds"] = seconds,
                ["tokens_per_s"] = sequences * tokens / seconds,
                ["share_of_roof"] = flops / seconds / 1e9 / fma,
                ["weight_bytes"] = model.WeightBytes,
                ["state_bytes"] = states,
                ["step_bytes"] = trainer.PeakBytes,
                ["live_bytes"] = Storage.LiveBytes,
                ["process_peak_bytes"] = process.PeakWorkingSet64,
                ["managed_bytes_a_step"] = allocated,
            };
            Console.WriteLine(result.ToJsonString());
            return 0;
        }
        Console.WriteLine($"{settings.Title}: {trained / 1e6:F2} M numbers train of {parameters / 1e6:F1} M; the model takes {model.WeightBytes / 1e6:F0} MB, the optimiser {states / 1e6:F0} MB");
        Console.WriteLine($"{sequences} x {tokens} tokens a step{(settings.Checkpointing ? ", blocks recomputed" : "")}: {seconds * 1e3:F0} ms, {sequences * tokens / seconds:F0} tokens/s");
        Console.WriteLine($"roof ({products} products a layer and token at {fma:F0} GFLOP/s FMA): {fma * 1e9 / (flops / (sequences * tokens)):F0} tokens/s; reached {flops / seconds / 1e9 / fma:P0}");
        Console.WriteLine($"memory: {trainer.PeakBytes / 1e6:F0} MB of step values, {Storage.LiveBytes / 1e6:F0} MB native in all, {process.PeakWorkingSet64 / 1e6:F0} MB peak of the process; {allocated / 1024.0:F0} KiB managed a step");
        return 0;
    }
}
