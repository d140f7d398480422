using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary>
/// <c>lorikeet bench adapters</c>: what adapters cost in a decode step, by rows, distinct adapters, rank and storage. Steps with and without adapters take
/// turns, so that a machine that changes its speed changes it for both.
/// </summary>
internal sealed class AdaptersBench(LanguageModel model, string method, int prompt, int runs, bool json)
{
    private readonly JsonArray results = [];

    /// <summary>Measures and prints every combination.</summary>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="distinct">Distinct adapters in it; more than the rows: as many as there are rows.</param>
    /// <param name="ranks">Ranks, on all linear layers.</param>
    /// <param name="storages">How factors are kept.</param>
    /// <param name="stop">Stops between steps.</param>
    public int Run(IReadOnlyList<int> rows, IReadOnlyList<int> distinct, IReadOnlyList<int> ranks, IReadOnlyList<FactorStorage> storages, CancellationToken stop)
    {
        int threads = Team.Shared.Threads;
        double fma = Limits.FmaGflops(threads), reads = Limits.ReadGigabytesPerSecond(threads);
        if (!json)
        {
            Console.WriteLine($"{method} on all linear layers of {model.ParameterCount / 1e6:F1} M parameters; {threads} threads, {KernelPath.Current}: {fma:F0} GFLOP/s FMA, {reads:F1} GB/s reads");
            Console.WriteLine($"{"rows",5}{"adapters",9}{"rank",5}{"storage",9}{"ms",9}{"tokens/s",10}{"of bare",9}{"cost",7}{"MB a step",11}{"GB/s",7}{"barriers",10}");
        }
        foreach (int count in rows)
        {
            foreach (int rank in ranks)
            {
                Measure(count, [.. distinct.Select(d => Math.Min(d, count)).Distinct()], rank, storages, stop);
            }
        }
        if (json)
        {
            JsonObject all = new()
            {
                ["method"] = method,
                ["parameters"] = model.ParameterCount,
                ["threads"] = threads,
                ["kernels"] = KernelPath.Current.ToString(),
                ["fma_gflops"] = fma,
                ["reads_gb_per_s"] = reads,
                ["steps"] = results,
            };
            Console.WriteLine(all.ToJsonString());
        }
        return 0;
    }

    private void Measure(int rows, int[] distinct, int rank, IReadOnlyList<FactorStorage> storages, CancellationToken stop)
    {
        using Decoder decoder = new(model);
        List<TrainedAdapter> owned = [];
        List<(string Storage, int Adapters, long Bytes, Decoder.Session Session)> sessions = [("", 0, 0, decoder.Begin(rows, prompt, []))];
        foreach (FactorStorage storage in storages)
        {
            TrainedAdapter[] adapters = [.. Enumerable.Range(0, distinct.Max()).Select(i => Make(i, rank, storage))];
            owned.AddRange(adapters);
            foreach (int some in distinct)
            {
                (Adapter?, int)[] segments = [.. Enumerable.Range(0, some).Select(i => ((Adapter?)adapters[i], ((rows * (i + 1)) / some) - (rows * i / some)))];
                Decoder.Session session = decoder.Begin(rows, prompt, segments);
                sessions.Add((storage.ToString().ToLowerInvariant(), some, adapters.Take(some).Sum(a => a.FormBytes), session));
            }
        }
        double[][] seconds = [.. sessions.Select(_ => new double[runs])];
        long[] barriers = new long[sessions.Count];
        // Rounds that warm up, the first of which makes the forms, as long as a lone session's would.
        long warm = Stopwatch.GetTimestamp();
        for (int run = -1; run < runs; run++)
        {
            for (int i = 0; i < sessions.Count; i++)
            {
                stop.ThrowIfCancellationRequested();
                long before = Team.Shared.Barriers, start = Stopwatch.GetTimestamp();
                sessions[i].Session.Step();
                double took = Stopwatch.GetElapsedTime(start).TotalSeconds;
                barriers[i] = Team.Shared.Barriers - before;
                if (run >= 0)
                {
                    seconds[i][run] = took;
                }
            }
            if (run < 0 && Stopwatch.GetElapsedTime(warm).TotalSeconds < Median.WarmUpSeconds * sessions.Count)
            {
                run--;
            }
        }
        double bare = 0;
        for (int i = 0; i < sessions.Count; i++)
        {
            Array.Sort(seconds[i]);
            double median = seconds[i][runs / 2];
            bare = i == 0 ? median : bare;
            (string storage, int adapters, long bytes, Decoder.Session session) = sessions[i];
            session.Dispose();
            Report(rows, adapters, rank, storage, median, seconds[i][0], bare, bytes, barriers[i]);
        }
        owned.ForEach(adapter => adapter.Dispose());
    }

    private void Report(int rows, int adapters, int rank, string storage, double seconds, double fastest, double bare, long bytes, long barriers)
    {
        if (json)
        {
            results.Add(new JsonObject
            {
                ["rows"] = rows,
                ["adapters"] = adapters,
                ["rank"] = adapters == 0 ? 0 : rank,
                ["storage"] = storage,
                ["seconds"] = seconds,
                ["fastest_seconds"] = fastest,
                ["tokens_per_s"] = rows / seconds,
                ["ratio_to_bare"] = bare / seconds,
                ["adapter_bytes"] = bytes,
                ["barriers"] = barriers,
            });
            return;
        }
        Console.WriteLine(adapters == 0
            ? $"{rows,5}{"none",9}{"",5}{"",9}{seconds * 1e3,9:F2}{rows / seconds,10:F1}{"",9}{"",7}{"",11}{"",7}{barriers,10}"
            : $"{rows,5}{adapters,9}{rank,5}{storage,9}{seconds * 1e3,9:F2}{rows / seconds,10:F1}{bare / seconds,9:F2}{(seconds / bare) - 1,7:P0}{bytes / 1e6,11:F0}{bytes / 1e9 / Math.Max(seconds - bare, 1e-9),7:F0}{barriers,10}");
    }

    private TrainedAdapter Make(int number, int rank, FactorStorage storage)
    {
        JsonObject config = new() { ["r"] = rank, ["lora_alpha"] = rank, ["target_modules"] = "all-linear" };
        TrainedAdapter adapter = AdapterMethods.Find(method).Create($"{method}-{number}", model, config, new CounterRandom((ulong)number));
        RandomValues.Disturb(adapter);
        adapter.Factors = storage;
        // As a server keeps it: the forms of all layers side by side, in large pages.
        adapter.Seal();
        return adapter;
    }
}
