using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>A model_type that can be loaded: how its configuration is read and its model built.</summary>
/// <param name="ModelType">The name in config.json.</param>
/// <param name="ClassName">The class in Transformers.</param>
internal sealed record Architecture(string ModelType, string ClassName)
{
    /// <summary>All of them; a new architecture is one line here.</summary>
    public static IReadOnlyList<Architecture> All { get; } =
    [
        Llama.Entry,
        Mistral.Entry,
        Qwen.Entry2,
        Qwen.Entry3,
        SmolLm3.Entry,
        Mixtral.Entry,
        QwenMoe.Entry2,
        QwenMoe.Entry3,
        Phi3.Entry,
        Gemma.Entry,
        Gemma2.Entry2,
        Gemma2.Entry3,
        Olmo2.Entry,
        Granite.Entry,
        StableLm.Entry,
        Cohere.Entry,
        Gpt2.Entry,
        GptBigCode.Entry,
        GptJ.Entry,
        GptNeoX.Entry,
        Opt.Entry,
        Bloom.Entry,
        Falcon.Entry,
        Phi.Entry,
        Starcoder2.Entry,
    ];

    /// <summary>The model_types, for messages.</summary>
    public static string Names => string.Join(", ", All.Select(a => a.ModelType));

    /// <summary>Published models that have it, for the documentation.</summary>
    public required string Models { get; init; }

    /// <summary>What it is, in a line.</summary>
    public required string About { get; init; }

    /// <summary>The path of the token table; its first part is what a file of the base model alone leaves out.</summary>
    public required string Table { get; init; }

    /// <summary>What its config.json calls the shared numbers.</summary>
    public required ConfigForm Form { get; init; }

    /// <summary>Reads the configuration; null: the shared numbers are all.</summary>
    public Func<JsonFields, ModelConfig>? Read { get; init; }

    /// <summary>Builds the model.</summary>
    public required Func<ModelBuilder, LanguageModel> Build { get; init; }

    /// <summary>Keys beside the shared numbers with which a config.json made from nothing starts.</summary>
    public (string Key, JsonNode? Value)[] Start { get; init; } = [];

    /// <summary>Reads the configuration.</summary>
    /// <param name="json">config.json.</param>
    public ModelConfig Parse(JsonFields json) => Read is null ? Form.Read(json) : Read(json);

    /// <summary>A config.json made from nothing.</summary>
    public JsonObject Defaults()
    {
        JsonObject json = new() { ["architectures"] = new JsonArray(ClassName), ["model_type"] = ModelType };
        foreach ((string key, JsonNode? value) in Start)
        {
            json[key] = value?.DeepClone();
        }
        return json;
    }

    /// <summary>Finds an architecture.</summary>
    /// <param name="modelType">The name in config.json.</param>
    /// <param name="path">The file, for the message.</param>
    /// <exception cref="NotSupportedException">It is not built.</exception>
    public static Architecture Of(string modelType, string path) =>
        All.FirstOrDefault(a => a.ModelType == modelType)
        ?? throw new NotSupportedException(
            $"{path}: model_type {BadFileException.Short(modelType)} is not built yet: this version loads {Names}");
}
