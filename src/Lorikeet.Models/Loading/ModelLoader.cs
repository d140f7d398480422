using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Models.Gguf;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>How a model is loaded.</summary>
public sealed record ModelLoadOptions
{
    /// <summary>The format to keep matrices in; null (the default): as stored.</summary>
    public WeightFormat? ConvertTo { get; init; }

    /// <summary>The configuration's file name in the folder.</summary>
    public string ConfigFile { get; init; } = "config.json";
}

/// <summary>Makes models: from a folder in the form of the Hugging Face hub, or from random starts.</summary>
public static class ModelLoader
{
    /// <summary>Loads a model: config.json and its safetensors files, or a GGUF file; they are closed when this returns.</summary>
    /// <param name="folder">The folder, a GGUF file, or <c>org/name</c> in the local Hugging Face cache.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <exception cref="BadFileException">A file is absent or wrong; one line says which, what was found and expected.</exception>
    /// <exception cref="NotSupportedException">The model_type, or an option of it, is not built; the message names it.</exception>
    public static LanguageModel Load(string folder, ModelLoadOptions? options = null)
    {
        options ??= new ModelLoadOptions();
        folder = ModelLocation.Resolve(folder);
        if (File.Exists(folder))
        {
            using GgufModel file = GgufModel.Open(folder);
            return Build(file.Config, file.Source(), options.ConvertTo);
        }
        ModelConfig config = ModelConfigFile.Read(Path.Combine(folder, options.ConfigFile));
        using TensorFolder tensors = TensorFolder.Open(folder);
        return Build(config, new FolderSource(tensors, config.Source), options.ConvertTo);
    }

    /// <summary>Makes a model with random weights; see <see cref="RandomSource"/>.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="random">The seed.</param>
    /// <param name="format">The format of matrices; null: float32.</param>
    public static LanguageModel Create(ModelConfig config, CounterRandom random, WeightFormat? format = null) =>
        Build(config, new RandomSource(random), format);

    /// <summary>Builds a model from any source of tensors.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="source">The tensors.</param>
    /// <param name="convertTo">The format to keep matrices in, one converted after the other; null: as the source gives them.</param>
    /// <exception cref="BadFileException">A matrix holds what its format cannot.</exception>
    /// <exception cref="NotSupportedException">The model_type is not built.</exception>
    public static LanguageModel Build(ModelConfig config, ITensorSource source, WeightFormat? convertTo = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(source);
        using OwnedTensors owned = new(source);
        Architecture architecture = Architecture.Of(config.ModelType, "the configuration");
        LanguageModel model = architecture.Build(new ModelBuilder(config, owned, architecture, convertTo));
        owned.Release();
        return model;
    }
}
