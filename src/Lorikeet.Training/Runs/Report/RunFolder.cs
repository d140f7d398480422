using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>What a run writes about itself into its folder: run.json, metrics.jsonl, TensorBoard's events, report.html, README.md.</summary>
/// <param name="run">The run.</param>
/// <param name="resumed">Whether it goes on from a checkpoint: then what the folder holds of the first steps is kept.</param>
internal sealed class RunFolder(TrainingRun run, bool resumed) : IRunObserver, IDisposable
{
    private readonly string folder = run.Settings.Out;
    private readonly RunHistory history = run.History;
    private MetricsLog? metrics;
    private TensorBoardLog? events;

    /// <inheritdoc/>
    public void Begin(TrainingRun run)
    {
        Directory.CreateDirectory(folder);
        run.SaveSettings();
        string path = Path.Combine(folder, "metrics.jsonl");
        metrics = new MetricsLog(path, history.Names, resumed && File.Exists(path) ? history.Read(path, run.FirstStep) : []);
        events = new TensorBoardLog(folder, history);
    }

    /// <inheritdoc/>
    public void Step(in StepEvent e)
    {
        double time = Now();
        long resident = ProcessMemory.Now();
        for (int i = 0; i < e.Numbers.Count; i++)
        {
            StepNumbers n = e.Numbers[i];
            StepRecord record = new(e.Step, time, n.Loss, n.GradientNorm, n.Rate, n.Tokens, n.Targets, e.Seconds, e.PeakBytes, resident);
            history.Add(i, record);
            metrics!.Write(i, record);
            events!.Write(i, record);
        }
    }

    /// <inheritdoc/>
    public void Measured(in MeasuredEvent e)
    {
        double time = Now();
        for (int i = 0; i < e.Losses.Count; i++)
        {
            if (!double.IsNaN(e.Losses[i]))
            {
                HeldOutRecord record = new(e.Step, time, e.Losses[i], e.Averaged.Count > 0 ? e.Averaged[i] : double.NaN);
                history.Add(i, record);
                metrics!.Write(i, record);
                events!.Write(i, record);
            }
        }
        WritePage(null);
    }

    /// <inheritdoc/>
    public void End(RunResult result)
    {
        WritePage(result);
        if (result.Finished)
        {
            RunCard.Write(run, result);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        metrics?.Dispose();
        events?.Dispose();
    }

    private void WritePage(RunResult? result) => AtomicFile.WriteText(Path.Combine(folder, "report.html"), RunPage.Write(run, result));

    private static double Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;
}
