using System.Text.Json.Nodes;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Lora;

/// <summary>LoRA adapters of every kind on a tiny model, and a folder that goes away.</summary>
internal static class LoraBench
{
    /// <summary>One configuration for each kind of change that LoRA files bring.</summary>
    public static readonly string[] Kinds =
    [
        """{"target_modules": ["q_proj", "down_proj"], "r": 3, "lora_alpha": 5}""",
        """{"target_modules": "all-linear", "r": 2, "use_rslora": true}""",
        """{"target_modules": ["k_proj", "up_proj"], "r": 3, "use_dora": true}""",
        """{"target_modules": ["embed_tokens", "v_proj"], "r": 2}""",
        """{"target_modules": ["embed_tokens"], "r": 2, "use_dora": true}""",
        """{"target_modules": ["lm_head"], "r": 4, "use_dora": true}""",
        """{"target_modules": ["o_proj"], "r": 2, "modules_to_save": ["lm_head", "norm"]}""",
        """{"target_modules": ["o_proj"], "r": 2, "modules_to_save": ["embed_tokens"]}""",
        """{"target_modules": ["q_proj"], "r": 2, "lora_bias": true}""",
        """{"target_modules": ["q_proj", "v_proj"], "r": 2, "bias": "lora_only"}""",
        """{"target_modules": ["q_proj", "v_proj"], "r": 2, "use_dora": true, "bias": "all"}""",
        """{"target_modules": ["v_proj"], "r": 2, "trainable_token_indices": {"embed_tokens": [9, 2], "lm_head": [1, 40, 3]}}""",
    ];

    public static TheoryData<string> Rows => [.. Kinds];

    public static TrainedAdapter Make(LanguageModel model, string json, ulong seed = 5, bool shaken = true)
    {
        TrainedAdapter adapter = AdapterMethods.Find("lora").Create("made", model, Config(json), new CounterRandom(seed));
        if (shaken)
        {
            Bench.Shake(adapter, seed);
        }
        return adapter;
    }

    public static JsonObject Config(string json)
    {
        JsonObject config = (JsonObject)JsonNode.Parse(json)!;
        config["peft_type"] = "LORA";
        return config;
    }

    public static LanguageModel Tied() => ModelLoader.Build(
        new ModelConfig
        {
            HiddenSize = 32,
            IntermediateSize = 48,
            Layers = 2,
            Heads = 4,
            KeyHeads = 2,
            HeadDim = 8,
            VocabularySize = 64,
            TieEmbeddings = true,
        },
        new RandomSource(new CounterRandom(4), deviation: 0.2f));

    public sealed class Folder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("lorikeet-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
