using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Reads and writes config.json, in the forms of Transformers 4 and 5.</summary>
public static class ModelConfigFile
{
    private const int MostId = int.MaxValue - 1;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Reads a configuration.</summary>
    /// <param name="path">config.json, or the folder that holds it.</param>
    /// <exception cref="BadFileException">The file is absent, or a number in it makes no sense.</exception>
    /// <exception cref="NotSupportedException">The model_type, or an option of it, is not built; the message names it.</exception>
    public static ModelConfig Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string file = Directory.Exists(path) ? Path.Combine(path, "config.json") : path;
        using JsonDocument json = SafeJson.ReadObject(file);
        return Parse(json.RootElement, file);
    }

    /// <summary>Reads a configuration from JSON.</summary>
    /// <param name="json">The object.</param>
    /// <param name="path">What to call it in messages.</param>
    /// <exception cref="BadFileException">A number makes no sense.</exception>
    /// <exception cref="NotSupportedException">The model_type, or an option of it, is not built; the message names it.</exception>
    public static ModelConfig Parse(JsonElement json, string path)
    {
        JsonFields fields = new(json, path);
        if (!fields.Has("model_type"))
        {
            throw new BadFileException($"{path} has no model_type; expected one of {Architecture.Names}.");
        }
        if (fields.Object("text_config") is { } inner)
        {
            string outer = BadFileException.Short(fields.Text("model_type", "")), text = BadFileException.Short(inner.Text("model_type", "unknown"));
            throw new NotSupportedException(
                $"{path}: model_type {outer} wraps a text_config of model_type {text} with parts for images or sound: such models are not built; this version loads models of text alone: {Architecture.Names}");
        }
        ModelConfig config = Architecture.Of(fields.Text("model_type", ""), path).Parse(fields);
        IReadOnlyList<int> begin = fields.Integers("bos_token_id", -1, MostId);
        return config with
        {
            BeginId = begin.Count > 0 && begin[0] >= 0 ? begin[0] : null,
            EndIds = [.. fields.Integers("eos_token_id", -1, MostId).Where(id => id >= 0)],
            StoredType = fields.Text("dtype", fields.Text("torch_dtype", "")) switch
            {
                "float32" => ElementType.F32,
                "bfloat16" => ElementType.BF16,
                "float16" => ElementType.F16,
                _ => null,
            },
            Source = JsonObject.Create(json.Clone()),
        };
    }

    /// <summary>The configuration as config.json: what was read, unknown keys included, with what has changed since; complete for one made in code.</summary>
    /// <param name="config">The configuration.</param>
    public static string Write(ModelConfig config) => Write(config, null, null);

    /// <summary>The name of a type in config.json and PyTorch.</summary>
    /// <param name="type">The type.</param>
    internal static string Name(ElementType type) => type switch { ElementType.F32 => "float32", ElementType.BF16 => "bfloat16", _ => "float16" };

    /// <summary>The configuration as config.json, with a quantization_config where matrices are stored in bitsandbytes' four bits, else without one.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="coded">How matrices are coded, or null.</param>
    /// <param name="factored">What stands under factored_weights where matrices are stored as factors, or null.</param>
    internal static string Write(ModelConfig config, FourBitState? coded, JsonObject? factored)
    {
        ArgumentNullException.ThrowIfNull(config);
        Architecture architecture = Architecture.Of(config.ModelType, "the configuration");
        JsonObject json = config.Source?.DeepClone().AsObject() ?? architecture.Defaults();
        json["model_type"] = config.ModelType;
        architecture.Form.Write(json, config);
        if (config.PerLayerShapes || json.ContainsKey("per_layer_shapes"))
        {
            json["per_layer_shapes"] = config.PerLayerShapes;
        }
        DropStaleLists(json, config.Layers);
        WriteIds(json, config);
        ModelConfig written = Reread(json);
        if (written.RotaryDim != config.RotaryDim)
        {
            architecture.Form.WriteRotaryShare(json, config);
            written = Reread(json);
        }
        WriteFlags(json, written, config);
        if (written.Rope != config.Rope)
        {
            WriteRope(json, config.Rope);
        }
        if (config.StoredType is { } type)
        {
            json[json.ContainsKey("torch_dtype") ? "torch_dtype" : "dtype"] = Name(type);
        }
        json.Remove("quantization_config");
        if (coded is not null)
        {
            json["quantization_config"] = Quantisation(coded, config.StoredType ?? ElementType.F32);
        }
        json.Remove(FactoredFiles.ConfigKey);
        if (factored is not null)
        {
            json[FactoredFiles.ConfigKey] = factored;
        }
        CheckFlags(Reread(json), config);
        return json.ToJsonString(Indented) + "\n";
    }

    // All keys of Transformers' BitsAndBytesConfig: it asks for some of them without a default.
    private static JsonObject Quantisation(FourBitState coded, ElementType type) => new()
    {
        ["_load_in_4bit"] = true,
        ["_load_in_8bit"] = false,
        ["bnb_4bit_compute_dtype"] = Name(type),
        ["bnb_4bit_quant_storage"] = "uint8",
        ["bnb_4bit_quant_type"] = coded.Kind,
        ["bnb_4bit_use_double_quant"] = coded.Double,
        ["llm_int8_enable_fp32_cpu_offload"] = false,
        ["llm_int8_has_fp16_weight"] = false,
        ["llm_int8_skip_modules"] = null,
        ["llm_int8_threshold"] = 6.0,
        ["load_in_4bit"] = true,
        ["load_in_8bit"] = false,
        ["quant_method"] = "bitsandbytes",
    };

    private static ModelConfig Reread(JsonObject json)
    {
        using JsonDocument document = JsonDocument.Parse(json.ToJsonString());
        return Parse(document.RootElement, "the configuration");
    }

    /// <summary>Lists with one value a block do not fit another number of blocks; they are written again where they say something.</summary>
    private static void DropStaleLists(JsonObject json, int layers)
    {
        foreach (string key in (ReadOnlySpan<string>)["layer_types", "no_rope_layers"])
        {
            if (json[key] is JsonArray array && array.Count != layers)
            {
                json.Remove(key);
            }
        }
    }

    private static void WriteIds(JsonObject json, ModelConfig config)
    {
        ModelConfig written = Reread(json);
        if (written.BeginId != config.BeginId)
        {
            json["bos_token_id"] = config.BeginId;
        }
        if (!written.EndIds.SequenceEqual(config.EndIds))
        {
            json["eos_token_id"] = config.EndIds.Count switch
            {
                0 => null,
                1 => config.EndIds[0],
                _ => new JsonArray([.. config.EndIds.Select(id => (JsonNode)id)]),
            };
        }
    }

    private static void WriteFlags(JsonObject json, ModelConfig written, ModelConfig config)
    {
        if (written.AttentionBias != config.AttentionBias)
        {
            json["attention_bias"] = config.AttentionBias;
        }
        if (written.MlpBias != config.MlpBias)
        {
            json["mlp_bias"] = config.MlpBias;
        }
        int[] layers = [.. Enumerable.Range(0, config.Layers)];
        if (!layers.All(i => written.HasRope(i) == config.HasRope(i)))
        {
            json["no_rope_layers"] = new JsonArray([.. layers.Select(i => (JsonNode)(config.HasRope(i) ? 1 : 0))]);
        }
        if (!layers.All(i => written.Window(i) == config.Window(i)))
        {
            int window = layers.Max(config.Window);
            json["use_sliding_window"] = window > 0;
            json["sliding_window"] = window > 0 ? window : null;
            json["layer_types"] = new JsonArray([.. layers.Select(i => (JsonNode)(config.Window(i) > 0 ? "sliding_attention" : "full_attention"))]);
        }
    }

    private static void WriteRope(JsonObject json, RopeSettings rope)
    {
        json.Remove("rope_parameters");
        json.Remove("original_max_position_embeddings");
        json["rope_theta"] = rope.Theta;
        JsonObject scaling = new()
        {
            ["rope_type"] = rope.Kind switch
            {
                RopeKind.Linear => "linear",
                RopeKind.Dynamic => "dynamic",
                RopeKind.Llama3 => "llama3",
                RopeKind.LongRope => "longrope",
                _ => "yarn",
            },
            ["factor"] = rope.Factor,
        };
        if (rope.Kind is RopeKind.Llama3 or RopeKind.Yarn or RopeKind.LongRope)
        {
            scaling["original_max_position_embeddings"] = rope.OriginalPositions;
        }
        if (rope.Kind == RopeKind.Llama3)
        {
            scaling["low_freq_factor"] = rope.LowFrequencyFactor;
            scaling["high_freq_factor"] = rope.HighFrequencyFactor;
        }
        if (rope.Kind == RopeKind.LongRope)
        {
            scaling["attention_factor"] = rope.AttentionFactor;
            scaling["short_factor"] = new JsonArray([.. rope.ShortFactors.Select(f => (JsonNode)f)]);
            scaling["long_factor"] = new JsonArray([.. rope.LongFactors.Select(f => (JsonNode)f)]);
        }
        if (rope.Kind == RopeKind.Yarn)
        {
            scaling["beta_fast"] = rope.BetaFast;
            scaling["beta_slow"] = rope.BetaSlow;
            scaling["truncate"] = rope.Truncate;
            scaling["attention_factor"] = rope.AttentionFactor;
        }
        json["rope_scaling"] = rope.Kind == RopeKind.Default ? null : scaling;
    }

    /// <summary>What a model_type's file cannot say must not be lost in silence.</summary>
    private static void CheckFlags(ModelConfig written, ModelConfig config)
    {
        bool same = written.HiddenSize == config.HiddenSize && written.IntermediateSize == config.IntermediateSize && written.Heads == config.Heads
            && written.KeyHeads == config.KeyHeads && written.HeadDim == config.HeadDim && written.RotaryDim == config.RotaryDim
            && written.NormEps == config.NormEps && written.Activation == config.Activation && written.AttentionBias == config.AttentionBias && written.OutputBias == config.OutputBias && written.MlpBias == config.MlpBias
            && written.QueryKeyNorm == config.QueryKeyNorm && written.Rope == config.Rope
            && Enumerable.Range(0, config.Layers).All(i => written.Window(i) == config.Window(i) && written.HasRope(i) == config.HasRope(i));
        if (!same)
        {
            throw new NotSupportedException(
                $"config.json of model_type {config.ModelType} cannot say what this configuration says of sizes, biases, norms, rope or windows; choose the model_type that can");
        }
    }
}
