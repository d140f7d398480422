using Lorikeet.Kernels;

namespace Lorikeet.Tensors.Tests;

/// <summary>A frozen model of n blocks with low-rank changes, an embedding and a tied head: what a training step looks like.</summary>
internal sealed class ToyModel : IDisposable
{
    public const int Vocabulary = 131;
    public const int Hidden = 32;
    private const int Inner = 48;
    private const int Rank = 4;
    private static readonly AttentionShape Heads = new(4, 2, 8, 0.35f);

    private readonly List<Layer> layers = [];
    private readonly Tensor norm;
    private readonly Func<Tensor, int, Tensor> head;
    private readonly AttentionSequence[] sequences;
    private readonly int[] tokens;
    private readonly int[] targets;
    private readonly float[] weights;

    public ToyModel(Run run, int depth, int rows = 24, bool trainTable = false)
    {
        Run = run;
        CounterRandom random = new(3);
        Table = trainTable ? Trainable(random, "table", Vocabulary, Hidden) : Frozen(random, "table", Vocabulary, Hidden);
        norm = Storage.Zeros(new Shape(Hidden));
        norm.Span.Fill(1f);
        for (int i = 0; i < depth; i++)
        {
            layers.Add(new Layer(random.Named($"layer {i}")));
        }
        sequences = [new() { Rows = 5 }, new() { Row = 5, Rows = rows - 5 }];
        tokens = [.. Enumerable.Range(0, rows).Select(i => random.Integer((ulong)i, Vocabulary))];
        targets = [.. Enumerable.Range(1, rows).Select(i => i % 5 == 0 ? -1 : random.Integer((ulong)i, Vocabulary))];
        weights = [.. Enumerable.Repeat(1f / rows, rows)];
        head = (h, _) => Linear.Forward(Run, new Prepared(h), Table);
    }

    public Run Run { get; }

    public Weight Table { get; }

    public bool Checkpointing { get; set; }

    public int Chunk { get; set; } = 64;

    public IEnumerable<Parameter> Parameters => [.. layers.SelectMany(l => l.Parameters), .. Table.Parameters];

    public Weight FirstQuery
    {
        get => layers[0].Query;
        set => layers[0].Query = value;
    }

    public static DenseWeight Frozen(CounterRandom random, string name, int outputs, int inputs)
    {
        float[] values = new float[outputs * inputs];
        random.Named(name).FillUniform(values, -0.3f, 0.3f);
        return new DenseWeight(values, outputs, inputs);
    }

    public static TrainableWeight Trainable(CounterRandom random, string name, int outputs, int inputs)
    {
        Tensor value = Storage.Zeros(new Shape(outputs, inputs));
        random.Named(name).FillUniform(value.Span, -0.3f, 0.3f);
        return new TrainableWeight(new Parameter(name, value));
    }

    public Tensor HiddenStates()
    {
        Tensor h = Embedding.Forward(Run, Table, tokens);
        foreach (Layer layer in layers)
        {
            h = Checkpointing ? Checkpointed(layer, h) : layer.Forward(Run, h, sequences);
        }
        return RmsNorm.Forward(Run, h, norm, 1e-5f);
    }

    private Tensor Checkpointed(Layer layer, in Tensor h) => Checkpoint.Forward(Run, h, x => layer.Forward(Run, x, sequences));

    public Tensor Loss() => HeadLoss.Forward(Run, HiddenStates(), head, targets, weights, [], Chunk);

    /// <summary>One forward and backward; the loss.</summary>
    public float Step()
    {
        Run.Tape!.Begin(Run);
        Tensor loss = Loss();
        float value = loss.Span[0];
        Run.Tape.Backward(Run, loss);
        return value;
    }

    public void ClearGradients()
    {
        foreach (Parameter parameter in Parameters)
        {
            parameter.ClearGradient();
        }
    }

    public Dictionary<string, float[]> Gradients() => Parameters.Where(p => p.Trainable).ToDictionary(p => p.Name, p => p.Gradient.Span.ToArray());

    public void Dispose()
    {
        Table.Dispose();
        norm.Free();
        foreach (Layer layer in layers)
        {
            layer.Dispose();
        }
    }

    private sealed class Layer : IDisposable
    {
        private readonly Tensor norm = Storage.Zeros(new Shape(Hidden));
        private readonly Weight key;
        private readonly Weight output;
        private readonly Weight gate;
        private readonly Weight up;
        private readonly Weight down;
        private readonly Parameter a;
        private readonly Parameter b;

        public Layer(CounterRandom random)
        {
            norm.Span.Fill(1f);
            Query = Frozen(random, "q", Hidden, Hidden);
            key = Frozen(random, "k", Hidden / 2, Hidden);
            output = Frozen(random, "o", Hidden, Hidden);
            gate = Frozen(random, "gate", Inner, Hidden);
            up = Frozen(random, "up", Inner, Hidden);
            down = Frozen(random, "down", Hidden, Inner);
            a = Trainable(random, $"{random.StreamId} A", Rank, Hidden).Parameter;
            b = Trainable(random, $"{random.StreamId} B", Hidden, Rank).Parameter;
        }

        public Weight Query { get; set; }

        public IEnumerable<Parameter> Parameters => [a, b];

        public Tensor Forward(Run run, in Tensor h, AttentionSequence[] sequences)
        {
            Prepared x = new(RmsNorm.Forward(run, h, norm, 1e-5f));
            Tensor q = LowRankAdd.Into(run, Linear.Forward(run, x, Query), x.X, run.Use(a), run.Use(b), 0.5f);
            Tensor k = Linear.Forward(run, x, key);
            Tensor mixed = CausalAttention.Forward(run, Heads, sequences, q, k, k);
            Tensor middle = Sum.Into(run, Linear.Forward(run, new Prepared(mixed), output), h);
            x = new(RmsNorm.Forward(run, middle, norm, 1e-5f));
            Tensor inner = SwiGlu.Forward(run, Linear.Forward(run, x, gate), Linear.Forward(run, x, up));
            return Sum.Into(run, Linear.Forward(run, new Prepared(inner), down), middle);
        }

        public void Dispose()
        {
            norm.Free();
            foreach (Weight weight in (Weight[])[Query, key, output, gate, up, down])
            {
                weight.Dispose();
            }
            a.Dispose();
            b.Dispose();
        }
    }
}
