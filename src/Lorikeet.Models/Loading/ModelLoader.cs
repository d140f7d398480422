using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>How a model is loaded.</summary>
public sealed record ModelLoadOptions
{
    /// <summary>The format to keep matrices in; null (the default): as stored.</summary>
    public ElementType? ConvertTo { get; init; }

    /// <summary>The configuration's file name in the folder.</summary>
    public string ConfigFile { get; init; } = "config.json";
}

/// <summary>Makes models: from a folder in the form of the Hugging Face hub, or from random starts.</summary>
public static class ModelLoader
{
    /// <summary>Loads a model: config.json and its safetensors files, which are closed when this returns.</summary>
    /// <param name="folder">The folder, or <c>org/name</c> in the local Hugging Face cache.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <exception cref="BadFileException">A file is absent or wrong; one line says which, what was found and expected.</exception>
    /// <exception cref="NotSupportedException">The model_type, or an option of it, is not built; the message names it.</exception>
    public static LanguageModel Load(string folder, ModelLoadOptions? options = null)
    {
        options ??= new ModelLoadOptions();
        folder = ModelLocation.Resolve(folder);
        ModelConfig config = ModelConfigFile.Read(Path.Combine(folder, options.ConfigFile));
        using TensorFolder tensors = TensorFolder.Open(folder);
        return Build(config, new FolderSource(tensors, options.ConvertTo));
    }

    /// <summary>Makes a model with random weights; see <see cref="RandomSource"/>.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="random">The seed.</param>
    /// <param name="type">The format of matrices.</param>
    public static LanguageModel Create(ModelConfig config, CounterRandom random, ElementType type = ElementType.F32) =>
        Build(config, new RandomSource(random, type));

    /// <summary>Builds a model from any source of tensors.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="source">The tensors.</param>
    /// <exception cref="NotSupportedException">The model_type is not built.</exception>
    public static LanguageModel Build(ModelConfig config, ITensorSource source)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(source);
        using OwnedTensors owned = new(source);
        Architecture architecture = Architecture.Of(config.ModelType, "the configuration");
        LanguageModel model = architecture.Build(new ModelBuilder(config, owned, architecture));
        owned.Release();
        return model;
    }
}
