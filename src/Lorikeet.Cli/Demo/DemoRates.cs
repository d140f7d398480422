using System.Diagnostics;
using System.Globalization;
using Lorikeet.Models;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Demo;

/// <summary>Tokens a second of the same requests: in one batch, one after another, and in one batch without adapters.</summary>
/// <param name="Together">All rows in one batch, each with its adapter.</param>
/// <param name="OneByOne">One row after another.</param>
/// <param name="Bare">All rows in one batch, none with an adapter.</param>
internal sealed record DemoRates(double Together, double OneByOne, double Bare)
{
    private const int WarmUp = 5, LeastRounds = 5, MostRounds = 25;
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(8);

    /// <summary>What a user reads.</summary>
    public string Line => string.Create(
        CultureInfo.InvariantCulture,
        $"together {Together:N0} tokens/s, one after another {OneByOne:N0} tokens/s, together without adapters {Bare:N0} tokens/s ({Together / Bare * 100:F0} % of it with; factors as int8)");

    /// <summary>Measures: the three take turns, so that a noisy machine disturbs all alike; medians, prompts included in the time.</summary>
    public static DemoRates Measure(LanguageModel model, GenerationRequest[] requests, CancellationToken stop)
    {
        GenerationRequest[] bare = [.. requests.Select(r => r with { Adapter = null })];
        GenerationRequest[][] together = [requests], alone = [.. requests.Select(r => new[] { r })], without = [bare];
        using Engine engine = new(model);
        List<double>[] rates = [[], [], []];
        long began = Stopwatch.GetTimestamp();
        for (int round = 0; round < WarmUp + MostRounds && (round < WarmUp + LeastRounds || Stopwatch.GetElapsedTime(began) < Enough); round++)
        {
            GenerationRequest[][][] ways = [together, alone, without];
            for (int way = 0; way < ways.Length; way++)
            {
                stop.ThrowIfCancellationRequested();
                double rate = Rate(engine, ways[way]);
                // The first rounds still compile.
                if (round >= WarmUp)
                {
                    rates[way].Add(rate);
                }
            }
        }
        double[] medians = [.. rates.Select(r => r.Order().ElementAt(r.Count / 2))];
        return new DemoRates(medians[0], medians[1], medians[2]);
    }

    private static double Rate(Engine engine, GenerationRequest[][] batches)
    {
        long began = Stopwatch.GetTimestamp();
        int tokens = 0;
        foreach (GenerationRequest[] batch in batches)
        {
            foreach (GenerationRequest request in batch)
            {
                engine.Add(request);
            }
            while (engine.HasWork)
            {
                tokens += engine.Step().Length;
            }
        }
        return tokens / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}
