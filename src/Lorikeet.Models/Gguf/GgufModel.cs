using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Gguf;

/// <summary>A language model in a GGUF file, opened: its configuration, and its tensors where they lie, by their names in a folder of the hub.</summary>
public sealed class GgufModel : IDisposable
{
    private readonly Dictionary<string, (string Name, GgufName Module)> names = [];

    private GgufModel(GgufFile file, GgufFields fields, GgufArchitecture architecture, ModelConfig config)
    {
        File = file;
        Fields = fields;
        Config = config;
        foreach (GgufName module in architecture.AllModules(config.Layers))
        {
            foreach (string kind in (ReadOnlySpan<string>)[".weight", ".bias"])
            {
                names[module.Hub + kind] = (module.Gguf + kind, module);
            }
        }
        HashSet<string> known = [GgufRope.Tensor, .. names.Values.Select(n => n.Name)];
        if (file.Tensors.FirstOrDefault(t => !known.Contains(t.Name)) is { } stranger)
        {
            throw fields.Unsupported($"tensor {BadFileException.Short(stranger.Name)} is not one of those that models of the architecture {architecture.Name} have here");
        }
    }

    /// <summary>The file.</summary>
    public GgufFile File { get; }

    /// <summary>The metadata.</summary>
    public GgufFields Fields { get; }

    /// <summary>The configuration, as config.json would give it.</summary>
    public ModelConfig Config { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="BadFileException">The file breaks a rule, or is an adapter.</exception>
    /// <exception cref="NotSupportedException">The architecture, or an option of it, is not built; the message names it.</exception>
    public static GgufModel Open(string path)
    {
        GgufFile file = GgufFile.Open(path);
        try
        {
            GgufFields fields = new(file.Metadata, path);
            if (fields.Text("general.type") is { } type && type != "model")
            {
                throw fields.Bad($"is of general.type {BadFileException.Short(type)}; expected a model.");
            }
            if (fields.Integer("split.count", 0, int.MaxValue) is > 1)
            {
                throw fields.Unsupported("split.count: a model in several files is not built: join them with llama-gguf-split --merge");
            }
            GgufArchitecture architecture = GgufArchitecture.Of(fields);
            using JsonDocument config = JsonDocument.Parse(architecture.ReadConfig(fields, file).ToJsonString());
            return new GgufModel(file, fields, architecture, ModelConfigFile.Parse(config.RootElement, path));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The tensors for <see cref="ModelLoader.Build"/>; matrices keep the format of the file.</summary>
    public ITensorSource Source() => new GgufSource(this);

    /// <summary>Finds a matrix.</summary>
    /// <param name="name">Its name in a folder of the hub.</param>
    /// <exception cref="BadFileException">There is none of that name, or it is no matrix.</exception>
    /// <exception cref="NotSupportedException">Its type is not built; the message names it.</exception>
    public GgufMatrix Matrix(string name) =>
        TryFind(name, out GgufTensor? tensor, out GgufName? module)
            ? new GgufMatrix(File, tensor, module.Heads == GgufHeads.None ? 0 : Config.HeadDim)
            : throw new BadFileException(
                $"{File.FilePath} has no tensor {(names.TryGetValue(name, out (string Name, GgufName Module) own) ? own.Name : name)}, which its metadata asks for.");

    /// <summary>Finds a matrix of a shape.</summary>
    /// <param name="name">Its name in a folder of the hub.</param>
    /// <param name="outputs">The rows it should have.</param>
    /// <param name="inputs">The columns it should have.</param>
    /// <exception cref="BadFileException">It is missing, or has another shape.</exception>
    public GgufMatrix Matrix(string name, int outputs, int inputs)
    {
        GgufMatrix matrix = Matrix(name);
        return matrix.Outputs == outputs && matrix.Inputs == inputs ? matrix : throw Wrong(matrix.Tensor, $"[{outputs}, {inputs}]");
    }

    /// <summary>Reads a vector, in the order of a folder of the hub.</summary>
    /// <param name="name">Its name in a folder of the hub.</param>
    /// <param name="to">As long as it must be.</param>
    /// <exception cref="BadFileException">It is missing, or has another shape.</exception>
    public void ReadVector(string name, Span<float> to)
    {
        if (!TryFind(name, out GgufTensor? tensor, out GgufName? module))
        {
            _ = Matrix(name);
            return;
        }
        if (tensor.RowLength != to.Length || tensor.Rows != 1)
        {
            throw Wrong(tensor, $"[{to.Length}]");
        }
        File.ReadSingle(tensor, 0, to);
        for (int i = 0; i < to.Length && module.Offset != 0; i++)
        {
            to[i] -= module.Offset;
        }
        if (module.Heads != GgufHeads.None)
        {
            float[] stored = to.ToArray();
            for (int i = 0; i < stored.Length; i++)
            {
                to[i] = stored[HeadRows.InFile(i, Config.HeadDim)];
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();

    internal bool TryFind(string name, [NotNullWhen(true)] out GgufTensor? tensor, [NotNullWhen(true)] out GgufName? module)
    {
        bool known = names.TryGetValue(name, out (string Name, GgufName Module) stored);
        tensor = null;
        bool found = known && File.TryGet(stored.Name, out tensor);
        module = found ? stored.Module : null;
        return found;
    }

    private BadFileException Wrong(GgufTensor tensor, string expected) =>
        new($"{File.FilePath}: tensor {tensor.Name} is [{string.Join(", ", tensor.Shape)}]; its metadata asks for {expected}.");
}
