using System.Text.Json;

namespace Lorikeet.Models;

/// <summary>SmolLM 3: Llama's blocks, every fourth of them without positions.</summary>
/// <remarks>Source: configuration_smollm3 of Transformers; layers without positions: Yang et al., arXiv 2501.18795.</remarks>
internal static class SmolLm3
{
    private static readonly ConfigForm Form = Llama.Form with { DefaultKeyHeads = 4, DefaultPositions = 32_768, Theta = 2_000_000, Tied = true };

    public static Architecture Entry { get; } = new("smollm3", "SmolLM3ForCausalLM")
    {
        Models = "SmolLM 3",
        About = "Llama with layers without positions",
        Table = "model.embed_tokens",
        Form = Form,
        Read = Read,
        Build = b => Llama.Build(b),
    };

    private static ModelConfig Read(JsonFields json)
    {
        ModelConfig config = Form.Read(json);
        bool[] rope = RopeLayers(json, config.Layers);
        int window = json.Flag("use_sliding_window", false) ? json.Integer("sliding_window", 1, int.MaxValue, 0) : 0;
        return config with
        {
            RopeLayers = rope,
            Windows = LayerWindows.Some(json, window, config.Layers, layer => !rope[layer]),
        };
    }

    private static bool[] RopeLayers(JsonFields json, int layers)
    {
        bool[] rope = new bool[layers];
        JsonElement[]? given = json.Array("no_rope_layers", layers);
        int interval = json.Integer("no_rope_layer_interval", 1, int.MaxValue, 4);
        for (int layer = 0; layer < layers; layer++)
        {
            // The name says the opposite: 1 is a layer with rotary positions.
            rope[layer] = given is null
                ? (layer + 1) % interval != 0
                : given[layer].ValueKind == JsonValueKind.Number && given[layer].TryGetInt32(out int flag) && flag is 0 or 1
                    ? flag == 1
                    : throw json.Wrong("no_rope_layers", given[layer], "0 or 1");
        }
        return rope;
    }
}
