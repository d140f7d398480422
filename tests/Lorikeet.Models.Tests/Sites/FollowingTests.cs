using Lorikeet.Models.Tests.Architectures;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Sites;

/// <summary>What follows a product, and the codes of what the next product reads, are the same whether they are made at once or in passes of their own.</summary>
public sealed class FollowingTests
{
    public static TheoryData<string> Names => TinyArchitectures.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tap_that_sees_every_site_changes_no_bit(string name)
    {
        using LanguageModel model = TinyArchitectures.Create(name);
        Compare(model);
    }

    [Theory]
    [InlineData("q8_0", "llama")]
    [InlineData("q4_0", "llama")]
    [InlineData("q8_0", "gpt2")]
    [InlineData("q8_0", "gpt_neox")]
    [InlineData("q8_0", "opt")]
    public void Coded_products_are_no_exception(string format, string type)
    {
        ModelConfig config = TinyArchitectures.All[type] with { HiddenSize = 64, HeadDim = 8, Heads = 8, KeyHeads = type == "llama" ? 2 : 8, IntermediateSize = 96 };
        using LanguageModel model = ModelLoader.Create(config, new CounterRandom(5), WeightFormat.Find(format));
        Assert.All(model.Blocks, block => Assert.Equal(format, block.Mixer.Entry!.Sites[0].Weight.Format));
        Compare(model);
    }

    private static void Compare(LanguageModel model)
    {
        foreach (int rows in (int[])[1, 19])
        {
            int[] tokens = TinyModel.Tokens(rows);
            float[] seen = Logits(model, tokens, new Seeing());
            Assert.All(seen, value => Assert.True(float.IsFinite(value)));
            Assert.Equal(seen, Logits(model, tokens, null));
        }
    }

    private static float[] Logits(LanguageModel model, int[] tokens, ITap? tap)
    {
        using ModelRun run = new() { Rows = new Rows(tokens.Length), Tap = tap };
        return model.Logits(run, model.Forward(run, Input.Of(tokens))).Span.ToArray();
    }

    private sealed class Seeing : ITap
    {
        public void Input(Site site, in Tensor x)
        {
        }

        public void Output(Site site, in Tensor y)
        {
        }
    }
}
