using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.StepRules;

/// <summary>A small model all of whose weights train, with an optimiser and step rules.</summary>
internal sealed class FullModel : IDisposable
{
    public FullModel(
        string optimizer, Func<LanguageModel, IReadOnlyList<IStepRule>>? rules = null, OptimizerSettings? settings = null, int layers = 2, int accumulation = 1,
        bool checkpointing = false, double decay = 0.1, bool untied = false, int hidden = 32, double? clip = null, double rate = 0.01)
    {
        Model = ModelLoader.Create(
            new ModelConfig
            {
                HiddenSize = hidden,
                IntermediateSize = 3 * hidden / 2,
                Layers = layers,
                Heads = 4,
                KeyHeads = 2,
                HeadDim = hidden / 4,
                VocabularySize = 61,
                MaxPositions = 256,
                TieEmbeddings = !untied,
            },
            new CounterRandom(7));
        Model.MakeTrainable();
        HashSet<Parameter> projected = [.. Model.Sites.OfType<LinearSite>().Where(s => !s.IsHead).SelectMany(s => s.Weight.Parameters)];
        Trainee = new Trainee(
            "all", null, Trainee.Group(Model.TrainedParameters, decay, all: false, projected), Tiny.Data(3), Training.Optimizers.Create(optimizer, settings),
            Schedule.Create("cosine", new ScheduleSettings { Rate = rate, Warmup = 2, Steps = 40 }), clip);
        Trainer = new Trainer(Model, [Trainee], new TrainerOptions { Accumulation = accumulation, Checkpointing = checkpointing, Rules = rules?.Invoke(Model) ?? [] });
    }

    public LanguageModel Model { get; }

    public Trainee Trainee { get; }

    public Trainer Trainer { get; }

    public float[] Values => [.. Trainee.States.Keys.SelectMany(p => p.Value.Span.ToArray())];

    public long StateBytes => Trainee.States.Values.Sum(s => s.Bytes);

    public long GradientBytes => Trainee.States.Keys.Sum(p => p.Value.Shape.Length) * sizeof(float);

    public FullModel Train(int steps)
    {
        for (int i = 0; i < steps; i++)
        {
            Trainer.Next();
        }
        return this;
    }

    public void Dispose()
    {
        Trainer.Dispose();
        Trainee.Dispose();
        Model.Dispose();
    }
}
