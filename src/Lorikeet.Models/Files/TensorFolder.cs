using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Lorikeet.Models.Files;

/// <summary>The weights of one model folder: <c>model.safetensors</c>, or <c>model.safetensors.index.json</c> with its shards.</summary>
public sealed class TensorFolder : IDisposable
{
    private const string Single = "model.safetensors";
    private const string Index = "model.safetensors.index.json";
    private const int MostShards = 10_000;

    private readonly Dictionary<string, (StoredTensor Tensor, SafetensorsFile File)> byName = [];
    private readonly List<SafetensorsFile> files = [];

    private TensorFolder(string folder) => Folder = folder;

    /// <summary>Where the folder is.</summary>
    public string Folder { get; }

    /// <summary>The names of all tensors.</summary>
    public IReadOnlyCollection<string> Names => byName.Keys;

    /// <summary>Opens the weights of a folder; where both forms exist the single file is taken, as the reference libraries do.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="BadFileException">There are no weights, only pickles, or any file breaks a rule.</exception>
    public static TensorFolder Open(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new BadFileException($"{folder} is not a folder; expected a model folder with {Single} or {Index}.");
        }
        TensorFolder opened = new(folder);
        try
        {
            string single = Path.Combine(folder, Single);
            string index = Path.Combine(folder, Index);
            if (File.Exists(single))
            {
                opened.Add(single, wanted: null);
            }
            else if (File.Exists(index))
            {
                opened.AddShards(index);
            }
            else
            {
                throw PickleFiles.FindIn(folder) is { } pickle
                    ? PickleFiles.Refuse(pickle)
                    : new BadFileException($"{folder} has no weights; expected {Single} or {Index} in it.");
            }
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Opens one file of weights, whatever its name.</summary>
    /// <param name="path">The safetensors file.</param>
    /// <exception cref="BadFileException">It breaks a rule.</exception>
    public static TensorFolder OpenFile(string path)
    {
        TensorFolder opened = new(Path.GetDirectoryName(path) ?? "");
        try
        {
            opened.Add(path, wanted: null);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Finds a tensor and the file that holds its bytes.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="tensor">The tensor; null where there is none of that name.</param>
    /// <param name="file">The file to read it from; owned by this folder.</param>
    public bool TryGet(string name, [NotNullWhen(true)] out StoredTensor? tensor, [NotNullWhen(true)] out SafetensorsFile? file)
    {
        bool found = byName.TryGetValue(name, out (StoredTensor Tensor, SafetensorsFile File) entry);
        (tensor, file) = found ? entry : (null, null);
        return found;
    }

    /// <summary>Closes all files.</summary>
    public void Dispose()
    {
        foreach (SafetensorsFile file in files)
        {
            file.Dispose();
        }
    }

    private void AddShards(string indexPath)
    {
        Dictionary<string, string> shardOf = ReadIndex(indexPath);
        string[] shards = [.. shardOf.Values.Distinct().Order(StringComparer.Ordinal)];
        if (shards.Length > MostShards)
        {
            throw new BadFileException($"{indexPath} names {shards.Length} shards; at most {MostShards} are opened.");
        }
        foreach (string shard in shards)
        {
            string path = Path.Combine(Folder, shard);
            if (!File.Exists(path))
            {
                throw new BadFileException($"{indexPath} names the shard {shard}, which is not in the folder. Was the download complete?");
            }
            Add(path, shardOf);
        }
        foreach ((string name, string shard) in shardOf)
        {
            if (!byName.ContainsKey(name))
            {
                throw new BadFileException($"{indexPath} says that tensor {BadFileException.Short(name)} is in {shard}; it is not there.");
            }
        }
    }

    private void Add(string path, Dictionary<string, string>? wanted)
    {
        SafetensorsFile file = SafetensorsFile.Open(path);
        files.Add(file);
        string shard = Path.GetFileName(path);
        foreach (StoredTensor tensor in file.Tensors)
        {
            // A tensor that the index puts elsewhere and that is there too has two values: which one is meant cannot be known.
            if (wanted is not null && wanted.TryGetValue(tensor.Name, out string? elsewhere) && elsewhere != shard)
            {
                throw new BadFileException($"{path} holds tensor {BadFileException.Short(tensor.Name)}, which the index puts into {elsewhere}; expected it in one shard.");
            }
            if (!byName.TryAdd(tensor.Name, (tensor, file)))
            {
                throw new BadFileException(
                    $"{path} holds tensor {BadFileException.Short(tensor.Name)}, which {byName[tensor.Name].File.FilePath} holds too; expected it in one shard.");
            }
        }
    }

    private static Dictionary<string, string> ReadIndex(string path)
    {
        using JsonDocument json = SafeJson.ReadObject(path);
        if (!json.RootElement.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new BadFileException($"{path} has no weight_map; expected an object that maps each tensor to its shard.");
        }
        Dictionary<string, string> shardOf = [];
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            string? shard = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString() : null;
            if (string.IsNullOrEmpty(shard) || shard.AsSpan().ContainsAny(['/', '\\', '\0', ':']) || shard is "." or "..")
            {
                throw new BadFileException(
                    $"{path}: the shard of {BadFileException.Short(entry.Name)} is {BadFileException.Short(entry.Value.GetRawText())}; expected a plain file name.");
            }
            if (PickleFiles.IsPickle(shard))
            {
                throw PickleFiles.Refuse(Path.Combine(Path.GetDirectoryName(path)!, shard));
            }
            shardOf.Add(entry.Name, shard);
        }
        return shardOf;
    }
}
