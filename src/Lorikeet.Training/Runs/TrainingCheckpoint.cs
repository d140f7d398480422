using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Everything a run needs to go on, bit for bit: parameters, optimiser states, data positions and the step, in one folder.</summary>
/// <remarks>
/// <c>training.safetensors</c> holds float32 tensors, <c>training.json</c> the rest. The folder appears whole: it is written under another name
/// and renamed. Random numbers are functions of seed and step, so nothing of them is kept.
/// </remarks>
public static class TrainingCheckpoint
{
    private const string Format = "lorikeet-training-1";
    private const string Prefix = "step-";

    /// <summary>Writes a checkpoint and deletes all but the newest ones.</summary>
    /// <param name="parent">The folder of the run's checkpoints; made where it is missing.</param>
    /// <param name="trainer">The run, between two steps.</param>
    /// <param name="extra">Writes more into the folder before it appears, for example the adapter's own files; null: nothing.</param>
    /// <param name="keep">How many checkpoints stay.</param>
    /// <returns>The checkpoint's folder.</returns>
    public static string Save(string parent, Trainer trainer, Action<string>? extra = null, int keep = 2)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        string folder = Path.Combine(parent, Prefix + trainer.Step.ToString("D8", CultureInfo.InvariantCulture));
        string temporary = Path.Combine(parent, $".{Path.GetFileName(folder)}.tmp");
        Delete(temporary);
        Directory.CreateDirectory(temporary);
        try
        {
            SafetensorsWriter.Write(Path.Combine(temporary, "training.safetensors"), null, [.. Tensors(trainer).Select(ToWrite)]);
            AtomicFile.WriteText(Path.Combine(temporary, "training.json"), State(trainer).ToJsonString());
            extra?.Invoke(temporary);
            Delete(folder);
            Directory.Move(temporary, folder);
        }
        catch
        {
            Delete(temporary);
            throw;
        }
        foreach (string old in All(parent).SkipLast(keep))
        {
            Delete(old);
        }
        return folder;
    }

    /// <summary>The newest checkpoint of a run, or null.</summary>
    /// <param name="parent">The folder of the run's checkpoints.</param>
    public static string? Latest(string parent) => All(parent).LastOrDefault();

    /// <summary>Brings a trainer, made with the same settings, to where a checkpoint was written.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="trainer">The trainer.</param>
    /// <exception cref="BadFileException">The checkpoint is broken, or of other settings.</exception>
    public static void Load(string folder, Trainer trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        string path = Path.Combine(folder, "training.json");
        using JsonDocument json = SafeJson.ReadObject(path);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "training.safetensors"));
        try
        {
            ReadState(json.RootElement, trainer, path);
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new BadFileException($"{path} is not a checkpoint of this run: {e.Message}", e);
        }
        int count = 0;
        foreach ((string name, Tensor tensor) in Tensors(trainer))
        {
            if (!file.TryGet(name, out StoredTensor? stored) || stored.Type != StoredType.F32 || stored.Count != tensor.Shape.Length)
            {
                throw new BadFileException($"{file.FilePath}: {name} should be F32 {tensor.Shape}; the checkpoint is of other settings. Start the run anew.");
            }
            file.ReadSingle(stored, tensor.Span);
            count++;
        }
        if (count != file.Tensors.Count)
        {
            throw new BadFileException($"{file.FilePath} holds {file.Tensors.Count} tensors, this run has {count}; the checkpoint is of other settings.");
        }
    }

    private static void ReadState(JsonElement root, Trainer trainer, string path)
    {
        if (root.GetProperty("format").GetString() != Format)
        {
            throw new BadFileException($"{path}: format is {root.GetProperty("format")}; expected {Format}.");
        }
        JsonElement trainees = root.GetProperty("trainees");
        if (trainees.GetArrayLength() != trainer.Trainees.Count)
        {
            throw new BadFileException($"{path} is of {trainees.GetArrayLength()} adapters; this run has {trainer.Trainees.Count}.");
        }
        for (int i = 0; i < trainer.Trainees.Count; i++)
        {
            Trainee trainee = trainer.Trainees[i];
            JsonElement saved = trainees[i];
            JsonElement steps = saved.GetProperty("optimizer_steps");
            if (saved.GetProperty("name").GetString() != trainee.Name || saved.GetProperty("optimizer").GetString() != trainee.Optimizer.Name
                || steps.GetArrayLength() != trainee.States.Count)
            {
                throw new BadFileException($"{path} is of {saved.GetProperty("name")} with {saved.GetProperty("optimizer")}; this run has {trainee.Name} with {trainee.Optimizer.Name}.");
            }
            trainee.Data.Position = new DataPosition(saved.GetProperty("epoch").GetInt64(), saved.GetProperty("item").GetInt64());
            int at = 0;
            foreach (OptimizerState state in trainee.States.Values)
            {
                state.Steps = Count(steps[at++]);
            }
        }
        trainer.Step = Count(root.GetProperty("step"));
    }

    private static int Count(JsonElement steps) =>
        steps.GetInt32() is >= 0 and int count ? count : throw new FormatException($"{steps} steps; expected 0 or more");

    private static JsonObject State(Trainer trainer)
    {
        JsonArray trainees = [];
        foreach (Trainee trainee in trainer.Trainees)
        {
            JsonArray steps = [];
            foreach (OptimizerState state in trainee.States.Values)
            {
                steps.Add((JsonNode)state.Steps);
            }
            trainees.Add((JsonNode)new JsonObject
            {
                ["name"] = trainee.Name,
                ["optimizer"] = trainee.Optimizer.Name,
                ["epoch"] = trainee.Data.Position.Epoch,
                ["item"] = trainee.Data.Position.Item,
                ["optimizer_steps"] = steps,
            });
        }
        return new JsonObject { ["format"] = Format, ["step"] = trainer.Step, ["trainees"] = trainees };
    }

    /// <summary>All tensors under names that are unique even where two adapters share parameter names.</summary>
    private static IEnumerable<(string Name, Tensor Tensor)> Tensors(Trainer trainer)
    {
        for (int i = 0; i < trainer.Trainees.Count; i++)
        {
            Trainee trainee = trainer.Trainees[i];
            IEnumerable<Parameter> parameters = trainee.Adapter?.Parameters ?? trainee.Groups.SelectMany(g => g.Parameters);
            int number = 0;
            foreach (Parameter parameter in parameters.Distinct())
            {
                string name = $"{i}/{number++}/{parameter.Name}";
                yield return (name, parameter.Value);
                if (trainee.States.TryGetValue(parameter, out OptimizerState? state))
                {
                    for (int j = 0; j < state.Names.Count; j++)
                    {
                        yield return ($"{name}/{state.Names[j]}", state.Tensors[j]);
                    }
                }
            }
        }
    }

    private static TensorToWrite ToWrite((string Name, Tensor Tensor) item) => new(
        item.Name,
        StoredType.F32,
        [item.Tensor.Shape.Length],
        to => to.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(item.Tensor.Span)));

    private static IEnumerable<string> All(string parent) =>
        Directory.Exists(parent)
            ? Directory.EnumerateDirectories(parent, Prefix + "*").Where(f => File.Exists(Path.Combine(f, "training.json"))).Order(StringComparer.Ordinal)
            : [];

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
