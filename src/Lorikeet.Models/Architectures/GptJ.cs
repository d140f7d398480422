using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>GPT-J: one LayerNorm for parallel branches, the first elements of each head rotated in neighbouring pairs.</summary>
/// <remarks>Source: Wang and Komatsuzaki, GPT-J-6B, 2021; names of modules as in Transformers' modeling_gptj.</remarks>
internal static class GptJ
{
    private static readonly ConfigForm Form = Gpt2.Form with { DefaultPositions = 2048, Tied = false, Rope = true };

    /// <summary>The registry's entry.</summary>
    public static Architecture Entry { get; } = new("gptj", "GPTJForCausalLM")
    {
        Models = "GPT-J 6B, GPT4All-J",
        About = "one LayerNorm for parallel branches, part of each head rotated in neighbouring pairs",
        Table = "transformer.wte",
        Form = Form,
        Read = Read,
        Build = Build,
    };

    private static ModelConfig Read(JsonFields json)
    {
        ModelConfig config = Form.Read(json);
        int rotary = json.Integer("rotary_dim", 2, config.HeadDim, 64);
        return rotary > config.HeadDim || rotary % 2 != 0
            ? throw new BadFileException($"{json.Path}: rotary_dim is {rotary}; expected an even number from 2 to the {config.HeadDim} elements of a head.")
            : config with { RotaryDim = rotary == config.HeadDim ? 0 : rotary };
    }

    private static LanguageModel Build(ModelBuilder b)
    {
        RotaryTable rotary = b.Rotary(interleaved: true);
        EmbeddingSite table = b.Embedding("transformer.wte");
        return b.Model(new ModelParts
        {
            Embedding = table,
            Blocks = b.Blocks(Layer),
            FinalNorm = b.LayerNorm("transformer.ln_f"),
            Head = b.Head("lm_head", table, bias: true),
        });

        Block Layer(int i)
        {
            string block = $"transformer.h.{i}";
            return new Block(
                i,
                b.LayerNorm(block + ".ln_1"),
                b.Attention(block + ".attn", rotary, output: "out_proj"),
                b.Output(block + ".attn"),
                null,
                b.FeedForward(block + ".mlp.fc_in", block + ".mlp.fc_out", b.Biased),
                b.Output(block + ".mlp"))
            {
                Form = BlockForm.Parallel,
            };
        }
    }
}
