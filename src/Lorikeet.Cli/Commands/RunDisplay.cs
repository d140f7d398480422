using System.Diagnostics;
using System.Globalization;
using Lorikeet.Mpi;
using Lorikeet.Training;
using Spectre.Console;

namespace Lorikeet.Cli.Commands;

/// <summary>Runs a training run and shows how it goes: a bar on a terminal, plain lines elsewhere.</summary>
internal static class RunDisplay
{
    private const int Stopped = 130;
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(5);

    /// <summary>Prepares and runs.</summary>
    /// <param name="prepare">Makes the run, given the processes that mpirun started beside this one, or null.</param>
    /// <param name="command">The subcommand, for the hint how to resume.</param>
    /// <param name="stop">Set by Ctrl-C.</param>
    /// <returns>0 finished, 1 diverged, 130 stopped.</returns>
    public static int Execute(Func<IRanks?, TrainingRun> prepare, string command, CancellationToken stop)
    {
        MpiRanks? ranks = MpiRanks.Join();
        int code = Execute(() => prepare(ranks), ranks, command, stop);
        ranks?.Leave();
        return code;
    }

    private static int Execute(Func<TrainingRun> prepare, MpiRanks? ranks, string command, CancellationToken stop)
    {
        using TrainingRun run = prepare();
        try
        {
            return run.Writes ? Show(run, ranks, command, stop) : run.Run([], stop).Finished ? 0 : Stopped;
        }
        catch (TrainingDivergedException e)
        {
            // One line like any other failure; what the last checkpoint holds is still good.
            throw new InvalidOperationException(e.Message, e);
        }
        catch (RanksLostException e)
        {
            string kept = run.Writes ? $"; the steps up to {run.FirstStep} are kept, go on with: {Again(run, command)}" : "";
            throw new InvalidOperationException(e.Message + kept, e);
        }
    }

    private static int Show(TrainingRun run, MpiRanks? ranks, string command, CancellationToken stop)
    {
        foreach (string note in run.Notes)
        {
            Console.Error.WriteLine($"note: {note}");
        }
        Console.WriteLine(Invariant(
            $"{RunOptions.Count(run.TrainedCount)} of {RunOptions.Count(run.ModelCount)} numbers train; {run.DocumentCount} documents, {RunOptions.Count(run.TokenCount)} tokens; steps {run.FirstStep} to {run.Steps}"));
        if (ranks is not null)
        {
            Console.WriteLine($"{ranks.Count} processes share every step");
        }
        RunResult result = Watch(run, Console.Out, stop);
        return Report(run, result, command);
    }

    /// <summary>Settings that cannot be meant are wrong usage; files that cannot be used are failures.</summary>
    public static T Checked<T>(Func<T> start)
    {
        try
        {
            return start();
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>Runs and shows how it goes: a bar on a terminal, elsewhere a line from time to time.</summary>
    /// <param name="run">The run.</param>
    /// <param name="lines">Where lines go.</param>
    /// <param name="stop">Set by Ctrl-C.</param>
    public static RunResult Watch(TrainingRun run, TextWriter lines, CancellationToken stop) =>
        AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected ? WithBar(run, stop) : WithLines(run, lines, stop);

    private static RunResult WithBar(TrainingRun run, CancellationToken stop)
    {
        RunResult? result = null;
        AnsiConsole.Progress()
            .AutoClear(false)
            .HideCompleted(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask("starting", maxValue: run.Steps);
                task.Value = run.FirstStep;
                string held = "";
                result = run.Run(
                    [
                        new RunObserver(
                            e =>
                            {
                                task.Value = e.Step;
                                task.Description = Invariant($"step {e.Step}/{e.Steps}, loss {e.Loss:F3}{held}, {e.TokensPerSecond:F0} tokens/s, {Time(e.Remaining)} left");
                            },
                            e => held = Invariant($", held out {e.Loss:F3}")),
                    ],
                    stop);
            });
        return result!;
    }

    private static RunResult WithLines(TrainingRun run, TextWriter lines, CancellationToken stop)
    {
        long last = 0;
        return run.Run(
            [
                new RunObserver(
                    e =>
                    {
                        if (e.Step == e.Steps || last == 0 || Stopwatch.GetElapsedTime(last) > LineEvery)
                        {
                            last = Stopwatch.GetTimestamp();
                            lines.WriteLine(Invariant(
                                $"step {e.Step}/{e.Steps}: loss {e.Loss:F4}, lr {e.Numbers[0].Rate:G3}, gradient norm {e.Numbers[0].GradientNorm:G3}, {e.TokensPerSecond:F0} tokens/s, {Time(e.Remaining)} left"));
                        }
                    },
                    e => lines.WriteLine(Invariant($"step {e.Step}/{e.Steps}: held-out loss {e.Loss:F4}") + (double.IsNaN(e.AveragedLoss) ? "" : Invariant($", of the average {e.AveragedLoss:F4}")))),
            ],
            stop);
    }

    private static int Report(TrainingRun run, RunResult result, string command)
    {
        string memory = Invariant($"peak memory {result.ProcessPeakBytes / 1048576.0:F0} MiB, of it {result.PeakBytes / 1048576.0:F0} MiB for a step's values");
        if (!result.Finished)
        {
            Console.WriteLine($"stopped after step {result.Step} of {run.Steps}; checkpoint {result.Folders[0]}; {memory}");
            Console.WriteLine($"go on with: {Again(run, command)}");
            return Stopped;
        }
        if (result.StoppedEarly)
        {
            Console.WriteLine($"stopped early after step {result.Step} of {run.Steps}: {run.Settings.Patience} held-out losses were no better than the best");
        }
        for (int i = 0; i < result.Folders.Count; i++)
        {
            string folder = Path.GetRelativePath(Environment.CurrentDirectory, result.Folders[i]);
            string ema = run.Settings.Ema is null ? "" : $"; its moving average in {Path.Combine(folder, "ema")}";
            BestResult best = result.Best[i];
            string lowest = double.IsNaN(best.Loss) || !run.Settings.KeepBest
                ? ""
                : Invariant($"; the lowest held-out loss, {best.Loss:F4} after step {best.Step}{(best.Averaged ? " of the average" : "")}, in {Path.Combine(folder, "best")}");
            Console.WriteLine($"saved {folder}{lowest}{ema}");
        }
        Console.WriteLine($"{memory}; report in {Path.Combine(Path.GetRelativePath(Environment.CurrentDirectory, run.Settings.Out), "report.html")}");
        return 0;
    }

    private static string Again(TrainingRun run, string command) =>
        $"lorikeet {command} --resume --out {Path.GetRelativePath(Environment.CurrentDirectory, run.Settings.Out)}";

    private static string Time(TimeSpan time) => time.TotalHours >= 1
        ? Invariant($"{(int)time.TotalHours}:{time.Minutes:D2}:{time.Seconds:D2}")
        : Invariant($"{time.Minutes}:{time.Seconds:D2}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
