using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>Reads and writes adapter folders in PEFT's format: adapter_config.json and adapter_model.safetensors.</summary>
public static class AdapterFolder
{
    /// <summary>The configuration's file name.</summary>
    public const string ConfigName = "adapter_config.json";

    /// <summary>The tensors' file name.</summary>
    public const string WeightsName = "adapter_model.safetensors";

    /// <summary>Loads an adapter; its method is found by adapter_config.json, a GGUF file is LoRA.</summary>
    /// <param name="folder">The folder, or a GGUF file.</param>
    /// <param name="model">The model it is used with.</param>
    /// <param name="name">The adapter's name; null: the folder's.</param>
    /// <param name="baseName">The name the model was asked for by, to warn where the files name another; null: it is not compared.</param>
    /// <exception cref="BadFileException">The files break a rule or contradict the model; nothing of a file is ever ignored silently.</exception>
    /// <exception cref="NotSupportedException">The method or an option is not built; the message names it.</exception>
    public static TrainedAdapter Load(string folder, LanguageModel model, string? name = null, string? baseName = null) =>
        Load(folder, model, name, baseName, (_, file) => file.ReadTaken());

    /// <summary>Loads an adapter to serve with it: its factors go from the file to their batched forms, and nothing else is kept of them (<see cref="Adapter.Seal"/>).</summary>
    /// <param name="folder">The folder, or a GGUF file.</param>
    /// <param name="model">The model it is used with.</param>
    /// <param name="name">The adapter's name; null: the folder's.</param>
    /// <param name="factors">How its low-rank factors are kept.</param>
    /// <exception cref="BadFileException">The files break a rule or contradict the model; nothing of a file is ever ignored silently.</exception>
    /// <exception cref="NotSupportedException">The method or an option is not built; the message names it.</exception>
    public static TrainedAdapter LoadSealed(string folder, LanguageModel model, string? name = null, FactorStorage factors = FactorStorage.Exact) =>
        Load(folder, model, name, null, (adapter, file) =>
        {
            adapter.Factors = factors;
            adapter.Seal();
            file.ReadTaken();
        });

    private static TrainedAdapter Load(string folder, LanguageModel model, string? name, string? baseName, Action<TrainedAdapter, AdapterFile> finish)
    {
        ArgumentNullException.ThrowIfNull(model);
        List<string> warnings = [];
        bool single = GgufFile.Is(folder);
        (JsonObject config, IStoredTensors? tensors) = single ? GgufLora.Read(folder, model) : (ReadConfig(folder), null);
        string configPath = single ? folder : Path.Combine(folder, ConfigName);
        AdapterMethod method = AdapterMethods.Of(config, configPath);
        string? made = new AdapterConfig(config, configPath).Text("base_model_name_or_path");
        if (baseName is not null && !string.IsNullOrEmpty(made) && LastPart(made) != LastPart(baseName))
        {
            warnings.Add($"{configPath}: made for '{made}', used with '{baseName}'");
        }
        using AdapterFile file = new(config, configPath, tensors ?? OpenWeights(folder, warnings), warnings);
        name ??= single ? Path.GetFileNameWithoutExtension(folder) : Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        (ClassHead Head, StoredType Type)? classifier = Classifiers.Take(file, folder, model);
        TrainedAdapter adapter = Read(method, name, model, file, classifier?.Head);
        if (classifier is { } head)
        {
            Classifiers.Put(adapter, head.Head, head.Type);
        }
        try
        {
            if (file.Keys.Count > 0)
            {
                throw file.Bad($"{file.Keys.Count} tensors find no place in the model, the first is {file.Keys.Order(StringComparer.Ordinal).First()}.");
            }
            finish(adapter, file);
            return adapter;
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    private static TrainedAdapter Read(AdapterMethod method, string name, LanguageModel model, AdapterFile file, ClassHead? head)
    {
        try
        {
            return method.Read(name, model, file);
        }
        catch
        {
            head?.Dispose();
            throw;
        }
    }

    /// <summary>Reads adapter_config.json of a folder.</summary>
    /// <param name="folder">The folder.</param>
    public static JsonObject ReadConfig(string folder)
    {
        string path = Path.Combine(folder, ConfigName);
        if (!File.Exists(path))
        {
            throw new BadFileException(
                Directory.Exists(folder) ? $"{folder} has no {ConfigName}; expected an adapter folder." : $"{folder} is no folder and no GGUF file; expected an adapter.");
        }
        using System.Text.Json.JsonDocument json = SafeJson.ReadObject(path);
        return JsonObject.Create(json.RootElement.Clone())!;
    }

    /// <summary>Saves an adapter: all files or none.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="folder">The folder; made where it is missing.</param>
    public static void Save(TrainedAdapter adapter, string folder)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        string config = ConfigText.Write(adapter.FileConfig);
        string full = Path.GetFullPath(folder);
        Directory.CreateDirectory(full);
        // Both files are complete on disk before either takes its name: what can fail (a full disk) fails before anything changes.
        string temporary = Directory.CreateDirectory(Path.Combine(full, $".{Guid.NewGuid():N}.tmp")).FullName;
        try
        {
            SafetensorsWriter.Write(Path.Combine(temporary, WeightsName), new Dictionary<string, string> { ["format"] = "pt" }, adapter.FileTensors);
            AtomicFile.WriteText(Path.Combine(temporary, ConfigName), config);
            if (Classifiers.LabelsText(adapter) is { } labels)
            {
                AtomicFile.WriteText(Path.Combine(full, Classifiers.LabelsName), labels);
            }
            File.Move(Path.Combine(temporary, WeightsName), Path.Combine(full, WeightsName), overwrite: true);
            File.Move(Path.Combine(temporary, ConfigName), Path.Combine(full, ConfigName), overwrite: true);
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static string LastPart(string path) => path[(path.TrimEnd('/').LastIndexOf('/') + 1)..].TrimEnd('/');

    private static SafetensorsFile OpenWeights(string folder, List<string> warnings)
    {
        string weights = Path.Combine(folder, WeightsName);
        string? pickle = PickleIn(folder);
        if (!File.Exists(weights))
        {
            throw pickle is null
                ? new BadFileException($"{folder} has no {WeightsName}; expected it beside {ConfigName}.")
                : new BadFileException($"{pickle} is a pickle and can run code when it is read; expected {WeightsName}. Convert it where it was made "
                    + "(save_pretrained with safe_serialization=True).");
        }
        if (pickle is not null)
        {
            warnings.Add($"{pickle} was ignored: {WeightsName} is used");
        }
        // A server reads adapters again and again, and others may replace the file meanwhile.
        return SafetensorsFile.OpenUnmapped(weights);
    }

    private static string? PickleIn(string folder)
    {
        string path = Path.Combine(folder, "adapter_model.bin");
        return File.Exists(path) ? path : null;
    }
}
