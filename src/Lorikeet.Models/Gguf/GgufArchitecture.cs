using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Gguf;

/// <summary>An architecture of GGUF files: which model_type it is, what its tensors are called, and what its metadata says.</summary>
/// <param name="Name">The name in <c>general.architecture</c>.</param>
/// <param name="ModelTypes">The model_types of config.json that are written as it; the first is what it is read as.</param>
internal sealed record GgufArchitecture(string Name, params string[] ModelTypes)
{
    /// <summary>All of them; a new architecture is one line here.</summary>
    public static IReadOnlyList<GgufArchitecture> All { get; } =
    [
        GgufLlama.Llama,
        GgufLlama.Qwen2,
        GgufLlama.Qwen3,
        GgufGemma.Gemma,
        GgufGemma.Gemma2,
        GgufOlmo2.Entry,
        GgufStarcoder2.Entry,
        GgufGpt2.Entry,
    ];

    /// <summary>The names, for messages.</summary>
    public static string Names => string.Join(", ", All.Select(a => a.Name));

    /// <summary>The modules of the whole model and, with <c>{}</c>, of each block.</summary>
    public required IReadOnlyList<GgufName> Modules { get; init; }

    /// <summary>The head is written even where it is the token table: other programs want it.</summary>
    public bool WritesHead { get; init; }

    /// <summary>config.json from metadata.</summary>
    public required Func<GgufFields, GgufFile, JsonObject> ReadConfig { get; init; }

    /// <summary>Metadata from a configuration.</summary>
    public required Action<ModelConfig, GgufMetadata> WriteConfig { get; init; }

    /// <summary>Finds the architecture of a file.</summary>
    /// <param name="fields">The metadata.</param>
    /// <exception cref="NotSupportedException">It is not built.</exception>
    public static GgufArchitecture Of(GgufFields fields)
    {
        string name = fields.Architecture;
        return All.FirstOrDefault(a => a.Name == name)
            ?? throw fields.Unsupported($"the architecture {BadFileException.Short(name)} is not built yet in GGUF files: this version has {Names}");
    }

    /// <summary>Finds the architecture that a configuration is written as.</summary>
    /// <param name="modelType">The model_type.</param>
    /// <exception cref="NotSupportedException">It is not built.</exception>
    public static GgufArchitecture For(string modelType) =>
        All.FirstOrDefault(a => a.ModelTypes.Contains(modelType))
        ?? throw new NotSupportedException(
            $"model_type {BadFileException.Short(modelType)} is not built yet in GGUF files: this version has {string.Join(", ", All.SelectMany(a => a.ModelTypes))}");

    /// <summary>All modules of a model with so many blocks.</summary>
    /// <param name="layers">The blocks.</param>
    public IEnumerable<GgufName> AllModules(int layers) => Modules.SelectMany(m =>
        m.Hub.Contains("{}", StringComparison.Ordinal) ? Enumerable.Range(0, layers).Select(m.At) : [m]);
}
