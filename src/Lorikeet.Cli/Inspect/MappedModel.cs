using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Gguf;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Inspect;

/// <summary>A model whose matrices stay in their files: all its sites, at the cost of reading headers and vectors.</summary>
internal sealed class MappedModel : IDisposable
{
    private readonly IDisposable files;

    private MappedModel(IDisposable files, LanguageModel model, IReadOnlyList<ListedTensor> stored, IReadOnlyList<string> unused)
    {
        this.files = files;
        Model = model;
        Stored = stored;
        Unused = unused;
    }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>The tensors of its files.</summary>
    public IReadOnlyList<ListedTensor> Stored { get; }

    /// <summary>The names of those that the model does not read.</summary>
    public IReadOnlyList<string> Unused { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="path">Its folder, or a GGUF file.</param>
    public static MappedModel Open(string path)
    {
        if (File.Exists(path))
        {
            return Open(GgufModel.Open(path), file => (ModelLoader.Build(file.Config, new BlockSource(file)), ListedTensor.All(file.File), []));
        }
        ModelConfig config = ModelConfigFile.Read(path);
        return Open(TensorFolder.Open(path), folder =>
        {
            LanguageModel model = ModelLoader.Build(config, new FolderSource(folder, config.Source));
            HashSet<string> used = [.. model.Tensors.SelectMany(t => t.Weight is FactoredWeight ? FactoredFiles.Names(t.Name) : [t.Name])];
            return (model, ListedTensor.All(folder), [.. folder.Names.Where(n => !used.Contains(n)).Order(StringComparer.Ordinal)]);
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        files.Dispose();
    }

    private static MappedModel Open<T>(T files, Func<T, (LanguageModel Model, IReadOnlyList<ListedTensor> Stored, IReadOnlyList<string> Unused)> build)
        where T : IDisposable
    {
        try
        {
            (LanguageModel model, IReadOnlyList<ListedTensor> stored, IReadOnlyList<string> unused) = build(files);
            return new MappedModel(files, model, stored, unused);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    private sealed class BlockSource(GgufModel file) : ITensorSource
    {
        private readonly ITensorSource loading = file.Source();

        public bool Differ(string name, string other) => loading.Differ(name, other);

        public int Rows(string name, int configured) => loading.Rows(name, configured);

        public Parameter Vector(string name, int length) => loading.Vector(name, length);

        public bool Has(string name) => loading.Has(name);

        public Weight Matrix(string name, int outputs, int inputs) => new MappedBlocks(file.Matrix(name, outputs, inputs));
    }

    private sealed class FolderSource(TensorFolder files, JsonObject? config) : ITensorSource
    {
        private readonly Models.FolderSource loading = new(files, config);

        public bool Differ(string name, string other) => loading.Differ(name, other);

        public int Rows(string name, int configured) => loading.Rows(name, configured);

        public Parameter Vector(string name, int length) => loading.Vector(name, length);

        public Parameter Vector(string name, int rows, int columns) => loading.Vector(name, rows, columns);

        public bool Has(string name) => loading.Has(name);

        public Weight Matrix(string name, int outputs, int inputs) => Map(name, outputs, inputs, transposed: false);

        public Weight Transposed(string name, int outputs, int inputs) => Map(name, outputs, inputs, transposed: true);

        private Weight Map(string name, int outputs, int inputs, bool transposed)
        {
            if (FactoredFiles.TryRead(files, name, outputs, inputs, config) is { } factored)
            {
                return factored;
            }
            if (!files.TryGet(name, out StoredTensor? tensor, out SafetensorsFile? file))
            {
                throw new BadFileException($"{files.Folder} has no tensor {name}, which config.json asks for. Do the weights belong to this configuration?");
            }
            (int rows, int columns) = transposed ? (inputs, outputs) : (outputs, inputs);
            if (tensor.Shape is not [var storedRows, var storedColumns] || storedRows != rows || storedColumns != columns)
            {
                throw new BadFileException(
                    $"{files.Folder}: tensor {name} is [{string.Join(", ", tensor.Shape)}]; config.json asks for [{rows}, {columns}].");
            }
            return SafetensorsFile.ToElementType(tensor.Type) is not null || tensor.Type == StoredType.F64
                ? new MappedTensor(file, tensor, transposed)
                : throw new BadFileException($"{files.Folder}: tensor {name} is stored as {tensor.Type.Name()}; expected F32, BF16, F16 or F64.");
        }
    }
}
