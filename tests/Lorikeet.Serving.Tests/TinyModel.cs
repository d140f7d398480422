using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>A small random Llama whose answers differ from prompt to prompt, and adapters for it.</summary>
internal static class TinyModel
{
    public const int Vocabulary = 257;

    public static LanguageModel Create() => ModelLoader.Build(
        new ModelConfig
        {
            HiddenSize = 48,
            IntermediateSize = 80,
            Layers = 3,
            Heads = 4,
            KeyHeads = 2,
            HeadDim = 12,
            VocabularySize = Vocabulary,
            MaxPositions = 512,
        },
        new RandomSource(new CounterRandom(7), ElementType.F32, 0.3f));

    /// <summary>An adapter whose kind and rank follow from its number: low-rank, low-rank without a batched form, scales; some change the head.</summary>
    public static Adapter Adapter(LanguageModel model, int number)
    {
        Adapter adapter = new($"adapter-{number}", model);
        CounterRandom random = new CounterRandom(1000 + (ulong)number).Named("adapter");
        foreach (Site site in model.Sites)
        {
            if (site is LinearSite linear && (!linear.IsHead || number % 5 == 0) && (number + site.Index) % 3 != 0)
            {
                CounterRandom own = random.Named(site.Name);
                adapter.Set(site, number % 4 == 3 ? new ScaleChange(linear, own) : new LowRankChange(linear, 1 + (number % 7), own, lowers: number % 4 != 2));
            }
        }
        return adapter;
    }

    /// <summary>The same request with the rows of the token table in place of the ids.</summary>
    public static GenerationRequest AsRows(LanguageModel model, GenerationRequest request) =>
        request with { Prompt = [], Rows = PromptRows.Of(Numbers(model, [.. request.Prompt]), model.EmbeddingWidth) };

    /// <summary>The rows of the token table for some ids, [ids, hidden].</summary>
    public static float[] Numbers(LanguageModel model, int[] ids)
    {
        float[] rows = new float[ids.Length * model.EmbeddingWidth];
        for (int i = 0; i < ids.Length; i++)
        {
            model.ReadEmbedding(ids[i], rows.AsSpan(i * model.EmbeddingWidth));
        }
        return rows;
    }

    public static int[] Prompt(int number, int length)
    {
        CounterRandom random = new CounterRandom(50).Named($"prompt {number}");
        int[] ids = new int[length];
        for (int i = 0; i < length; i++)
        {
            ids[i] = random.Integer((ulong)i, Vocabulary);
        }
        return ids;
    }
}

/// <summary>y = W x + 0.5 B (A x).</summary>
internal sealed class LowRankChange(LinearSite site, int rank, CounterRandom random, bool lowers) : SiteAdapter
{
    private readonly Parameter a = Random("a", rank, site.Inputs, random.Named("a"));
    private readonly Parameter b = Random("b", site.Outputs, rank, random.Named("b"));

    public override bool IsSum => true;

    public override IReadOnlyList<Parameter> Parameters => [a, b];

    public override Tensor Forward(in SiteCall call) =>
        LowRankAdd.Into(call.Run, call.Base(), call.X, call.Run.Use(a), call.Run.Use(b), 0.5f);

    public override SiteForm? Lower(Site site, FactorPacker packer) =>
        lowers ? new SiteForm { LowRank = [packer.LowRank(a, b, 0.5f)] } : null;

    public static Parameter Random(string name, int rows, int columns, CounterRandom random)
    {
        Tensor value = Storage.Zeros(new Shape(rows, columns));
        random.FillNormal(value.Span, 0.3f);
        return new Parameter(name, value);
    }
}

/// <summary>y = s o (W x).</summary>
internal sealed class ScaleChange(LinearSite site, CounterRandom random) : SiteAdapter
{
    private readonly Parameter scale = LowRankChange.Random("scale", 1, site.Outputs, random);

    public override IReadOnlyList<Parameter> Parameters => [scale];

    public override Tensor Forward(in SiteCall call) => MultiplyRow.Forward(call.Run, call.Base(), call.Run.Use(scale));

    public override SiteForm? Lower(Site site, FactorPacker packer)
    {
        Tensor post = Storage.Zeros(new Shape(scale.Value.Width));
        scale.Value.Span.CopyTo(post.Span);
        return new SiteForm { Post = post };
    }
}
