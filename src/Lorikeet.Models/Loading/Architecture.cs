using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>A model_type that can be loaded: how its configuration is read and its model built.</summary>
/// <param name="ModelType">The name in config.json.</param>
/// <param name="Read">Reads the configuration.</param>
/// <param name="Build">Builds the model.</param>
/// <param name="Defaults">The keys beside sizes with which a config.json made from nothing starts.</param>
internal sealed record Architecture(
    string ModelType, Func<JsonFields, ModelConfig> Read, Func<ModelConfig, ITensorSource, LanguageModel> Build, Func<JsonObject> Defaults)
{
    /// <summary>All of them; a new architecture is one line here.</summary>
    public static IReadOnlyList<Architecture> All { get; } =
    [
        new("llama", LlamaConfigs.Llama, Llama.Build, () => Start("LlamaForCausalLM")),
        new("mistral", LlamaConfigs.Mistral, Llama.Build, () => Start("MistralForCausalLM", ("sliding_window", null))),
        new("qwen2", LlamaConfigs.Qwen2, Llama.Build, () => Start("Qwen2ForCausalLM")),
        new("qwen3", LlamaConfigs.Qwen3, Llama.Build, () => Start("Qwen3ForCausalLM")),
        new("smollm3", LlamaConfigs.SmolLm3, Llama.Build, () => Start("SmolLM3ForCausalLM")),
    ];

    /// <summary>The model_types, for messages.</summary>
    public static string Names => string.Join(", ", All.Select(a => a.ModelType));

    /// <summary>Finds an architecture.</summary>
    /// <param name="modelType">The name in config.json.</param>
    /// <param name="path">The file, for the message.</param>
    /// <exception cref="NotSupportedException">It is not built.</exception>
    public static Architecture Of(string modelType, string path) =>
        All.FirstOrDefault(a => a.ModelType == modelType)
        ?? throw new NotSupportedException(
            $"{path}: model_type {BadFileException.Short(modelType).ReplaceLineEndings(" ")} is not built yet: this version loads {Names}");

    private static JsonObject Start(string name, params (string Key, JsonNode? Value)[] keys)
    {
        JsonObject json = new() { ["architectures"] = new JsonArray(name), ["model_type"] = null, ["hidden_act"] = "silu" };
        foreach ((string key, JsonNode? value) in keys)
        {
            json[key] = value;
        }
        return json;
    }
}
