namespace Lorikeet.Adapters;

/// <summary>Which modules are adapted where target_modules is null.</summary>
/// <remarks>As TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING of PEFT has it for the architectures of this library.</remarks>
internal static class DefaultTargets
{
    private static readonly Dictionary<string, string[]> ByModelType = new()
    {
        ["llama"] = ["q_proj", "v_proj"],
        ["mistral"] = ["q_proj", "v_proj"],
        ["qwen2"] = ["q_proj", "v_proj"],
        ["qwen3"] = ["q_proj", "v_proj"],
        ["gemma"] = ["q_proj", "v_proj"],
        ["gemma2"] = ["q_proj", "v_proj"],
        ["gpt2"] = ["c_attn"],
        ["bert"] = ["query", "value"],
        ["roberta"] = ["query", "value"],
        ["t5"] = ["q", "v"],
        ["bloom"] = ["query_key_value"],
        ["falcon"] = ["query_key_value"],
        ["gpt_neox"] = ["query_key_value"],
        ["phi"] = ["q_proj", "v_proj", "fc1", "fc2"],
    };

    public static IReadOnlyList<string>? Of(string modelType) => ByModelType.GetValueOrDefault(modelType);
}
