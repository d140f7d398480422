using Lorikeet.Adapters;
using Lorikeet.Models;

namespace Lorikeet.Training;

/// <summary>Writes what a run makes: checkpoints, the best result, the moving average, the result.</summary>
/// <param name="parts">The run's parts.</param>
/// <param name="progress">Kept with each checkpoint.</param>
internal sealed class RunResults(RunParts parts, RunProgress progress)
{
    private const string ProgressName = "progress.json";

    /// <summary>The folder of the run's checkpoints.</summary>
    public static string Checkpoints(string folder) => Path.Combine(folder, "checkpoints");

    /// <summary>Writes a checkpoint, the adapters in PEFT's form with it.</summary>
    /// <returns>Its folder.</returns>
    public string Checkpoint() => TrainingCheckpoint.Save(Checkpoints(parts.Settings.Out), parts.Trainer, folder =>
    {
        progress.Save(Path.Combine(folder, ProgressName));
        foreach (TrainedAdapter adapter in parts.Adapters)
        {
            AdapterFolder.Save(adapter, Path.Combine(folder, adapter.Name));
        }
    });

    /// <summary>Brings the run to where a checkpoint was written.</summary>
    public void Load(string checkpoint)
    {
        TrainingCheckpoint.Load(checkpoint, parts.Trainer);
        progress.Load(Path.Combine(checkpoint, ProgressName));
    }

    /// <summary>Writes a trainee's present values, or averages, to <c>best/</c> beside its result.</summary>
    /// <returns>The folder.</returns>
    public string Best(int trainee)
    {
        string folder = Path.Combine(parts.Folder(trainee), "best");
        // An older best one stays until the new one is whole.
        string fresh = Path.Combine(parts.Folder(trainee), ".best.tmp");
        Remove(fresh);
        Save(trainee, fresh, progress.Best[trainee].Averaged);
        Remove(folder);
        Directory.Move(fresh, folder);
        return folder;
    }

    /// <summary>Writes the results and drops the checkpoints, which nothing needs any more.</summary>
    /// <param name="saved">Told of each folder.</param>
    /// <returns>The results' folders.</returns>
    public IReadOnlyList<string> Finish(Action<SavedKind, string> saved)
    {
        List<string> folders = [];
        for (int i = 0; i < parts.Trainees.Count; i++)
        {
            string folder = parts.Folder(i);
            Save(i, folder, averaged: false);
            folders.Add(folder);
            saved(SavedKind.Result, folder);
            if (parts.Trainer.Averages is not null)
            {
                Save(i, Path.Combine(folder, "ema"), averaged: true);
                saved(SavedKind.Averaged, Path.Combine(folder, "ema"));
            }
        }
        Remove(Checkpoints(parts.Settings.Out));
        return folders;
    }

    private void Save(int trainee, string folder, bool averaged)
    {
        if (averaged)
        {
            parts.Trainer.Averages!.Swap();
        }
        try
        {
            if (parts.Adapters.Count > 0)
            {
                AdapterFolder.Save(parts.Adapters[trainee], folder);
                return;
            }
            Directory.CreateDirectory(folder);
            parts.Tokenizer.Save(folder);
            ModelWriter.Save(parts.Model, folder, RunModel.SaveType(parts.Settings));
        }
        finally
        {
            if (averaged)
            {
                parts.Trainer.Averages!.Swap();
            }
        }
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
