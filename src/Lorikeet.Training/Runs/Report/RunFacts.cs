using System.Globalization;

namespace Lorikeet.Training;

/// <summary>What page and card say of a run, in words.</summary>
internal static class RunFacts
{
    /// <summary>What is trained on what.</summary>
    public static string Title(RunSettings settings) => settings.Shape is not null
        ? $"{Path.GetFileName(settings.Out)}: a new model"
        : $"{Path.GetFileName(settings.Out)}: {settings.Method} on {Path.GetFileName(Path.TrimEndingDirectorySeparator(settings.Model))}";

    /// <summary>The numbers that matter most.</summary>
    public static IEnumerable<(string Name, string Value)> Numbers(TrainingRun run, RunResult? result)
    {
        RunHistory history = run.History;
        int done = history.Steps[0].Count > 0 ? history.Steps[0][^1].Step : 0;
        yield return ("steps", $"{done} of {run.Steps}");
        for (int i = 0; i < history.Names.Count; i++)
        {
            string of = history.Names.Count > 1 ? $", {history.Names[i]}" : "";
            if (history.HeldOut[i].Count > 0)
            {
                yield return ("held-out loss" + of, Number(history.LastHeldOut(i)));
            }
            if (result is not null && i < result.Best.Count && !double.IsNaN(result.Best[i].Loss))
            {
                yield return ($"best, step {result.Best[i].Step}{(result.Best[i].Averaged ? ", average" : "")}{of}", Number(result.Best[i].Loss));
            }
        }
        yield return ("numbers that train", Count(run.TrainedCount));
        yield return ("optimiser state", Bytes(run.OptimizerBytes));
        double seconds = history.Steps[0].Sum(s => s.Seconds);
        yield return ("tokens/s", seconds > 0 ? Number(Math.Round(history.Steps.Sum(t => t.Sum(s => (double)s.Tokens)) / seconds)) : "-");
        yield return ("peak memory", Bytes(result?.ProcessPeakBytes ?? ProcessMemory.Peak()));
    }

    /// <summary>The settings that decide the run, by name.</summary>
    public static IEnumerable<(string Name, string Value)> Settings(TrainingRun run)
    {
        RunSettings s = run.Settings;
        if (s.Shape is { } shape)
        {
            yield return ("new model", $"hidden {shape.Hidden}, {shape.Layers} layers, {shape.Heads} heads over {shape.KeyHeads}");
        }
        else
        {
            yield return ("base model", s.Model);
            yield return ("method", s.Method + (s.MethodOptions.Count > 0 ? " " + s.MethodOptions.ToJsonString() : ""));
        }
        for (int i = 0; i < s.Data.Count; i++)
        {
            yield return ("data", s.Data[i] + (i < s.DataHashes.Count ? $" (SHA-256 {s.DataHashes[i]})" : ""));
        }
        yield return ("held out", s.EvalData ?? $"the last {Number(s.EvalShare * 100)} % of the data");
        yield return ("documents, tokens", $"{run.DocumentCount}, {run.TokenCount}");
        yield return ("batch", $"{s.Batch} contexts of {s.Context} tokens, {s.Accumulate} of them a step");
        yield return ("optimiser", s.Optimizer + string.Concat(s.OptimizerOptions.Select(o => $" {o.Key}={o.Value}")));
        yield return ("learning rate", $"{Number(run.Trainees[0].Schedule.PeakRate)}, {s.Schedule}, {s.Warmup ?? run.Steps / 20} steps of warm-up");
        yield return ("clipping", s.Clip > 0 ? Number(s.Clip) : "none");
        if (s.Ema is { } ema)
        {
            yield return ("moving average", Number(ema));
        }
        if (s.Patience > 0)
        {
            yield return ("patience", $"{s.Patience} measurements");
        }
        yield return ("seed", s.Seed.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>A number in six digits.</summary>
    public static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);

    /// <summary>A count with a unit.</summary>
    public static string Count(long count) => count switch
    {
        >= 1_000_000_000 => Number(Math.Round(count / 1e9, 2)) + " G",
        >= 1_000_000 => Number(Math.Round(count / 1e6, 2)) + " M",
        >= 10_000 => Number(Math.Round(count / 1e3, 1)) + " k",
        _ => count.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Bytes in MiB.</summary>
    public static string Bytes(long bytes) => bytes >= 10L << 20
        ? Number(Math.Round(bytes / 1048576.0)) + " MiB"
        : Number(Math.Round(bytes / 1024.0, 1)) + " KiB";
}
