using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>All that a run is made of, put together from its settings: tokenizer, model, data, adapters, trainees, trainer.</summary>
internal sealed class RunParts : IDisposable
{
    private readonly List<RunData> data = [];
    private readonly List<TrainedAdapter> adapters = [];
    private readonly List<Trainee> trainees = [];
    private readonly List<string> notes = [];

    /// <param name="settings">The settings, checked here.</param>
    /// <param name="resumed">Whether the run goes on from a checkpoint: what it trained before it began is in its folder.</param>
    /// <param name="ranks">The processes that train together; null: this one alone.</param>
    public RunParts(RunSettings settings, bool resumed, IRanks? ranks)
    {
        settings.Check();
        Settings = settings;
        Ranks = ranks;
        Tokenizer = RunModel.Tokenizer(settings, resumed);
        _ = RunModel.SaveType(settings);
        Model = RunModel.Model(settings, Tokenizer);
        try
        {
            ReadData();
            Steps = settings.Steps ?? data.Max(d => (d.Train.BatchCount(settings.Epochs) + settings.Accumulate - 1) / settings.Accumulate);
            foreach (RunData own in data)
            {
                AddTrainee(own);
            }
            Trainer = new Trainer(Model, trainees, new TrainerOptions
            {
                Accumulation = settings.Accumulate,
                Checkpointing = settings.Checkpointing,
                Mean = settings.MeanOfMeans ? LossMean.MicroBatches : LossMean.Tokens,
                Random = new CounterRandom((ulong)settings.Seed).Named("dropout"),
                Average = settings.Ema,
                Rules = RunRules.Create(this),
                Ranks = ranks,
            });
        }
        catch
        {
            Free();
            throw;
        }
    }

    /// <summary>The settings.</summary>
    public RunSettings Settings { get; }

    /// <summary>The processes that train together, or null.</summary>
    public IRanks? Ranks { get; }

    /// <summary>The tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>The data of each trainee.</summary>
    public IReadOnlyList<RunData> Data => data;

    /// <summary>The adapters; empty where the model's own weights train.</summary>
    public IReadOnlyList<TrainedAdapter> Adapters => adapters;

    /// <summary>What trains, one for each data file.</summary>
    public IReadOnlyList<Trainee> Trainees => trainees;

    /// <summary>The trainer.</summary>
    public Trainer Trainer { get; }

    /// <summary>Optimiser steps in all.</summary>
    public int Steps { get; }

    /// <summary>What a user should know, one line each.</summary>
    public IReadOnlyList<string> Notes => notes;

    /// <summary>Where a trainee's result is saved: the run's folder, or one of its own in it where there are several.</summary>
    public string Folder(int trainee) => trainees.Count > 1 ? Path.Combine(Settings.Out, trainees[trainee].Name) : Settings.Out;

    /// <inheritdoc/>
    public void Dispose()
    {
        Trainer.Dispose();
        Free();
    }

    private void ReadData()
    {
        for (int i = 0; i < Settings.Data.Count; i++)
        {
            data.Add(RunData.Read(Settings, i, Tokenizer, notes));
        }
        if (data.Select(d => d.Name).Distinct(StringComparer.Ordinal).Count() < data.Count)
        {
            throw new ArgumentException("two data files have one name: each adapter's folder is named after its file");
        }
    }

    private void AddTrainee(RunData own)
    {
        TrainedAdapter? adapter = RunTrainees.Adapter(Settings, Model, own);
        if (adapter is not null)
        {
            adapter.Config["base_model_name_or_path"] ??= Settings.Model;
            adapters.Add(adapter);
            notes.AddRange(adapter.Warnings);
        }
        trainees.Add(RunTrainees.Create(Settings, Model, own, adapter, Steps));
    }

    private void Free()
    {
        foreach (Trainee trainee in trainees)
        {
            trainee.Dispose();
        }
        foreach (TrainedAdapter adapter in adapters)
        {
            adapter.Dispose();
        }
        foreach (RunData own in data)
        {
            own.Documents.Dispose();
        }
        Model.Dispose();
    }
}
