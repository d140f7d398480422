namespace Lorikeet.Models;

/// <summary>Falcon: one matrix for q, k and v with few or many key heads; parallel branches with one or two LayerNorms, or sequential ones.</summary>
/// <remarks>Source: Almazrouei et al., arXiv 2311.16867; names of modules as in Transformers' modeling_falcon.</remarks>
internal static class Falcon
{
    private static readonly ConfigForm Form = new()
    {
        Intermediate = "ffn_hidden_size",
        IntermediateTimes = 4,
        KeyHeads = null,
        NormEps = "layer_norm_epsilon",
        Activation = "activation",
        DefaultActivation = "gelu",
        Tied = true,
    };

    /// <summary>The registry's entry.</summary>
    public static Architecture Entry { get; } = new("falcon", "FalconForCausalLM")
    {
        Models = "Falcon 7B, 11B, 40B, 180B, Falcon-RW",
        About = "parallel branches with one or two LayerNorms, one matrix for q, k and v of each key head; RW sequential",
        Table = "transformer.word_embeddings",
        Form = Form,
        Read = Read,
        Build = Build,
    };

    private static ModelConfig Read(JsonFields json)
    {
        ModelConfig config = Form.Read(json);
        int keys = json.Flag("new_decoder_architecture", false) ? json.Integer("num_kv_heads", 1, config.Heads, config.Heads)
            : json.Flag("multi_query", true) ? 1 : config.Heads;
        return Form.WithKeyHeads(json, config, keys);
    }

    private static LanguageModel Build(ModelBuilder b)
    {
        bool isNew = b.Own.Flag("new_decoder_architecture", false), parallel = b.Own.Flag("parallel_attn", true), bias = b.Own.Flag("bias", false);
        bool two = isNew && b.Own.Integer("num_ln_in_parallel_attn", 1, 2, 2) == 2;
        if (isNew && !parallel)
        {
            throw new NotSupportedException($"{b.Own.Path}: new_decoder_architecture without parallel_attn is not built: no published model has it");
        }
        float[]? slopes = b.Own.Flag("alibi", false) ? Alibi.RoundedSlopes(b.Config.Heads) : null;
        RotaryTable? rotary = slopes is null ? b.Rotary() : null;
        EmbeddingSite table = b.Embedding("transformer.word_embeddings");
        return b.Model(new ModelParts
        {
            Embedding = table,
            Blocks = b.Blocks(Layer),
            FinalNorm = b.LayerNorm("transformer.ln_f"),
            Head = b.Head("lm_head", table),
        });

        Block Layer(int i)
        {
            string block = $"transformer.h.{i}", attention = block + ".self_attention", mlp = block + ".mlp";
            return new Block(
                i,
                b.LayerNorm(block + (two ? ".ln_attn" : ".input_layernorm")),
                b.FusedAttention(attention + ".query_key_value", attention + ".dense", b.Heads() with { RoundsBias = true }, grouped: true, rotary, Dense, slopes),
                b.Output(attention),
                two ? b.LayerNorm(block + ".ln_mlp") : parallel ? null : b.LayerNorm(block + ".post_attention_layernorm"),
                b.FeedForward(mlp + ".dense_h_to_4h", mlp + ".dense_4h_to_h", Dense),
                b.Output(mlp))
            {
                Form = parallel ? BlockForm.Parallel : BlockForm.Sequential,
            };
        }

        LinearSite Dense(string name, int outputs, int inputs) => b.Dense(name, outputs, inputs, bias);
    }
}
