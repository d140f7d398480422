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
    /// <param name="stop">Stops between measurements.</param>
    public static int Run(LanguageModel model, IReadOnlyList<int> prefill, IReadOnlyList<int> batches, int runs, CancellationToken stop)
    {
        int threads = Team.Shared.Threads;
        double fma = Limits.FmaGflops(threads), reads = Limits.ReadGigabytesPerSecond(threads);
        Console.WriteLine(
            $"{model.ParameterCount / 1e6:F1} M parameters, {model.WeightBytes / 1e6:F0} MB of weights; {threads} threads, {KernelPath.Current}: {fma:F0} GFLOP/s FMA, {reads:F1} GB/s reads");
        Console.WriteLine($"{"step",-14}{"ms",9}{"tokens/s",11}{"of FMA",9}{"of reads",10}");
        double linears = model.Blocks.Count == 0 ? 0 : LinearFlops(model, head: false), head = LinearFlops(model, head: true);
        using Decoder decoder = new(model);
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
        return 0;

        // A step's limit is the slower of its arithmetic and one reading of all weights; attention and norms are not counted.
        void Print(string step, double seconds, int tokens, double flops) => Console.WriteLine(
            $"{step,-14}{seconds * 1e3,9:F2}{tokens / seconds,11:F1}{flops / seconds / 1e9 / fma,9:P0}{model.WeightBytes / seconds / 1e9 / reads,10:P0}");
    }

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
