using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Contract;

/// <summary>A tiny model, and the few things that tests of methods do with one.</summary>
internal static class Bench
{
    public static readonly int[][] Prompts = [[5, 9, 2, 40, 17], [3, 3, 61], [22, 11, 8, 30, 1, 44, 6], [50]];

    public static LanguageModel Model(int layers = 2, int hidden = 32, float deviation = 0.2f, ulong seed = 7, bool bias = true) => ModelLoader.Build(
        new ModelConfig
        {
            HiddenSize = hidden,
            IntermediateSize = hidden + (hidden / 2),
            Layers = layers,
            Heads = 4,
            KeyHeads = 2,
            HeadDim = hidden / 4,
            VocabularySize = 64,
            AttentionBias = bias,
            OutputBias = bias,
            MlpBias = bias,
        },
        new Biased(new RandomSource(new CounterRandom(seed), deviation: deviation), seed));

    /// <summary>Logits of whole sequences without state, [tokens of all sequences, vocabulary].</summary>
    public static float[] Logits(LanguageModel model, IReadOnlyList<(Adapter? Adapter, int[] Tokens)> batch, bool ownForwards = false)
    {
        using ModelRun run = new() { OwnForwards = ownForwards, Rows = new Rows([.. batch.Select(b => b.Tokens.Length)]), Plan = Plan(model, batch) };
        int[] tokens = [.. batch.SelectMany(b => b.Tokens)];
        return model.Logits(run, model.Forward(run, Input.Of(tokens))).Span.ToArray();
    }

    public static float[] Logits(LanguageModel model, Adapter? adapter, int[] tokens, bool ownForwards = false) =>
        Logits(model, [(adapter, tokens)], ownForwards);

    /// <summary>Serves sequences with paged state: prompts but their last tokens in chunks, then token by token; every row's logits by sequence.</summary>
    public static float[][] Serve(LanguageModel model, IReadOnlyList<(Adapter? Adapter, int[] Tokens)> batch, int chunk = 2, int decode = 2)
    {
        using PagePool pool = new(1 << 26, poison: true);
        SequenceState[] states = [.. batch.Select(b => new SequenceState(pool, model, b.Adapter))];
        List<float>[] logits = [.. batch.Select(_ => new List<float>())];
        try
        {
            while (true)
            {
                List<int> active = [.. Enumerable.Range(0, batch.Count).Where(i => states[i].Length < batch[i].Tokens.Length)];
                if (active.Count == 0)
                {
                    return [.. logits.Select(l => l.ToArray())];
                }
                Step(model, batch, states, logits, active, i => Math.Min(batch[i].Tokens.Length - decode > states[i].Length ? chunk : 1, batch[i].Tokens.Length - states[i].Length));
            }
        }
        finally
        {
            foreach (SequenceState state in states)
            {
                state.Dispose();
            }
        }
    }

    /// <summary>One recorded pass over a batch of one adapter: mean next-token loss, gradients left in the parameters.</summary>
    public static float Backward(LanguageModel model, Adapter? adapter, int[][] sequences, bool checkpointing = false, Action<Tape>? prepare = null)
    {
        using ModelRun run = new() { Tape = new Tape(), Checkpointing = checkpointing };
        prepare?.Invoke(run.Tape);
        return Backward(run, model, [.. sequences.Select(s => (adapter, s))]);
    }

    /// <summary>One recorded pass over rows of several adapters; each adapter's loss is the mean over its own targets.</summary>
    public static float Backward(ModelRun run, LanguageModel model, IReadOnlyList<(Adapter? Adapter, int[] Tokens)> batch)
    {
        int[] tokens = [.. batch.SelectMany(b => b.Tokens)];
        int[] targets = [.. batch.SelectMany(b => b.Tokens.Skip(1).Append(-1))];
        float[] weights = [.. batch.SelectMany(b => Enumerable.Repeat(
            1f / batch.Where(o => ReferenceEquals(o.Adapter, b.Adapter)).Sum(o => o.Tokens.Length - 1), b.Tokens.Length))];
        run.Tape!.Begin(run);
        run.Rows = new Rows([.. batch.Select(b => b.Tokens.Length)]);
        run.Plan = Plan(model, batch);
        Tensor hidden = model.Forward(run, Input.Of(tokens));
        Tensor loss = HeadLoss.Forward(run, hidden, (part, _) => model.Logits(run, part), targets, weights, [], tokens.Length);
        float value = loss.Span[0];
        run.Tape.Backward(run, loss);
        return value;
    }

    public static float Loss(LanguageModel model, Adapter? adapter, int[][] sequences)
    {
        using ModelRun run = new();
        int[] tokens = [.. sequences.SelectMany(s => s)];
        int[] targets = [.. sequences.SelectMany(s => s.Skip(1).Append(-1))];
        float[] weights = new float[tokens.Length];
        Array.Fill(weights, 1f / (tokens.Length - sequences.Length));
        run.Rows = new Rows([.. sequences.Select(s => s.Length)]);
        run.Plan = BatchPlan.For(adapter, tokens.Length);
        Tensor hidden = model.Forward(run, Input.Of(tokens));
        return HeadLoss.Forward(run, hidden, (part, _) => model.Logits(run, part), targets, weights, [], tokens.Length).Span[0];
    }

    /// <summary>A step of plain gradient descent; gradients are forgotten.</summary>
    public static void Descend(Adapter adapter, float rate)
    {
        foreach (Parameter parameter in adapter.Parameters)
        {
            if (parameter.HasGradient)
            {
                Span<float> value = parameter.Value.Span;
                ReadOnlySpan<float> gradient = parameter.Gradient.Span;
                for (int i = 0; i < value.Length; i++)
                {
                    value[i] -= rate * gradient[i];
                }
                parameter.ClearGradient();
            }
        }
        adapter.ForgetForms();
    }

    /// <summary>Moves every parameter away from its start, so that nothing is zero that training would change.</summary>
    public static void Shake(Adapter adapter, ulong seed = 3, float deviation = 0.1f)
    {
        CounterRandom random = new(seed);
        foreach (Parameter parameter in adapter.Parameters)
        {
            float[] noise = new float[parameter.Value.Shape.Length];
            random.Named(parameter.Name).FillNormal(noise, deviation);
            for (int i = 0; i < noise.Length; i++)
            {
                parameter.Value.Span[i] += noise[i];
            }
        }
        adapter.ForgetForms();
    }

    public static double Largest(ReadOnlySpan<float> values)
    {
        double largest = 0;
        foreach (float value in values)
        {
            largest = Math.Max(largest, double.IsNaN(value) ? double.PositiveInfinity : Math.Abs((double)value));
        }
        return largest;
    }

    /// <summary>The largest difference as a share of the largest expected value.</summary>
    public static double Difference(ReadOnlySpan<float> got, ReadOnlySpan<float> expected)
    {
        Assert.Equal(expected.Length, got.Length);
        float[] difference = new float[got.Length];
        for (int i = 0; i < got.Length; i++)
        {
            difference[i] = got[i] - expected[i];
        }
        return Largest(difference) / Math.Max(Largest(expected), 1e-30);
    }

    private static void Step(
        LanguageModel model,
        IReadOnlyList<(Adapter? Adapter, int[] Tokens)> batch,
        SequenceState[] states,
        List<float>[] logits,
        List<int> active,
        Func<int, int> take)
    {
        using ModelRun run = new();
        int[] counts = [.. active.Select(take)];
        for (int a = 0; a < active.Count; a++)
        {
            states[active[a]].Reserve(counts[a]);
        }
        run.Rows = new Rows([.. active.Select((i, a) => (states[i], counts[a]))]);
        run.Plan = Plan(model, [.. active.Select((i, a) => (batch[i].Adapter, batch[i].Tokens[states[i].Length..(states[i].Length + counts[a])]))]);
        int[] tokens = [.. active.SelectMany((i, a) => batch[i].Tokens.Skip(states[i].Length).Take(counts[a]))];
        Tensor output = model.Logits(run, model.Forward(run, Input.Of(tokens)));
        int row = 0;
        for (int a = 0; a < active.Count; a++)
        {
            logits[active[a]].AddRange(output.ViewRows(row, counts[a]).Span);
            states[active[a]].Append(counts[a]);
            row += counts[a];
        }
    }

    private static BatchPlan? Plan(LanguageModel model, IReadOnlyList<(Adapter? Adapter, int[] Tokens)> batch)
    {
        if (batch.All(b => b.Adapter is null))
        {
            return null;
        }
        List<RowSegment> segments = [];
        int row = 0;
        foreach ((Adapter? adapter, int[] tokens) in batch)
        {
            segments.Add(new RowSegment(adapter, row, tokens.Length));
            row += tokens.Length;
        }
        return new BatchPlan(model, [.. segments]);
    }

    /// <summary>Random biases in place of zeros: a method that scales or drops a bias must show.</summary>
    private sealed class Biased(RandomSource inner, ulong seed) : ITensorSource
    {
        public bool Differ(string name, string other) => inner.Differ(name, other);

        public int Rows(string name, int configured) => inner.Rows(name, configured);

        public Weight Matrix(string name, int outputs, int inputs) => inner.Matrix(name, outputs, inputs);

        public Parameter Vector(string name, int length)
        {
            Parameter vector = inner.Vector(name, length);
            float[] noise = new float[length];
            new CounterRandom(seed).Named(name).FillNormal(noise, 0.1f);
            for (int i = 0; i < length; i++)
            {
                vector.Value.Span[i] += noise[i];
            }
            return vector;
        }
    }
}
