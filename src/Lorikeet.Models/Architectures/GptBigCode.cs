namespace Lorikeet.Models;

/// <summary>GPT-BigCode: GPT-2 with linear layers and, usually, one head of keys and values for all.</summary>
/// <remarks>Source: Ben Allal et al., arXiv 2301.03988; one key head: Shazeer, arXiv 1911.02150.</remarks>
internal static class GptBigCode
{
    private static readonly ConfigForm Form = Gpt2.Form with { DefaultActivation = "gelu_pytorch_tanh" };

    /// <summary>The registry's entry.</summary>
    public static Architecture Entry { get; } = new("gpt_bigcode", "GPTBigCodeForCausalLM")
    {
        Models = "StarCoder, StarCoderBase, SantaCoder",
        About = "GPT-2 with one head of keys and values",
        Table = "transformer.wte",
        Form = Form,
        Read = json =>
        {
            ModelConfig config = Form.Read(json);
            return Form.WithKeyHeads(json, config, json.Flag("multi_query", true) ? 1 : config.Heads);
        },
        Build = b => Gpt2.Build(b, b.Biased, grouped: true, _ => Gpt2.Scale(b)),
    };
}
