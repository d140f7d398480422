using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Gguf;

/// <summary>Gemma 1 and 2 in GGUF files: the scales of norms are stored whole, in folders of the hub as their distance from 1.</summary>
internal static class GgufGemma
{
    public static GgufArchitecture Gemma { get; } = new("gemma", "gemma")
    {
        Modules = Shifted(GgufLlama.Modules()),
        ReadConfig = (fields, file) => Read(fields, file, "gemma", "GemmaForCausalLM"),
        WriteConfig = (config, metadata) =>
        {
            GgufWriting.NoWindows(config);
            Write(config, metadata);
        },
    };

    public static GgufArchitecture Gemma2 { get; } = new("gemma2", "gemma2")
    {
        Modules = Shifted(
        [
            .. GgufLlama.Modules().Where(m => !m.Hub.EndsWith("post_attention_layernorm", StringComparison.Ordinal)),
            new("model.layers.{}.post_attention_layernorm", "blk.{}.post_attention_norm"),
            new("model.layers.{}.pre_feedforward_layernorm", "blk.{}.ffn_norm"),
            new("model.layers.{}.post_feedforward_layernorm", "blk.{}.post_ffw_norm"),
        ]),
        ReadConfig = Read2,
        WriteConfig = Write2,
    };

    private static GgufName[] Shifted(IEnumerable<GgufName> modules) =>
        [.. modules.Select(m => m.Gguf.EndsWith("norm", StringComparison.Ordinal) ? m with { Offset = 1 } : m)];

    private static JsonObject Read(GgufFields fields, GgufFile file, string modelType, string className)
    {
        GgufNumbers numbers = new GgufNumbers(fields, file).Whole();
        JsonObject config = numbers.Usual(modelType, className);
        config["head_dim"] = numbers.HeadDim;
        config["hidden_act"] = "gelu_pytorch_tanh";
        config["hidden_activation"] = "gelu_pytorch_tanh";
        return config;
    }

    private static JsonObject Read2(GgufFields fields, GgufFile file)
    {
        JsonObject config = Read(fields, file, "gemma2", "Gemma2ForCausalLM");
        config["attn_logit_softcapping"] = fields.Number("gemma2.attn_logit_softcapping") ?? 50;
        config["final_logit_softcapping"] = fields.Number("gemma2.final_logit_softcapping") ?? 30;
        config["sliding_window"] = fields.Integer("gemma2.attention.sliding_window", 1, int.MaxValue) ?? 4096;
        config["query_pre_attn_scalar"] = Scalar((int)config["num_hidden_layers"]!, (int)config["hidden_size"]!, (int)config["num_attention_heads"]!, (int)config["head_dim"]!);
        return config;
    }

    // The file does not say it: of the published sizes the one with 46 layers divides by hidden / heads, the others by the size of a head.
    private static int Scalar(int layers, int hidden, int heads, int headDim) => layers == 46 ? hidden / heads : headDim;

    private static void Write2(ModelConfig config, GgufMetadata metadata)
    {
        int scalar = Scalar(config.Layers, config.HiddenSize, config.Heads, config.HeadDim);
        double said = config.Source?["query_pre_attn_scalar"]?.GetValue<double>() ?? 256;
        GgufWriting.Refuse(said != scalar, config, $"query_pre_attn_scalar {said} (other programs take {scalar})");
        int[] windows = [.. Enumerable.Range(0, config.Layers).Select(config.Window)];
        int window = windows.Max();
        GgufWriting.Refuse(window == 0 || !windows.Select((w, i) => w == (i % 2 == 0 ? window : 0)).All(same => same), config, "another pattern of windows than on every other block, the first included,");
        metadata.Own("attention.sliding_window", (uint)window);
        foreach ((string key, float absent) in new[] { ("attn_logit_softcapping", 50f), ("final_logit_softcapping", 30f) })
        {
            bool names = config.Source?.ContainsKey(key) ?? false;
            GgufWriting.Refuse(names && config.Source![key] is null, config, $"no {key}");
            metadata.Own(key, names ? (float)config.Source![key]!.GetValue<double>() : absent);
        }
        Write(config, metadata);
    }

    private static void Write(ModelConfig config, GgufMetadata metadata)
    {
        GgufWriting.NoBiases(config);
        GgufWriting.Only(config, ActivationKind.GeluTanh);
        GgufWriting.Refuse(!config.TieEmbeddings, config, "a head of its own");
        GgufWriting.Usual(config, metadata);
    }
}
