using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Architectures;

/// <summary>Tests that change the worker team or count live memory: nothing runs beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>Tiny models with random weights and the ways to run them.</summary>
internal static class TinyModel
{
    public static readonly ModelConfig Config = new()
    {
        HiddenSize = 48,
        IntermediateSize = 80,
        Layers = 3,
        Heads = 6,
        KeyHeads = 2,
        HeadDim = 8,
        VocabularySize = 97,
        NormEps = 1e-5f,
        TieEmbeddings = true,
    };

    public static readonly ModelConfig Qwen = Config with
    {
        ModelType = "qwen3",
        AttentionBias = true,
        OutputBias = true,
        QueryKeyNorm = true,
        Windows = [0, 5, 5],
        TieEmbeddings = false,
        Rope = new RopeSettings { Kind = RopeKind.Yarn, Factor = 4, OriginalPositions = 32, AttentionFactor = 1.1 },
    };

    /// <summary>A model whose logits depend visibly on every input: weights of deviation 0.2.</summary>
    public static LanguageModel Create(ModelConfig config, ElementType type = ElementType.F32) =>
        ModelLoader.Build(config, new RandomSource(new CounterRandom(7), type, 0.2f));

    public static int[] Tokens(int count, ulong stream = 1)
    {
        CounterRandom random = new(11, stream);
        int[] ids = new int[count];
        for (int i = 0; i < count; i++)
        {
            ids[i] = random.Integer((ulong)i, Config.VocabularySize);
        }
        return ids;
    }

    /// <summary>Logits of whole sequences run as one batch, one array a sequence.</summary>
    public static float[][] Whole(LanguageModel model, Adapter?[]? adapters, bool own, params int[][] sequences)
    {
        using ModelRun run = new() { Rows = new Rows([.. sequences.Select(s => s.Length)]), OwnForwards = own };
        run.Plan = adapters is null ? null : PlanOf(model, adapters, [.. sequences.Select(s => s.Length)]);
        Tensor logits = model.Logits(run, model.Forward(run, Input.Of((int[])[.. sequences.SelectMany(s => s)])));
        float[][] all = new float[sequences.Length][];
        int row = 0;
        for (int i = 0; i < sequences.Length; i++)
        {
            all[i] = logits.ViewRows(row, sequences[i].Length).Span.ToArray();
            row += sequences[i].Length;
        }
        return all;
    }

    public static float[] Whole(LanguageModel model, int[] sequence) => Whole(model, null, false, sequence)[0];

    /// <summary>Logits of one sequence through stored state, in chunks.</summary>
    public static float[] Chunked(LanguageModel model, PagePool pool, int[] tokens, Func<int, int> chunk)
    {
        using SequenceState state = new(pool, model);
        using ModelRun run = new();
        List<float> logits = [];
        for (int at = 0; at < tokens.Length;)
        {
            int rows = Math.Min(chunk(at), tokens.Length - at);
            run.Arena.Reset();
            state.Reserve(rows);
            run.Rows = new Rows([(state, rows)]);
            logits.AddRange(model.Logits(run, model.Forward(run, Input.Of(tokens.AsSpan(at, rows)))).Span);
            state.Append(rows);
            at += rows;
        }
        return [.. logits];
    }

    public static BatchPlan PlanOf(LanguageModel model, Adapter?[] adapters, int[] rows)
    {
        RowSegment[] segments = new RowSegment[rows.Length];
        int first = 0;
        for (int i = 0; i < rows.Length; i++)
        {
            segments[i] = new RowSegment(adapters[i], first, rows[i]);
            first += rows[i];
        }
        return new BatchPlan(model, segments);
    }

    /// <summary>The mean next-token loss of a recorded run.</summary>
    public static Tensor Loss(LanguageModel model, ModelRun run, int[] ids)
    {
        int[] targets = [.. ids.Skip(1), -1];
        float[] weights = new float[ids.Length];
        weights.AsSpan(0, ids.Length - 1).Fill(1f / (ids.Length - 1));
        return HeadLoss.Forward(run, model.Forward(run, Input.Of(ids)), (h, _) => model.Logits(run, h), targets, weights, []);
    }
}
