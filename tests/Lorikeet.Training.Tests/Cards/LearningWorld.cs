using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>Small models that learn a dialect of <see cref="DialectWorld"/> from random weights, each with an optimiser: what is measured is how well they foretell new text after equal steps.</summary>
public sealed class LearningWorld
{
    public const int Width = 64, Steps = 160;
    private const int Symbols = 32, Dialect = 2;
    private readonly Dictionary<string, Learnt> known = [];

    /// <summary>Trains all weights.</summary>
    /// <param name="optimizer">The optimiser.</param>
    /// <param name="settings">Its settings.</param>
    /// <param name="rate">The peak rate.</param>
    public Learnt Full(string optimizer, OptimizerSettings settings, double rate) => Known($"{optimizer} {settings} {rate}", () =>
    {
        using LanguageModel model = Model(new RandomSource(new CounterRandom(11), deviation: 0.08f));
        model.MakeTrainable();
        HashSet<Parameter> projected = [.. model.Sites.OfType<LinearSite>().Where(s => !s.IsHead).SelectMany(s => s.Weight.Parameters)];
        return Train(model, null, Trainee.Group(model.TrainedParameters, 0, all: true, projected), optimizer, settings, rate);
    });

    /// <summary>Trains LoRA at all linear layers, token table and head beside it.</summary>
    /// <param name="rank">r.</param>
    /// <param name="rate">The peak rate.</param>
    /// <param name="alone">True: the layers' own weights are zero, so that W = BA.</param>
    public Learnt Lora(int rank, double rate, bool alone) => Known($"lora {rank} {rate} {alone}", () =>
    {
        RandomSource random = new(new CounterRandom(11), deviation: 0.08f);
        using LanguageModel model = Model(alone ? new EmptyLayers(random) : random);
        JsonObject config = new()
        {
            ["r"] = rank,
            ["lora_alpha"] = rank,
            ["target_modules"] = new JsonArray("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
            ["modules_to_save"] = new JsonArray("embed_tokens", "lm_head"),
            ["init_lora_weights"] = !alone,
        };
        using TrainedAdapter adapter = AdapterMethods.Find("lora").Create("lora", model, config, new CounterRandom(5));
        return Train(model, adapter, Trainee.Group(adapter.Parameters, 0, all: true), "adamw", new OptimizerSettings(), rate);
    });

    /// <summary>Trains a model whose blocks' matrices are factors.</summary>
    /// <param name="weights">What a matrix is made of.</param>
    /// <param name="rate">The peak rate.</param>
    public Learnt Factored(NewWeights weights, double rate) => Known($"{weights} {rate}", () =>
    {
        using LanguageModel model = Model(new RandomSource(new CounterRandom(11), deviation: 0.08f));
        weights.Apply(model, new CounterRandom(11));
        model.MakeTrainable();
        return Train(model, null, Trainee.Group(model.TrainedParameters, 0, all: true), "adamw", new OptimizerSettings(), rate);
    });

    /// <summary>The best of several rates.</summary>
    public static Learnt Best(Func<double, Learnt> train, params double[] rates) => rates.Select(train).MinBy(l => l.Loss)!;

    private Learnt Known(string name, Func<Learnt> make)
    {
        lock (known)
        {
            return known.TryGetValue(name, out Learnt? found) ? found : known[name] = make();
        }
    }

    private static LanguageModel Model(ITensorSource source) => ModelLoader.Build(
        new ModelConfig
        {
            HiddenSize = Width,
            IntermediateSize = 2 * Width,
            Layers = 2,
            Heads = 4,
            KeyHeads = 4,
            HeadDim = Width / 4,
            VocabularySize = Symbols,
            MaxPositions = 32,
        },
        source);

    private static Learnt Train(LanguageModel model, Adapter? adapter, IReadOnlyList<ParameterGroup> groups, string optimizer, OptimizerSettings settings, double rate)
    {
        Batch[] text = [.. Enumerable.Range(0, Steps).Select(step => DialectWorld.Text(_ => Dialect, 8, $"learning {step}"))];
        using Trainee trainee = new(
            optimizer, adapter, groups, new FixedBatches(text), Training.Optimizers.Create(optimizer, settings),
            Schedule.Create("cosine", new ScheduleSettings { Rate = rate, Warmup = 20, Steps = Steps }), 1);
        using Trainer trainer = new(model, [trainee], new TrainerOptions());
        for (int step = 0; step < Steps; step++)
        {
            trainer.Next();
        }
        double loss = trainer.Evaluate(0, [DialectWorld.Held(Dialect)]).Loss;
        return new Learnt(loss, trainee.States.Values.Sum(s => s.Bytes), rate);
    }

    /// <summary>Zeros for the layers' matrices.</summary>
    private sealed class EmptyLayers(RandomSource random) : ITensorSource
    {
        public bool Differ(string name, string other) => random.Differ(name, other);

        public int Rows(string name, int configured) => random.Rows(name, configured);

        public Weight Matrix(string name, int outputs, int inputs) => name.Contains(".layers.", StringComparison.Ordinal)
            ? new DenseWeight(new float[outputs * inputs], outputs, inputs, ElementType.F32)
            : random.Matrix(name, outputs, inputs);

        public Parameter Vector(string name, int length) => random.Vector(name, length);
    }
}

/// <summary>What came of a training.</summary>
/// <param name="Loss">Mean loss of text that was not trained on.</param>
/// <param name="StateBytes">Bytes of the optimiser's states.</param>
/// <param name="Rate">The peak rate.</param>
public sealed record Learnt(double Loss, long StateBytes, double Rate)
{
    public override string ToString() => $"{Loss:F4} ({StateBytes / 1024.0:F0} KiB of states, rate {Rate})";
}
