using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Inspect;

/// <summary>A model whose matrices stay in their files: all its sites, at the cost of reading headers and vectors.</summary>
internal sealed class MappedModel : IDisposable
{
    private MappedModel(TensorFolder files, LanguageModel model)
    {
        Files = files;
        Model = model;
    }

    /// <summary>The files.</summary>
    public TensorFolder Files { get; }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="folder">Its folder.</param>
    public static MappedModel Open(string folder)
    {
        ModelConfig config = ModelConfigFile.Read(folder);
        TensorFolder files = TensorFolder.Open(folder);
        try
        {
            return new MappedModel(files, ModelLoader.Build(config, new Source(files)));
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        Files.Dispose();
    }

    private sealed class Source(TensorFolder files) : ITensorSource
    {
        private readonly FolderSource loading = new(files);

        public bool Differ(string name, string other) => loading.Differ(name, other);

        public int Rows(string name, int configured) => loading.Rows(name, configured);

        public Parameter Vector(string name, int length) => loading.Vector(name, length);

        public Parameter Vector(string name, int rows, int columns) => loading.Vector(name, rows, columns);

        public bool Has(string name) => loading.Has(name);

        public Weight Matrix(string name, int outputs, int inputs) => Map(name, outputs, inputs, transposed: false);

        public Weight Transposed(string name, int outputs, int inputs) => Map(name, outputs, inputs, transposed: true);

        private MappedWeight Map(string name, int outputs, int inputs, bool transposed)
        {
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
                ? new MappedWeight(file, tensor, transposed)
                : throw new BadFileException($"{files.Folder}: tensor {name} is stored as {tensor.Type.Name()}; expected F32, BF16, F16 or F64.");
        }
    }
}
