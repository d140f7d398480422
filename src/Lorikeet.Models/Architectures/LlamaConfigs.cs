using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>Reads config.json of the models that are <see cref="Llama"/> blocks: each with the defaults of its class in Transformers.</summary>
/// <remarks>Defaults: configuration_llama.py, configuration_mistral.py and so on; a missing key means the class's value, not Llama's.</remarks>
internal static class LlamaConfigs
{
    private const int MostWidth = 1 << 20;
    private const int MostLayers = 10_000;
    private const int MostHeadDim = AttentionShape.MostHeadDim;

    public static ModelConfig Llama(JsonFields json)
    {
        ModelConfig config = Common(json, keyHeads: null, positions: 2048);
        bool bias = json.Flag("attention_bias", false);
        return config with { AttentionBias = bias, OutputBias = bias, MlpBias = json.Flag("mlp_bias", false) };
    }

    public static ModelConfig Mistral(JsonFields json)
    {
        ModelConfig config = Common(json, keyHeads: 8, positions: 131_072);
        // The class default is a window: no window must be written as null.
        int window = json.Names("sliding_window") ? json.Integer("sliding_window", 1, int.MaxValue, 0) : 4096;
        return window == 0 ? config : config with { Windows = [.. Enumerable.Repeat(window, config.Layers)] };
    }

    public static ModelConfig Qwen2(JsonFields json)
    {
        ModelConfig config = Common(json, keyHeads: 32, positions: 32_768);
        return config with { AttentionBias = true, Windows = QwenWindows(json, config.Layers) };
    }

    public static ModelConfig Qwen3(JsonFields json)
    {
        ModelConfig config = Common(json, keyHeads: 32, positions: 32_768, headDim: 128);
        bool bias = json.Flag("attention_bias", false);
        return config with { AttentionBias = bias, OutputBias = bias, QueryKeyNorm = true, Windows = QwenWindows(json, config.Layers) };
    }

    public static ModelConfig SmolLm3(JsonFields json)
    {
        ModelConfig config = Common(json, keyHeads: 4, positions: 32_768, theta: 2_000_000, tied: true);
        bool bias = json.Flag("attention_bias", false);
        bool[] rope = RopeLayers(json, config.Layers);
        int window = json.Flag("use_sliding_window", false) ? json.Integer("sliding_window", 1, int.MaxValue, 0) : 0;
        return config with
        {
            AttentionBias = bias,
            OutputBias = bias,
            MlpBias = json.Flag("mlp_bias", false),
            RopeLayers = rope,
            Windows = Windows(json, window, config.Layers, layer => !rope[layer]),
        };
    }

    private static ModelConfig Common(JsonFields json, int? keyHeads, int positions, int? headDim = null, double theta = 10_000, bool tied = false)
    {
        int hidden = json.Integer("hidden_size", 1, MostWidth);
        int layers = json.Integer("num_hidden_layers", 1, MostLayers);
        int heads = json.Integer("num_attention_heads", 1, MostWidth);
        // A key that is there but null means as many key heads as query heads, whatever the class default.
        int keys = json.Integer("num_key_value_heads", 1, MostWidth, json.Names("num_key_value_heads") ? heads : keyHeads ?? heads);
        if (heads % keys != 0)
        {
            throw new BadFileException($"{json.Path}: {heads} num_attention_heads over {keys} num_key_value_heads; expected a whole number of heads for each.");
        }
        if (heads / keys > AttentionShape.MostGroup)
        {
            throw new BadFileException($"{json.Path}: {heads} num_attention_heads over {keys} num_key_value_heads; expected at most {AttentionShape.MostGroup} to one.");
        }
        if (!json.Has("head_dim") && headDim is null && hidden % heads != 0)
        {
            throw new BadFileException($"{json.Path}: hidden_size {hidden} over {heads} num_attention_heads; expected a whole number, or head_dim.");
        }
        int dim = json.Integer("head_dim", 2, MostHeadDim, headDim ?? hidden / heads);
        if (dim is < 2 or > MostHeadDim || dim % 2 != 0)
        {
            throw new BadFileException($"{json.Path}: a head has {dim} elements; expected an even number from 2 to {MostHeadDim}.");
        }
        if ((long)heads * dim > 8L * MostWidth)
        {
            throw new BadFileException($"{json.Path}: {heads} heads of {dim} elements; expected at most {8 * MostWidth} in all.");
        }
        string activation = json.Text("hidden_act", "silu");
        if (activation is not ("silu" or "swish"))
        {
            throw new NotSupportedException($"{json.Path}: hidden_act {activation} is not built yet in gated feed-forwards: this version has silu");
        }
        if (json.Find("quantization_config") is { } quantised)
        {
            string method = quantised.ValueKind == JsonValueKind.Object ? new JsonFields(quantised, json.Path).Text("quant_method", "of unknown name") : "of unknown name";
            throw new NotSupportedException($"{json.Path}: quantization_config: the method {method} is not built yet: this version loads f32, bf16 and f16");
        }
        int maxPositions = json.Integer("max_position_embeddings", 1, int.MaxValue, positions);
        RopeSettings rope = RopeFields.Read(json, maxPositions, theta);
        if (rope.Kind == RopeKind.Dynamic && dim == 2)
        {
            throw new BadFileException($"{json.Path}: a head has 2 elements; dynamic rope scaling needs at least 4.");
        }
        return new ModelConfig
        {
            ModelType = json.Text("model_type", "llama"),
            HiddenSize = hidden,
            IntermediateSize = json.Integer("intermediate_size", 1, 16 * MostWidth),
            Layers = layers,
            Heads = heads,
            KeyHeads = keys,
            HeadDim = dim,
            VocabularySize = json.Integer("vocab_size", 1, 16 * MostWidth),
            MaxPositions = maxPositions,
            NormEps = (float)json.Number("rms_norm_eps", 0, 1, 1e-6),
            Rope = rope,
            TieEmbeddings = json.Flag("tie_word_embeddings", tied),
            PerLayerShapes = json.Flag("per_layer_shapes", false),
        };
    }

    private static int[] QwenWindows(JsonFields json, int layers)
    {
        int window = json.Flag("use_sliding_window", false)
            ? json.Names("sliding_window") ? json.Integer("sliding_window", 1, int.MaxValue, 0) : 4096
            : 0;
        int full = json.Integer("max_window_layers", 0, int.MaxValue, 28);
        return Windows(json, window, layers, layer => layer >= full);
    }

    /// <summary>The window of each block: <c>layer_types</c> decides alone where it is given.</summary>
    private static int[] Windows(JsonFields json, int window, int layers, Func<int, bool> windowed)
    {
        JsonElement[]? types = json.Array("layer_types", layers);
        int[] windows = new int[layers];
        for (int layer = 0; layer < layers; layer++)
        {
            string? type = types is null ? null : types[layer].ValueKind == JsonValueKind.String ? types[layer].GetString() : "";
            windows[layer] = type switch
            {
                null => windowed(layer) ? window : 0,
                "full_attention" => 0,
                "sliding_attention" when window > 0 => window,
                "sliding_attention" => throw new BadFileException(
                    $"{json.Path}: layer_types[{layer}] is sliding_attention, but no sliding_window is in use; expected use_sliding_window and sliding_window."),
                _ => throw new NotSupportedException(
                    $"{json.Path}: layer_types[{layer}] {types![layer].GetRawText()} is not built yet: this version has full_attention and sliding_attention"),
            };
        }
        return windows;
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
