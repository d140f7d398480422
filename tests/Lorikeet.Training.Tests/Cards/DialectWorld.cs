using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>A language of several dialects, a small model that was trained on the mixture of them, and adapters that are each trained on one.</summary>
/// <remarks>
/// All dialects share one law, a permutation of the symbols. In dialect d a symbol follows from the symbol d + 1 places before it with probability
/// 0.9, else it is any symbol. The base has to find out in every text which dialect it reads; an adapter may know.
/// </remarks>
public sealed class DialectWorld : IDisposable
{
    public const int Dialects = 6;
    private const int Symbols = 32, Length = 32, Sequences = 8;

    public DialectWorld()
    {
        Model = ModelLoader.Build(
            new ModelConfig
            {
                HiddenSize = 128,
                IntermediateSize = 256,
                Layers = 2,
                Heads = 4,
                KeyHeads = 4,
                HeadDim = 32,
                VocabularySize = Symbols,
                MaxPositions = Length,
            },
            new RandomSource(new CounterRandom(11), deviation: 0.08f));
        const int Steps = 400;
        Model.MakeTrainable();
        Batch[] mixture = [.. Enumerable.Range(0, Steps).Select(step => Text(i => i % Dialects, 30, $"mixture {step}"))];
        using Trainee trainee = new(
            "base", null, Trainee.Group(Model.TrainedParameters, 0, all: true), new FixedBatches(mixture), new AdamW(),
            Schedule.Create("cosine", new ScheduleSettings { Rate = 3e-3, Warmup = 20, Steps = Steps }), 1);
        using (Trainer trainer = new(Model, [trainee], new TrainerOptions()))
        {
            for (int step = 0; step < Steps; step++)
            {
                trainer.Next();
            }
        }
        Model.Freeze();
    }

    public LanguageModel Model { get; }

    /// <summary>Text of a dialect that no adapter is trained on.</summary>
    public static Batch Held(int dialect) => Text(_ => dialect, 64, $"held {dialect}");

    /// <summary>Mean held-out loss over dialects of the bare model.</summary>
    public double Bare(int dialects = Dialects) => Enumerable.Range(0, dialects).Average(d => Evaluator.Run(Model, null, [Held(d)]).Loss);

    /// <summary>Trained numbers of an adapter.</summary>
    public long Count(string method, string options, Func<string, bool>? trains = null)
    {
        using TrainedAdapter adapter = Make(method, options, 0, trains);
        return adapter.ParameterCount;
    }

    /// <summary>The best mean held-out loss over rates, as each method is compared at its own.</summary>
    /// <returns>The loss and its rate.</returns>
    public (double Loss, double Rate) Best(string method, string options, double[] rates, int dialects = Dialects, int steps = 150, Func<string, bool>? trains = null) =>
        rates.Select(rate => (Loss: Train(method, options, rate, dialects, steps, trains), Rate: rate)).Min();

    /// <summary>Trains one adapter for each dialect, all in one batch, on text that is never seen twice: what is compared is how much a change can say.</summary>
    /// <returns>Their mean held-out loss.</returns>
    public double Train(
        string method, string options, double rate, int dialects, int steps, Func<string, bool>? trains = null, Action<int, TrainedAdapter>? finished = null)
    {
        List<TrainedAdapter> adapters = [.. Enumerable.Range(0, dialects).Select(d => Make(method, options, d, trains))];
        List<Trainee> trainees = [.. adapters.Select((a, d) => new Trainee(
            a.Name, a, Trainee.Group(a.Parameters, 0, all: true), new FixedBatches([.. Enumerable.Range(0, steps).Select(b => Text(_ => d, Sequences, $"train {d} {b}"))]),
            new Adam(), Schedule.Create("cosine", new ScheduleSettings { Rate = rate, Warmup = 5, Steps = steps }), 1))];
        using (Trainer trainer = new(Model, trainees, new TrainerOptions()))
        {
            for (int step = 0; step < steps; step++)
            {
                trainer.Next();
            }
        }
        double mean = adapters.Select((a, d) => Evaluator.Run(Model, a, [Held(d)]).Loss).Average();
        for (int d = 0; d < dialects; d++)
        {
            finished?.Invoke(d, adapters[d]);
            trainees[d].Dispose();
            adapters[d].Dispose();
        }
        return mean;
    }

    public void Dispose() => Model.Dispose();

    private TrainedAdapter Make(string method, string options, int dialect, Func<string, bool>? trains)
    {
        JsonObject config = JsonNode.Parse(options)!.AsObject();
        TrainedAdapter adapter = AdapterMethods.Find(method).Create($"{method} of dialect {dialect}", Model, config, new CounterRandom(5).Named($"{dialect}"));
        foreach ((string key, Parameter parameter) in adapter.NamedParameters)
        {
            parameter.Trainable = trains?.Invoke(key) ?? true;
        }
        return adapter;
    }

    internal static Batch Text(Func<int, int> dialectOf, int sequences, string name)
    {
        int[] law = Law();
        CounterRandom draw = new CounterRandom(77).Named(name);
        int[] tokens = new int[sequences * Length], targets = new int[tokens.Length];
        ulong number = 0;
        for (int s = 0; s < sequences; s++)
        {
            int distance = 1 + dialectOf(s);
            Span<int> own = tokens.AsSpan(s * Length, Length);
            for (int t = 0; t < Length; t++)
            {
                bool follows = draw.Integer(number++, 10) > 0 && t >= distance;
                own[t] = follows ? law[own[t - distance]] : draw.Integer(number, Symbols);
                number++;
            }
            own[1..].CopyTo(targets.AsSpan(s * Length));
            targets[((s + 1) * Length) - 1] = -1;
        }
        return new Batch(tokens, targets, [.. Enumerable.Repeat(Length, sequences)]);
    }

    private static int[] Law()
    {
        int[] law = [.. Enumerable.Range(0, Symbols)];
        CounterRandom draw = new CounterRandom(77).Named("law");
        for (int i = Symbols - 1; i > 0; i--)
        {
            int other = draw.Integer((ulong)i, i + 1);
            (law[i], law[other]) = (law[other], law[i]);
        }
        return law;
    }
}

/// <summary>The experiments share one base.</summary>
[CollectionDefinition(nameof(DialectWorld))]
public sealed class DialectExperiments : ICollectionFixture<DialectWorld>;
