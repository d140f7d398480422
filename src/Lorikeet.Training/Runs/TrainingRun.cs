using System.Diagnostics;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>A whole run in a folder: data, training, measurements, checkpoints, and the adapter or model in the end.</summary>
/// <remarks>
/// The folder holds run.json (settings), metrics.jsonl, events.out.tfevents.* for TensorBoard, report.html, README.md, checkpoints/ while the run is not
/// finished, and the result: an adapter in PEFT's form (one folder each where several are trained), or a model with its tokenizer. Beside the result
/// lie best/, that of the lowest held-out loss, and ema/, the moving average, where they are kept.
/// </remarks>
public sealed class TrainingRun : IDisposable
{
    private const string SettingsName = "run.json";
    private readonly RunParts parts;
    private readonly RunProgress progress;
    private readonly RunMeasuring measuring;
    private readonly RunResults results;
    private readonly bool resumed;
    private IReadOnlyList<IRunObserver> observers = [];
    private MeasuredEvent? last;

    private TrainingRun(RunSettings settings, bool resumed, IRanks? ranks)
    {
        this.resumed = resumed;
        parts = new RunParts(settings, resumed, ranks);
        progress = new RunProgress(parts.Trainees.Count);
        measuring = new RunMeasuring(parts);
        results = new RunResults(parts, progress);
        History = new RunHistory([.. parts.Data.Select(d => d.Name)]);
    }

    /// <summary>The settings, with what was left open filled in.</summary>
    public RunSettings Settings => parts.Settings;

    /// <summary>Optimiser steps in all.</summary>
    public int Steps => parts.Steps;

    /// <summary>The step to begin with: 0, or that of the checkpoint.</summary>
    public int FirstStep => parts.Trainer.Step;

    /// <summary>The numbers of all steps and measurements, also those before the run was resumed.</summary>
    public RunHistory History { get; }

    /// <summary>What is trained.</summary>
    public IReadOnlyList<Trainee> Trainees => parts.Trainees;

    /// <summary>Numbers that train, in all adapters or the model.</summary>
    public long TrainedCount => parts.Trainees.Sum(t => t.States.Keys.Sum(p => p.Value.Shape.Length));

    /// <summary>Bytes of all optimiser states.</summary>
    public long OptimizerBytes => parts.Trainees.Sum(t => t.States.Values.Sum(s => s.Bytes));

    /// <summary>Numbers of the model.</summary>
    public long ModelCount => parts.Model.ParameterCount;

    /// <summary>Tokens of all data files.</summary>
    public long TokenCount => parts.Data.Sum(d => d.Documents.TokenCount);

    /// <summary>Documents in all data files.</summary>
    public int DocumentCount => parts.Data.Sum(d => d.Documents.DocumentCount);

    /// <summary>What a user should know, one line each.</summary>
    public IReadOnlyList<string> Notes => parts.Notes;

    /// <summary>Whether this process writes what is written: the only one, or the first of several ranks.</summary>
    public bool Writes => parts.Ranks is not { } ranks || ranks.Rank == ranks.Writer;

    private bool IsOver => parts.Trainer.Step == Steps || progress.IsOver(Settings.Patience);

    /// <summary>Prepares a new run; nothing is written before <see cref="Run"/>.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="ranks">The processes that train together, each with these settings; null: this one alone.</param>
    /// <exception cref="ArgumentException">A setting is out of its range, or the folder is in use.</exception>
    /// <exception cref="BadFileException">A file cannot be used.</exception>
    /// <exception cref="NotSupportedException">Something is asked for that is not built; the message names it.</exception>
    public static TrainingRun Start(RunSettings settings, IRanks? ranks = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Check();
        if (Directory.Exists(settings.Out) && Directory.EnumerateFileSystemEntries(settings.Out).Any())
        {
            throw new ArgumentException(
                TrainingCheckpoint.Latest(RunResults.Checkpoints(settings.Out)) is not null
                    ? $"{settings.Out} already holds a run: go on with --resume, or name another folder"
                    : $"{settings.Out} is not empty: name a new folder");
        }
        return new TrainingRun(settings with { DataHashes = [.. settings.Data.Select(RunData.Hash)] }, resumed: false, ranks);
    }

    /// <summary>Takes up a run where its newest checkpoint stands; its settings are those it was started with.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="ranks">The processes that train together, not necessarily as many as before; null: this one alone.</param>
    /// <exception cref="BadFileException">There is no run, no checkpoint, or its data has changed.</exception>
    public static TrainingRun Resume(string folder, IRanks? ranks = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        RunSettings settings = RunSettings.Load(Path.Combine(folder, SettingsName)) with { Out = folder };
        string checkpoint = TrainingCheckpoint.Latest(RunResults.Checkpoints(folder))
            ?? throw new BadFileException($"{folder} has no checkpoint: the run is finished, or was stopped before its first one. Start it anew in another folder.");
        for (int i = 0; i < settings.Data.Count; i++)
        {
            if (i >= settings.DataHashes.Count || RunData.Hash(settings.Data[i]) != settings.DataHashes[i])
            {
                throw new BadFileException($"{settings.Data[i]} has changed since the run began; a run goes on with the same data only.");
            }
        }
        TrainingRun run = new(settings, resumed: true, ranks);
        try
        {
            run.results.Load(checkpoint);
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    /// <summary>Trains to the end, or until it is stopped: then the step is finished and a checkpoint written.</summary>
    /// <param name="observers">Told of everything that happens.</param>
    /// <param name="stop">Asks to stop after the step.</param>
    /// <exception cref="TrainingDivergedException">A gradient is not finite; the last checkpoint stays.</exception>
    /// <exception cref="RanksLostException">A process that trains along is gone; a checkpoint of the last whole step is written.</exception>
    public RunResult Run(IReadOnlyList<IRunObserver>? observers = null, CancellationToken stop = default)
    {
        using RunFolder folder = new(this, resumed);
        // Nothing is written before all ranks have read what they need.
        parts.Ranks?.Sum(new double[1]);
        this.observers = Writes ? [folder, .. observers ?? []] : [];
        try
        {
            Tell(o => o.Begin(this));
            if (!resumed)
            {
                Measure();
            }
            RunSpeed speed = new();
            while (!IsOver && !Stopping(stop))
            {
                Step(speed);
                Keep();
            }
            return End();
        }
        catch (RanksLostException)
        {
            // What was trained up to the last whole step is as good as ever.
            Checkpoint();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => parts.Dispose();

    /// <summary>Writes run.json, and the tokenizer where it was trained with the run.</summary>
    internal void SaveSettings()
    {
        if (resumed)
        {
            return;
        }
        if (Settings.Shape is not null)
        {
            parts.Tokenizer.Save(Settings.Out);
        }
        Settings.Save(Path.Combine(Settings.Out, SettingsName));
    }

    private void Step(RunSpeed speed)
    {
        long began = Stopwatch.GetTimestamp();
        IReadOnlyList<StepNumbers> numbers = parts.Trainer.Next();
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        speed.Add(numbers.Sum(n => n.Tokens), seconds);
        StepEvent e = new(parts.Trainer.Step, Steps, numbers, seconds, speed.TokensPerSecond, speed.Remaining(Steps - parts.Trainer.Step), parts.Trainer.PeakBytes);
        Tell(o => o.Step(e));
    }

    /// <summary>Measures and writes a checkpoint where it is time to.</summary>
    private void Keep()
    {
        int step = parts.Trainer.Step;
        if (step == Steps || (Settings.EvalEvery > 0 && step % Settings.EvalEvery == 0))
        {
            Measure();
        }
        if (!IsOver && Settings.CheckpointEvery > 0 && step % Settings.CheckpointEvery == 0)
        {
            Checkpoint();
        }
    }

    private void Measure()
    {
        if (!measuring.Any)
        {
            return;
        }
        MeasuredEvent measured = measuring.Run();
        last = measured;
        Tell(o => o.Measured(measured));
        for (int i = 0; i < parts.Trainees.Count; i++)
        {
            if (progress.Note(i, measured.Step, measured.Losses[i], measured.Averaged.Count > 0 ? measured.Averaged[i] : double.NaN) && Settings.KeepBest && Writes)
            {
                Saved(SavedKind.Best, results.Best(i));
            }
        }
    }

    private IReadOnlyList<string> Checkpoint()
    {
        if (!Writes)
        {
            return [];
        }
        string folder = results.Checkpoint();
        Saved(SavedKind.Checkpoint, folder);
        return [folder];
    }

    private RunResult End()
    {
        bool finished = IsOver;
        IReadOnlyList<string> folders = !finished ? Checkpoint() : Writes ? results.Finish(Saved) : [];
        RunResult result = new(
            finished,
            parts.Trainer.Step,
            [.. parts.Trainees.Select((_, i) => last?.Losses[i] ?? History.LastHeldOut(i))],
            folders,
            parts.Trainer.PeakBytes,
            ProcessMemory.Peak())
        {
            Best = progress.Best,
            StoppedEarly = finished && parts.Trainer.Step < Steps,
        };
        Tell(o => o.End(result));
        return result;
    }

    /// <summary>Whether to stop: ranks stop after the same step.</summary>
    private bool Stopping(CancellationToken stop)
    {
        if (parts.Ranks is not { } ranks)
        {
            return stop.IsCancellationRequested;
        }
        Span<double> wanted = [stop.IsCancellationRequested ? 1 : 0];
        ranks.Sum(wanted);
        return wanted[0] > 0;
    }

    private void Saved(SavedKind kind, string folder) => Tell(o => o.Saved(new SavedEvent(kind, folder, parts.Trainer.Step)));

    private void Tell(Action<IRunObserver> what)
    {
        foreach (IRunObserver observer in observers)
        {
            what(observer);
        }
    }
}
