using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models;

namespace Lorikeet.Cli.Bench;

/// <summary><c>lorikeet bench model</c>: prefill and decode rates of a model, against the limits measured in the same run.</summary>
internal static class ModelBench
{
    /// <summary>Measures and prints.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prefill">Prompt lengths.</param>
    /// <param name="batches">Batch sizes of decode.</param>
    /// <param name="runs">How often each is timed.</param>
    /// <param name="json">One JSON object instead of a table.</param>
    /// <param name="stop">Stops between measurements.</param>
    public static int Run(LanguageModel model, IReadOnlyList<int> prefill, IReadOnlyList<int> batches, int runs, bool json, CancellationToken stop)
    {
        int threads = Team.Shared.Threads;
        JsonArray steps = [];
        TextWriter table = json ? TextWriter.Null : Console.Out;
        table.WriteLine(
            $"{model.ParameterCount / 1e6:F1} M parameters, {model.WeightBytes / 1e6:F0} MB of weights; {threads} threads, {KernelPath.Current}; limits measured before and after each step");
        table.WriteLine($"{"step",-14}{"ms",9}{"tokens/s",11}{"FMA GF/s",10}{"of FMA",8}{"GB/s",7}{"of reads",10}{"of both",9}");
        double linears = model.Blocks.Count == 0 ? 0 : LinearFlops(model, head: false), head = LinearFlops(model, head: true);
        // Of a table that is no head, a step reads a few rows.
        long bytes = model.WeightBytes - (model.Head.Sites.Any(head => head.Tied) ? 0 : model.Embedding.Weight.Bytes);
        using Decoder decoder = new(model);
        (double Fma, double Reads) limits = Limit(threads);
        foreach (int tokens in prefill)
        {
            double seconds = decoder.Prefill(1, tokens, [], false, Math.Max(3, runs / 2), stop);
            Print($"prefill {tokens}", seconds, tokens, (linears * tokens) + head);
        }
        foreach (int batch in batches)
        {
            double seconds = decoder.Decode(batch, 16, [], false, runs, stop);
            Print($"decode {batch}", seconds, batch, (linears + head) * batch);
        }
        if (json)
        {
            JsonObject all = new()
            {
                ["parameters"] = model.ParameterCount,
                ["weight_bytes"] = model.WeightBytes,
                ["threads"] = threads,
                ["kernels"] = KernelPath.Current.ToString(),
                ["steps"] = steps,
            };
            Console.WriteLine(all.ToJsonString());
        }
        return 0;

        // A step's limit is the slower of its arithmetic and one reading of all weights; attention and norms are not counted.
        void Print(string step, double seconds, int tokens, double flops)
        {
            (double Fma, double Reads) before = limits;
            limits = Limit(threads);
            double fma = (before.Fma + limits.Fma) / 2, reads = (before.Reads + limits.Reads) / 2;
            double arithmetic = flops / 1e9 / fma, reading = bytes / 1e9 / reads;
            steps.Add(new JsonObject
            {
                ["step"] = step,
                ["seconds"] = seconds,
                ["tokens_per_s"] = tokens / seconds,
                ["fma_gflops"] = fma,
                ["share_of_fma"] = arithmetic / seconds,
                ["reads_gb_per_s"] = reads,
                ["share_of_reads"] = reading / seconds,
            });
            table.WriteLine(
                $"{step,-14}{seconds * 1e3,9:F2}{tokens / seconds,11:F1}{fma,10:F0}{arithmetic / seconds,8:P0}{reads,7:F1}{reading / seconds,10:P0}{Math.Max(arithmetic, reading) / seconds,9:P0}");
        }
    }

    private static (double Fma, double Reads) Limit(int threads) => (Limits.FmaGflops(threads), Limits.ReadGigabytesPerSecond(threads));

    /// <summary>Operations of the linear layers for one token, two for each weight.</summary>
    /// <param name="model">The model.</param>
    /// <param name="head">True: of the head; false: of all others.</param>
    public static double LinearFlops(LanguageModel model, bool head)
    {
        double flops = 0;
        foreach (Site site in model.Sites)
        {
            flops += site is LinearSite linear && linear.IsHead == head ? 2.0 * linear.Inputs * linear.Outputs : 0;
        }
        return flops;
    }
}
