namespace Lorikeet.Adapters;

/// <summary>The names of LoRA's tensors, after the path of their module.</summary>
internal static class LoraKeys
{
    public const string A = ".lora_A.weight";
    public const string B = ".lora_B.weight";
    public const string FactorBias = ".lora_B.bias";
    public const string EmbeddingA = ".lora_embedding_A";
    public const string EmbeddingB = ".lora_embedding_B";
    public const string Magnitude = ".lora_magnitude_vector";
    public const string BaseBias = ".base_layer.bias";
    public const string BaseWeight = ".base_layer.weight";
    public const string TokenRows = ".token_adapter.trainable_tokens_delta";

    /// <summary>What A and B started as, where they took over a part of the weight: ours, PEFT ignores it.</summary>
    public const string StartA = ".initial_lora_A.weight", StartB = ".initial_lora_B.weight";

    /// <summary>What only training reads: kept, and written back as it is.</summary>
    public static readonly string[] TrainingOnly = [".lora_velora_embed", ".lora_monteclora_sampler."];

    public static string Of(string path, string tensor) => AdapterFile.Prefix + path + tensor;
}
