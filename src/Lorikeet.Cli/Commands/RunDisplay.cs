using System.Diagnostics;
using System.Globalization;
using Lorikeet.Training;
using Spectre.Console;

namespace Lorikeet.Cli.Commands;

/// <summary>Runs a training run and shows how it goes: a bar on a terminal, plain lines elsewhere.</summary>
internal static class RunDisplay
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(5);

    /// <summary>Prepares and runs.</summary>
    /// <param name="prepare">Makes the run.</param>
    /// <param name="command">The subcommand, for the hint how to resume.</param>
    /// <param name="stop">Set by Ctrl-C.</param>
    /// <returns>0 finished, 1 diverged, 130 stopped.</returns>
    public static int Execute(Func<TrainingRun> prepare, string command, CancellationToken stop)
    {
        using TrainingRun run = prepare();
        foreach (string note in run.Notes)
        {
            Console.Error.WriteLine($"note: {note}");
        }
        Console.WriteLine(Invariant(
            $"{RunOptions.Count(run.TrainedCount)} of {RunOptions.Count(run.ModelCount)} numbers train; {run.DocumentCount} documents, {RunOptions.Count(run.TokenCount)} tokens; steps {run.FirstStep} to {run.Steps}"));
        try
        {
            RunResult result = AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected ? WithBar(run, stop) : WithLines(run, stop);
            return Report(run, result, command);
        }
        catch (TrainingDivergedException e)
        {
            // One line like any other failure; what the last checkpoint holds is still good.
            throw new InvalidOperationException(e.Message, e);
        }
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
                    e =>
                    {
                        if (e.HeldOutLoss is { } measured)
                        {
                            held = Invariant($", held out {measured:F3}");
                            return;
                        }
                        task.Value = e.Step;
                        task.Description = Invariant($"step {e.Step}/{e.Steps}, loss {e.Loss:F3}{held}, {e.TokensPerSecond:F0} tokens/s, {Time(e.Remaining)} left");
                    },
                    stop);
            });
        return result!;
    }

    private static RunResult WithLines(TrainingRun run, CancellationToken stop)
    {
        long last = 0;
        return run.Run(
            e =>
            {
                if (e.HeldOutLoss is { } measured)
                {
                    Console.WriteLine(Invariant($"step {e.Step}/{e.Steps}: held-out loss {measured:F4}"));
                }
                else if (e.Step == e.Steps || last == 0 || Stopwatch.GetElapsedTime(last) > LineEvery)
                {
                    last = Stopwatch.GetTimestamp();
                    Console.WriteLine(Invariant(
                        $"step {e.Step}/{e.Steps}: loss {e.Loss:F4}, lr {e.Rate:G3}, gradient norm {e.GradientNorm:G3}, {e.TokensPerSecond:F0} tokens/s, {Time(e.Remaining)} left"));
                }
            },
            stop);
    }

    private static int Report(TrainingRun run, RunResult result, string command)
    {
        string memory = Invariant($"peak memory {result.ProcessPeakBytes / 1048576.0:F0} MiB, of it {result.PeakBytes / 1048576.0:F0} MiB for a step's values");
        if (!result.Finished)
        {
            Console.WriteLine($"stopped after step {result.Step} of {run.Steps}; checkpoint {result.Folders[0]}; {memory}");
            Console.WriteLine($"go on with: lorikeet {command} --resume --out {Path.GetRelativePath(Environment.CurrentDirectory, run.Settings.Out)}");
            return 130;
        }
        foreach (string folder in result.Folders)
        {
            Console.WriteLine($"saved {Path.GetRelativePath(Environment.CurrentDirectory, folder)}");
        }
        Console.WriteLine($"{memory}; curve in {Path.Combine(Path.GetRelativePath(Environment.CurrentDirectory, run.Settings.Out), "loss.svg")}");
        return 0;
    }

    private static string Time(TimeSpan time) => time.TotalHours >= 1
        ? Invariant($"{(int)time.TotalHours}:{time.Minutes:D2}:{time.Seconds:D2}")
        : Invariant($"{time.Minutes}:{time.Seconds:D2}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
