using System.Diagnostics;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>A whole run in a folder: data, training, measurements, checkpoints, and the adapter or model in the end.</summary>
/// <remarks>
/// The folder holds run.json (settings), metrics.jsonl, loss.svg, checkpoints/ while the run is not finished, and the result: an adapter in PEFT's
/// form (one folder each where several are trained), or a model with its tokenizer.
/// </remarks>
public sealed class TrainingRun : IDisposable
{
    private const string SettingsName = "run.json";
    private readonly Tokenizer tokenizer;
    private readonly LanguageModel model;
    private readonly List<RunData> data = [];
    private readonly List<TrainedAdapter> adapters = [];
    private readonly List<Trainee> trainees = [];
    private readonly Trainer trainer;
    private readonly RunLog log;
    private readonly List<string> notes = [];
    private readonly bool resumed;

    private TrainingRun(RunSettings settings, bool resumed)
    {
        settings.Check();
        this.resumed = resumed;
        tokenizer = RunModel.Tokenizer(settings, resumed);
        _ = RunModel.SaveType(settings);
        model = RunModel.Model(settings, tokenizer);
        try
        {
            for (int i = 0; i < settings.Data.Count; i++)
            {
                data.Add(RunData.Read(settings, i, tokenizer, notes));
            }
            if (data.Select(d => d.Name).Distinct(StringComparer.Ordinal).Count() < data.Count)
            {
                throw new ArgumentException("two data files have one name: each adapter's folder is named after its file");
            }
            Steps = settings.Steps ?? data.Max(d => (d.Train.BatchCount(settings.Epochs) + settings.Accumulate - 1) / settings.Accumulate);
            Settings = settings;
            foreach (RunData own in data)
            {
                trainees.Add(Trainee(own));
            }
            trainer = new Trainer(model, trainees, new TrainerOptions
            {
                Accumulation = settings.Accumulate,
                Checkpointing = settings.Checkpointing,
                Mean = settings.MeanOfMeans ? LossMean.MicroBatches : LossMean.Tokens,
                Random = new CounterRandom((ulong)settings.Seed).Named("dropout"),
            });
        }
        catch
        {
            FreeParts();
            throw;
        }
        log = new RunLog(Path.Combine(settings.Out, "metrics.jsonl"), [.. data.Select(d => d.Name)]);
    }

    /// <summary>The settings, with what was left open filled in.</summary>
    public RunSettings Settings { get; }

    /// <summary>Optimiser steps in all.</summary>
    public int Steps { get; }

    /// <summary>The step to begin with: 0, or that of the checkpoint.</summary>
    public int FirstStep => trainer.Step;

    /// <summary>Numbers that train, in all adapters or the model.</summary>
    public long TrainedCount => trainees.Sum(t => t.States.Keys.Sum(p => p.Value.Shape.Length));

    /// <summary>Numbers of the model.</summary>
    public long ModelCount => model.ParameterCount;

    /// <summary>Tokens of all data files.</summary>
    public long TokenCount => data.Sum(d => d.Documents.TokenCount);

    /// <summary>Documents in all data files.</summary>
    public int DocumentCount => data.Sum(d => d.Documents.DocumentCount);

    /// <summary>What a user should know, one line each.</summary>
    public IReadOnlyList<string> Notes => notes;

    /// <summary>Prepares a new run; nothing is written before <see cref="Run"/>.</summary>
    /// <param name="settings">The settings.</param>
    /// <exception cref="ArgumentException">A setting is out of its range, or the folder is in use.</exception>
    /// <exception cref="BadFileException">A file cannot be used.</exception>
    /// <exception cref="NotSupportedException">Something is asked for that is not built; the message names it.</exception>
    public static TrainingRun Start(RunSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Check();
        if (Directory.Exists(settings.Out) && Directory.EnumerateFileSystemEntries(settings.Out).Any())
        {
            throw new ArgumentException(
                TrainingCheckpoint.Latest(Path.Combine(settings.Out, "checkpoints")) is not null
                    ? $"{settings.Out} already holds a run: go on with --resume, or name another folder"
                    : $"{settings.Out} is not empty: name a new folder");
        }
        return new TrainingRun(settings with { DataHashes = [.. settings.Data.Select(RunData.Hash)] }, resumed: false);
    }

    /// <summary>Takes up a run where its newest checkpoint stands; its settings are those it was started with.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <exception cref="BadFileException">There is no run, no checkpoint, or its data has changed.</exception>
    public static TrainingRun Resume(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        RunSettings settings = RunSettings.Load(Path.Combine(folder, SettingsName)) with { Out = folder };
        string checkpoint = TrainingCheckpoint.Latest(Path.Combine(folder, "checkpoints"))
            ?? throw new BadFileException($"{folder} has no checkpoint: the run is finished, or was stopped before its first one. Start it anew in another folder.");
        for (int i = 0; i < settings.Data.Count; i++)
        {
            if (i >= settings.DataHashes.Count || RunData.Hash(settings.Data[i]) != settings.DataHashes[i])
            {
                throw new BadFileException($"{settings.Data[i]} has changed since the run began; a run goes on with the same data only.");
            }
        }
        TrainingRun run = new(settings, resumed: true);
        try
        {
            TrainingCheckpoint.Load(checkpoint, run.trainer);
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    /// <summary>Trains to the end, or until it is stopped: then the step is finished and a checkpoint written.</summary>
    /// <param name="observe">Told of every step and measurement.</param>
    /// <param name="stop">Asks to stop after the step.</param>
    /// <exception cref="TrainingDivergedException">A gradient is not finite; the last checkpoint stays.</exception>
    public RunResult Run(Action<RunEvent>? observe = null, CancellationToken stop = default)
    {
        Begin();
        if (!resumed)
        {
            Measure(observe);
        }
        Speed speed = new();
        while (trainer.Step < Steps && !stop.IsCancellationRequested)
        {
            long began = Stopwatch.GetTimestamp();
            IReadOnlyList<StepNumbers> numbers = trainer.Next();
            Note(numbers, Stopwatch.GetElapsedTime(began), speed, observe);
            int step = trainer.Step;
            if (step == Steps || (Settings.EvalEvery > 0 && step % Settings.EvalEvery == 0))
            {
                Measure(observe);
            }
            if (step < Steps && Settings.CheckpointEvery > 0 && step % Settings.CheckpointEvery == 0)
            {
                Checkpoint();
            }
        }
        bool finished = trainer.Step == Steps;
        IReadOnlyList<string> folders = finished ? Finish() : [Checkpoint()];
        AtomicFile.WriteText(Path.Combine(Settings.Out, "loss.svg"), LossChart.Draw(Title(), log.Curves()));
        IReadOnlyList<double> held = [.. log.HeldOut.Select(h => h.Count > 0 ? h[^1].Loss : double.NaN)];
        return new RunResult(finished, trainer.Step, held, folders, trainer.PeakBytes, ProcessPeak());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        log.Dispose();
        trainer.Dispose();
        FreeParts();
    }

    private void FreeParts()
    {
        foreach (Trainee trainee in trainees)
        {
            trainee.Dispose();
        }
        foreach (TrainedAdapter adapter in adapters)
        {
            adapter.Dispose();
        }
        model.Dispose();
    }

    private Trainee Trainee(RunData own)
    {
        ScheduleSettings schedule = new()
        {
            Rate = Settings.Rate ?? DefaultRate(),
            Warmup = Settings.Warmup ?? Steps / 20,
            Steps = Steps,
            DecaySteps = Math.Max(1, Steps / 5),
            MinimumShare = Settings.Schedule.Contains("min_lr", StringComparison.OrdinalIgnoreCase) ? 0.1 : null,
        };
        TrainedAdapter? adapter = null;
        double decay = Settings.WeightDecay ?? 0.1;
        if (Settings.Method != "full")
        {
            AdapterMethod method = AdapterMethods.Find(Settings.Method);
            adapter = method.Create(own.Name, model, Settings.MethodOptions, new CounterRandom((ulong)Settings.Seed).Named("start"));
            adapters.Add(adapter);
            notes.AddRange(adapter.Warnings);
            decay = Settings.WeightDecay ?? method.WeightDecay;
        }
        // Of a model, matrices decay; of an adapter, all that trains does, as with PyTorch's optimisers without groups.
        IReadOnlyList<ParameterGroup> groups = Training.Trainee.Group(adapter?.Parameters ?? model.TrainedParameters, decay, all: adapter is not null, Projected(adapter));
        // Language models are pre-trained with a second moment that forgets faster (Brown et al., arXiv 2005.14165).
        OptimizerSettings optimizer = Settings.Shape is null ? new OptimizerSettings() : new OptimizerSettings { Beta2 = 0.95 };
        return new Trainee(
            own.Name,
            adapter,
            groups,
            own.Train,
            Optimizers.Create(Settings.Optimizer, OptimizerOption.Read(optimizer with { Seed = (int)(Settings.Seed & int.MaxValue) }, Settings.OptimizerOptions)),
            Schedule.Create(Settings.Schedule, schedule),
            Settings.Clip > 0 ? Settings.Clip : null);
    }

    /// <summary>What an optimiser of a subspace projects: an adapter's matrices; of a model those of its blocks' linear layers.</summary>
    private HashSet<Parameter> Projected(TrainedAdapter? adapter) => adapter is not null
        ? [.. adapter.Parameters.Where(p => p.Value.Shape.Rank == 2)]
        : [.. model.Sites.OfType<LinearSite>().Where(site => !site.IsHead).SelectMany(site => site.Weight.Parameters).Where(p => p.Value.Shape.Rank == 2)];

    private double DefaultRate() =>
        Settings.Shape is not null ? 2e-3 : Settings.Method == "full" ? 2e-5 : AdapterMethods.Find(Settings.Method).LearningRate;

    private void Begin()
    {
        Directory.CreateDirectory(Settings.Out);
        if (!resumed)
        {
            if (Settings.Shape is not null)
            {
                tokenizer.Save(Settings.Out);
            }
            Settings.Save(Path.Combine(Settings.Out, SettingsName));
        }
        log.Open(trainer.Step);
    }

    private void Note(IReadOnlyList<StepNumbers> numbers, TimeSpan took, Speed speed, Action<RunEvent>? observe)
    {
        double loss = 0;
        long tokens = 0;
        for (int i = 0; i < numbers.Count; i++)
        {
            log.Step(trainer.Step, i, numbers[i], took.TotalSeconds, trainer.PeakBytes);
            loss += numbers[i].Loss / numbers.Count;
            tokens += numbers[i].Tokens;
        }
        speed.Add(tokens, took.TotalSeconds);
        observe?.Invoke(new RunEvent(
            trainer.Step, Steps, loss, numbers[0].Rate, numbers[0].GradientNorm, speed.TokensPerSecond, speed.Remaining(Steps - trainer.Step), trainer.PeakBytes, null));
    }

    private void Measure(Action<RunEvent>? observe)
    {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < data.Count; i++)
        {
            if (data[i].HeldOut.Count > 0)
            {
                double loss = trainer.Evaluate(i, data[i].HeldOut).Loss;
                log.Measured(trainer.Step, i, loss);
                sum += loss;
                count++;
            }
        }
        if (count > 0)
        {
            double last = log.Train[0].Count > 0 ? log.Train[0][^1].Loss : double.NaN;
            observe?.Invoke(new RunEvent(trainer.Step, Steps, last, 0, 0, 0, default, trainer.PeakBytes, sum / count));
        }
    }

    private string Checkpoint() => TrainingCheckpoint.Save(Path.Combine(Settings.Out, "checkpoints"), trainer, folder =>
    {
        foreach (TrainedAdapter adapter in adapters)
        {
            AdapterFolder.Save(adapter, Path.Combine(folder, adapter.Name));
        }
    });

    private List<string> Finish()
    {
        List<string> folders = [];
        foreach (TrainedAdapter adapter in adapters)
        {
            adapter.Config["base_model_name_or_path"] ??= Settings.Model;
            string folder = adapters.Count > 1 ? Path.Combine(Settings.Out, adapter.Name) : Settings.Out;
            AdapterFolder.Save(adapter, folder);
            folders.Add(folder);
        }
        if (adapters.Count == 0)
        {
            tokenizer.Save(Settings.Out);
            ModelWriter.Save(model, Settings.Out, RunModel.SaveType(Settings));
            folders.Add(Settings.Out);
        }
        string checkpoints = Path.Combine(Settings.Out, "checkpoints");
        if (Directory.Exists(checkpoints))
        {
            Directory.Delete(checkpoints, recursive: true);
        }
        return folders;
    }

    private string Title() => Settings.Shape is not null ? "Pre-training" : $"{Settings.Method} on {Path.GetFileName(Path.TrimEndingDirectorySeparator(Settings.Model))}";

    private static long ProcessPeak()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    /// <summary>Tokens and seconds of the last steps, older ones fading.</summary>
    private sealed class Speed
    {
        private const double Fade = 0.9;
        private double tokens;
        private double seconds;
        private double steps;

        public double TokensPerSecond => seconds > 0 ? tokens / seconds : 0;

        public void Add(long newTokens, double newSeconds)
        {
            tokens = (tokens * Fade) + newTokens;
            seconds = (seconds * Fade) + newSeconds;
            steps = (steps * Fade) + 1;
        }

        public TimeSpan Remaining(int left) => steps > 0 ? TimeSpan.FromSeconds(left * seconds / steps) : default;
    }
}
