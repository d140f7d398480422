using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary>
/// <c>lorikeet bench flora</c>: what a different adapter for every row costs, by rank, for LoRA as grouped low-rank products, LoRA as one padded
/// batched product, and FLoRA around one shared product. The question of FLoRA's paper (arXiv 2312.05677, section 3.3): up to which rank is FLoRA cheaper.
/// </summary>
internal sealed class FloraBench(LanguageModel model, IReadOnlyList<int> batches, IReadOnlyList<int> ranks, int promptTokens, FactorStorage storage, int runs, bool json)
{
    private readonly JsonArray results = [];
    private readonly TextWriter table = json ? TextWriter.Null : Console.Out;

    private static readonly string[] Names = ["LoRA grouped", "LoRA padded", "FLoRA"];

    /// <summary>Measures and prints both tables.</summary>
    /// <param name="stop">Stops between measurements.</param>
    public int Run(CancellationToken stop)
    {
        foreach (bool decode in (ReadOnlySpan<bool>)[true, false])
        {
            table.WriteLine(decode ? "decode, tokens/s (ratio to no adapter)" : $"prefill of {promptTokens} tokens a row, tokens/s (ratio to no adapter)");
            table.WriteLine($"{"batch",6}{"rank",6}{"no adapter",12}" + string.Concat(Names.Select(n => $"{n,22}")));
            foreach (int batch in batches)
            {
                using Decoder decoder = new(model);
                double bare = Time(decoder, decode, batch, [], false, stop);
                double[] last = [0, 0, 0];
                int crossover = 0;
                foreach (int rank in ranks)
                {
                    double[] seconds = [Grouped(decoder, "lora", decode, batch, rank, stop), Padded(decoder, decode, batch, rank, stop), Grouped(decoder, "flora", decode, batch, rank, stop)];
                    int tokens = decode ? batch : batch * promptTokens;
                    table.WriteLine(
                        $"{batch,6}{rank,6}{tokens / bare,12:F1}" + string.Concat(seconds.Select(s => $"{tokens / s,14:F1} ({bare / s,5:F2})")));
                    results.Add(new JsonObject
                    {
                        ["step"] = decode ? "decode" : "prefill",
                        ["batch"] = batch,
                        ["rank"] = rank,
                        ["tokens"] = tokens,
                        ["bare_seconds"] = bare,
                        ["lora_grouped_seconds"] = seconds[0],
                        ["lora_padded_seconds"] = seconds[1],
                        ["flora_seconds"] = seconds[2],
                    });
                    crossover = seconds[2] <= Math.Min(seconds[0], seconds[1]) ? rank : crossover;
                    last = seconds;
                }
                table.WriteLine(crossover == 0
                    ? $"       batch {batch}: FLoRA is not the fastest at any of these ranks"
                    : $"       batch {batch}: FLoRA is the fastest of the three up to rank {crossover}");
            }
            table.WriteLine();
        }
        if (json)
        {
            JsonObject all = new()
            {
                ["parameters"] = model.ParameterCount,
                ["threads"] = Team.Shared.Threads,
                ["kernels"] = KernelPath.Current.ToString(),
                ["storage"] = storage.ToString().ToLowerInvariant(),
                ["steps"] = results,
            };
            Console.WriteLine(all.ToJsonString());
        }
        return 0;
    }

    private double Grouped(Decoder decoder, string method, bool decode, int batch, int rank, CancellationToken stop)
    {
        TrainedAdapter[] adapters = new TrainedAdapter[batch];
        for (int i = 0; i < batch; i++)
        {
            JsonObject config = new() { ["r"] = rank, ["lora_alpha"] = rank, ["target_modules"] = "all-linear" };
            adapters[i] = AdapterMethods.Find(method).Create($"{method}-{i}", model, config, new CounterRandom((ulong)i));
            RandomValues.Disturb(adapters[i]);
            adapters[i].Factors = storage;
        }
        double seconds = Time(decoder, decode, batch, [.. adapters.Select(a => ((Adapter?)a, 1))], false, stop);
        foreach (TrainedAdapter adapter in adapters)
        {
            adapter.Dispose();
        }
        return seconds;
    }

    private double Padded(Decoder decoder, bool decode, int batch, int rank, CancellationToken stop)
    {
        using Adapter adapter = new("padded", model);
        foreach (Site site in model.Sites)
        {
            if (site is LinearSite { IsHead: false })
            {
                adapter.Set(site, new PaddedBatchLora(batch, rank, site.Inputs, site.Outputs, new CounterRandom(3).Named(site.Name)));
            }
        }
        return Time(decoder, decode, batch, [(adapter, batch)], true, stop);
    }

    private double Time(
        Decoder decoder, bool decode, int batch, IReadOnlyList<(Adapter? Adapter, int Prompts)> segments, bool own, CancellationToken stop) =>
        decode ? decoder.Decode(batch, 16, segments, own, runs, stop) : decoder.Prefill(batch, promptTokens, segments, own, Math.Max(1, runs / 3), stop);
}
