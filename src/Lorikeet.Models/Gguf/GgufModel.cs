using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Gguf;

/// <summary>A language model in a GGUF file, opened: its configuration, and its tensors where they lie.</summary>
public sealed class GgufModel : IDisposable
{
    private GgufModel(GgufFile file, GgufFields fields, GgufArchitecture architecture, ModelConfig config)
    {
        File = file;
        Fields = fields;
        Architecture = architecture;
        Config = config;
    }

    /// <summary>The file.</summary>
    public GgufFile File { get; }

    /// <summary>The metadata.</summary>
    public GgufFields Fields { get; }

    /// <summary>The configuration, as config.json would give it.</summary>
    public ModelConfig Config { get; }

    internal GgufArchitecture Architecture { get; }

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

    /// <summary>The tensors for <see cref="ModelLoader.Build"/>, under the names of a folder of the hub.</summary>
    public ITensorSource Source() => new GgufSource(File, Architecture, Config);

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();
}
