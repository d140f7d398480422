using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Everything a run needs to go on, bit for bit: parameters, optimiser states, data positions and the step, in one folder.</summary>
/// <remarks>
/// <c>training.safetensors</c> holds parameters and states, <c>training.json</c> the rest. The folder appears whole: it is written under another name
/// and renamed. Random numbers are functions of seed and step, so nothing of them is kept.
/// </remarks>
public static class TrainingCheckpoint
{
    private const string Format = "lorikeet-training-3";
    private const string Prefix = "step-";
    private const string PartName = "part/";
    private const string CodesName = "codes/";
    private const int MostInside = 4;
    private const string AverageName = "average/";

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
            SafetensorsWriter.Write(Path.Combine(temporary, "training.safetensors"), null, [.. ToWrite(trainer)]);
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
        HashSet<string> unread = [.. file.Tensors.Select(t => t.Name)];
        foreach ((string name, Parameter parameter, OptimizerState? state) in Parameters(trainer))
        {
            trainer.Stored.With(parameter, value => Read(file, name, value, unread, Stored(parameter)), changed: true);
            foreach (StoredTensor stored in file.Tensors.Where(t => t.Name.StartsWith(name + "/", StringComparison.Ordinal)))
            {
                if (state is null || !Restore(file, stored, stored.Name[(name.Length + 1)..], state))
                {
                    throw new BadFileException($"{file.FilePath}: {stored.Name} has no place in this run; the checkpoint is of other settings. Start the run anew.");
                }
                unread.Remove(stored.Name);
            }
            if (state is not null && HasLess(state, file, name))
            {
                throw new BadFileException($"{file.FilePath}: {name} lacks a part of its optimiser's state; the checkpoint is of other settings. Start the run anew.");
            }
            if (Average(trainer, parameter) is { } average)
            {
                Read(file, AverageName + name, average.Value, unread);
                average.Started = true;
            }
        }
        if (unread.Count > 0)
        {
            throw new BadFileException($"{file.FilePath} holds {unread.First()}, which this run does not have; the checkpoint is of other settings.");
        }
    }

    private static void Read(SafetensorsFile file, string name, in Tensor tensor, HashSet<string> unread, StoredType type = StoredType.F32)
    {
        if (!file.TryGet(name, out StoredTensor? stored) || stored.Type != type || stored.Count != tensor.Shape.Length)
        {
            throw new BadFileException($"{file.FilePath}: {name} should be {type} {tensor.Shape}; the checkpoint is of other settings. Start the run anew.");
        }
        file.ReadSingle(stored, tensor.Span);
        unread.Remove(name);
    }

    /// <summary>Puts one stored piece of a state where it was: <c>exp_avg</c>, <c>codes/state1</c>, <c>part/exp_avg</c>.</summary>
    private static bool Restore(SafetensorsFile file, StoredTensor stored, string name, OptimizerState state)
    {
        if (name.StartsWith(PartName, StringComparison.Ordinal))
        {
            return state.Part is not null && Restore(file, stored, name[PartName.Length..], state.Part);
        }
        if (name.StartsWith(CodesName, StringComparison.Ordinal))
        {
            if (stored.Type != StoredType.U8)
            {
                return false;
            }
            file.Bytes(stored).CopyTo(state.AddCodes(name[CodesName.Length..], checked((int)stored.Count)));
            return true;
        }
        if (stored.Type != StoredType.F32 || stored.Shape.Count is < 1 or > 4)
        {
            return false;
        }
        Span<int> axes = stackalloc int[stored.Shape.Count];
        for (int i = 0; i < axes.Length; i++)
        {
            axes[i] = checked((int)stored.Shape[i]);
        }
        if (state.Has(name) && state[name].Shape != new Shape(axes))
        {
            return false;
        }
        file.ReadSingle(stored, state.Add(name, new Shape(axes)).Span);
        return true;
    }

    /// <summary>Whether the file lacks what the optimiser's first step needs.</summary>
    private static bool HasLess(OptimizerState state, SafetensorsFile file, string name)
    {
        foreach (string own in state.Names)
        {
            if (!file.TryGet($"{name}/{own}", out _))
            {
                return true;
            }
        }
        return false;
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
                ReadSteps(steps[at++], state);
            }
        }
        trainer.Step = Count(root.GetProperty("step"));
        JsonElement rules = root.GetProperty("rules");
        string[] expected = [.. trainer.Rules.Select(r => r.Name)], found = [.. rules.EnumerateArray().Select(r => r.GetProperty("name").GetString()!)];
        if (!expected.SequenceEqual(found))
        {
            throw new BadFileException($"{path} is of a run with the step rules [{string.Join(", ", found)}]; this run has [{string.Join(", ", expected)}].");
        }
        for (int i = 0; i < expected.Length; i++)
        {
            if (rules[i].TryGetProperty("state", out JsonElement saved) && saved.ValueKind != JsonValueKind.Null)
            {
                trainer.Rules[i].Restore(trainer.State, saved);
            }
        }
        foreach (Trainee trainee in trainer.Trainees)
        {
            foreach ((Parameter parameter, OptimizerState state) in trainee.States)
            {
                // What has stepped has a state, which the file must hold.
                if (state.Steps > 0 && !state.Begun)
                {
                    trainee.Optimizer.Begin(state, parameter.Value.Shape);
                    state.Begun = true;
                }
            }
        }
    }

    /// <summary>A number, or several where optimisers run inside one another.</summary>
    private static void ReadSteps(JsonElement steps, OptimizerState state)
    {
        if (steps.ValueKind != JsonValueKind.Array)
        {
            state.Steps = Count(steps);
            state.Part = null;
            return;
        }
        if (steps.GetArrayLength() is < 1 or > MostInside)
        {
            throw new FormatException($"{steps.GetArrayLength()} optimisers inside one another; expected 1 to {MostInside}");
        }
        for ((int i, OptimizerState? own) = (0, state); own is not null; i++, own = own.Part)
        {
            own.Steps = Count(steps[i]);
            own.Part = i + 1 < steps.GetArrayLength() ? new OptimizerState() : null;
        }
    }

    private static JsonNode Steps(OptimizerState state)
    {
        if (state.Part is null)
        {
            return state.Steps;
        }
        JsonArray all = [];
        for (OptimizerState? own = state; own is not null; own = own.Part)
        {
            all.Add((JsonNode)own.Steps);
        }
        return all;
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
                steps.Add(Steps(state));
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
        JsonArray rules = [];
        foreach (IStepRule rule in trainer.Rules)
        {
            rules.Add((JsonNode)new JsonObject { ["name"] = rule.Name, ["state"] = rule.Save() });
        }
        return new JsonObject { ["format"] = Format, ["step"] = trainer.Step, ["trainees"] = trainees, ["rules"] = rules };
    }

    /// <summary>All parameters under names that are unique even where two adapters share parameter names.</summary>
    private static IEnumerable<(string Name, Parameter Parameter, OptimizerState? State)> Parameters(Trainer trainer)
    {
        for (int i = 0; i < trainer.Trainees.Count; i++)
        {
            Trainee trainee = trainer.Trainees[i];
            IEnumerable<Parameter> parameters = trainee.Adapter?.Parameters ?? trainee.Groups.SelectMany(g => g.Parameters);
            int number = 0;
            foreach (Parameter parameter in parameters.Distinct())
            {
                yield return ($"{i}/{number++}/{parameter.Name}", parameter, trainee.States.GetValueOrDefault(parameter));
            }
        }
    }

    private static IEnumerable<TensorToWrite> ToWrite(Trainer trainer)
    {
        foreach ((string name, Parameter parameter, OptimizerState? state) in Parameters(trainer))
        {
            yield return Stored(parameter) == StoredType.F32
                ? ToWrite(name, parameter.Value)
                : new TensorToWrite(name, StoredType.BF16, Axes(parameter.Value.Shape), to => trainer.Stored.With(parameter, value => TensorToWrite.WriteSingle(value.Span, ElementType.BF16, to)));
            if (Average(trainer, parameter) is { } average)
            {
                yield return ToWrite(AverageName + name, average.Value);
            }
            for ((OptimizerState? own, string prefix) = (state, name + "/"); own is not null; (own, prefix) = (own.Part, prefix + PartName))
            {
                for (int i = 0; i < own.Names.Count; i++)
                {
                    yield return ToWrite(prefix + own.Names[i], own.Tensors[i]);
                }
                foreach ((string codes, byte[] values) in own.Codes)
                {
                    yield return new TensorToWrite(prefix + CodesName + codes, StoredType.U8, [values.Length], to => to.Write(values));
                }
            }
        }
    }

    /// <summary>The average of a parameter, where there is one: before the first step there is none.</summary>
    private static MovingAverage? Average(Trainer trainer, Parameter parameter) => trainer.Step > 0 ? trainer.Averages?.Of(parameter) : null;

    private static StoredType Stored(Parameter parameter) => parameter.IsStored ? StoredType.BF16 : StoredType.F32;

    private static long[] Axes(Shape shape)
    {
        long[] axes = new long[shape.Rank];
        for (int axis = 0; axis < axes.Length; axis++)
        {
            axes[axis] = shape[axis];
        }
        return axes;
    }

    private static TensorToWrite ToWrite(string name, Tensor tensor) =>
        new(name, StoredType.F32, Axes(tensor.Shape), to => to.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(tensor.Span)));

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
