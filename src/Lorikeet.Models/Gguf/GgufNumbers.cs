using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Gguf;

/// <summary>The numbers that all architectures share, as metadata says them, and how they become a config.json.</summary>
internal sealed class GgufNumbers
{
    private const int Most = 1 << 24;

    private readonly GgufFields fields;
    private readonly GgufFile file;

    /// <summary>Reads them.</summary>
    /// <param name="fields">The metadata.</param>
    /// <param name="file">The file, for what the tensors say.</param>
    public GgufNumbers(GgufFields fields, GgufFile file)
    {
        this.fields = fields;
        this.file = file;
        Own = fields.Architecture;
        Hidden = Needed("embedding_length");
        Heads = Needed("attention.head_count");
        HeadDim = fields.Integer($"{Own}.attention.key_length", 1, Most) ?? Hidden / Heads;
        int values = fields.Integer($"{Own}.attention.value_length", 1, Most) ?? HeadDim;
        Rotated = fields.Integer($"{Own}.rope.dimension_count", 1, Most) ?? HeadDim;
        if (values != HeadDim)
        {
            throw fields.Unsupported($"heads of {HeadDim} elements with {values} of values are not built for the architecture {Own}");
        }
    }

    /// <summary>The architecture.</summary>
    public string Own { get; }

    /// <summary>Width of the residual stream.</summary>
    public int Hidden { get; }

    /// <summary>Query heads.</summary>
    public int Heads { get; }

    /// <summary>Elements of a head.</summary>
    public int HeadDim { get; }

    /// <summary>Rotated elements of a head.</summary>
    public int Rotated { get; }

    /// <summary>Rows of the token table.</summary>
    public int Vocabulary => file.TryGet("token_embd.weight", out GgufTensor? table) && table.Rows is > 0 and <= int.MaxValue
        ? (int)table.Rows
        : throw fields.Bad("has no tensor token_embd.weight; expected a whole model.");

    /// <summary>A head that is not stored, or stored as the same bytes once more.</summary>
    public bool Tied => !file.TryGet("output.weight", out GgufTensor? head)
        || (file.TryGet("token_embd.weight", out GgufTensor? table) && head.TypeId == table.TypeId && head.Extents.SequenceEqual(table.Extents) && SameBytes(head, table));

    /// <summary>A number that must be there.</summary>
    /// <param name="key">Its key without the architecture.</param>
    public int Needed(string key) => fields.Integer($"{Own}.{key}", 1, Most) ?? throw fields.Bad($"has no {Own}.{key}.");

    /// <summary>A real number that must be there.</summary>
    /// <param name="key">Its key without the architecture.</param>
    public double Real(string key) => fields.Number($"{Own}.{key}") ?? throw fields.Bad($"has no {Own}.{key}.");

    /// <summary>Refuses heads of which only a part is rotated.</summary>
    public GgufNumbers Whole() => Rotated == HeadDim
        ? this
        : throw fields.Unsupported($"heads of {HeadDim} elements with {Rotated} rotated are not built for the architecture {Own}");

    /// <summary>What every config.json starts with: names, vocabulary, the ids that begin and end a text.</summary>
    /// <param name="modelType">Its model_type.</param>
    /// <param name="className">The class in Transformers.</param>
    public JsonObject Start(string modelType, string className)
    {
        JsonObject config = new()
        {
            ["architectures"] = new JsonArray(className),
            ["model_type"] = modelType,
            ["vocab_size"] = Vocabulary,
            ["tie_word_embeddings"] = Tied,
        };
        // What norms and biases were stored as before a file made them float32.
        if (file.TryGet("token_embd.weight", out GgufTensor? table) && table.TypeName is "F32" or "F16" or "BF16")
        {
            config["dtype"] = table!.TypeName switch { "F32" => "float32", "F16" => "float16", _ => "bfloat16" };
        }
        if (fields.Integer("tokenizer.ggml.bos_token_id", 0, int.MaxValue) is { } begin)
        {
            config["bos_token_id"] = begin;
        }
        // A chat model ends a turn with another token than a text.
        int[] ends = [.. new[] { "eos", "eot", "eom" }.Select(role => fields.Integer($"tokenizer.ggml.{role}_token_id", 0, int.MaxValue)).OfType<int>().Distinct()];
        config["eos_token_id"] = ends.Length switch { 0 => null, 1 => ends[0], _ => new JsonArray([.. ends.Select(id => (JsonNode)id)]) };
        return config;
    }

    /// <summary>The usual keys of most model_types, rope included.</summary>
    /// <param name="modelType">Its model_type.</param>
    /// <param name="className">The class in Transformers.</param>
    /// <param name="epsKey">The key of what norms add, in config.json.</param>
    /// <param name="eps">The same in the metadata.</param>
    public JsonObject Usual(string modelType, string className, string epsKey = "rms_norm_eps", string eps = "attention.layer_norm_rms_epsilon")
    {
        JsonObject config = Start(modelType, className);
        config["hidden_size"] = Hidden;
        config["intermediate_size"] = Needed("feed_forward_length");
        config["num_hidden_layers"] = Needed("block_count");
        config["num_attention_heads"] = Heads;
        config["num_key_value_heads"] = fields.Integer($"{Own}.attention.head_count_kv", 1, Most) ?? Heads;
        config["max_position_embeddings"] = fields.Integer($"{Own}.context_length", 1, int.MaxValue) ?? 2048;
        config[epsKey] = Real(eps);
        GgufRope.Read(fields, file, config);
        return config;
    }

    private bool SameBytes(GgufTensor a, GgufTensor b)
    {
        for (long row = 0; row < a.Rows; row++)
        {
            if (!file.Bytes(a, row, 1).SequenceEqual(file.Bytes(b, row, 1)))
            {
                return false;
            }
        }
        return true;
    }
}
