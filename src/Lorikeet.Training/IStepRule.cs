using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>What happens around an optimiser step: freeze, mask, shrink, re-select; or consume a gradient the moment it is ready.</summary>
public interface IStepRule
{
    /// <summary>The name in options, messages and checkpoints.</summary>
    string Name => GetType().Name;

    /// <summary>Before the first forward pass of a step.</summary>
    /// <param name="state">Where training stands.</param>
    void BeforeStep(TrainState state)
    {
    }

    /// <summary>After the optimisers changed the parameters.</summary>
    /// <param name="state">Where training stands.</param>
    void AfterStep(TrainState state)
    {
    }

    /// <summary>A gradient of the whole step is complete, while the rest of backward still runs.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="gradient">Its gradient, before clipping.</param>
    /// <returns>True: it was consumed; it is freed and the optimiser does not see it.</returns>
    bool GradientReady(Parameter parameter, in Tensor gradient) => false;

    /// <summary>What a checkpoint must hold of the rule for a run to go on; null: nothing beside the step's number.</summary>
    JsonNode? Save() => null;

    /// <summary>Brings the rule, and what it has frozen or dropped, to where a checkpoint was written; optimiser states are read afterwards.</summary>
    /// <param name="state">Where training stands.</param>
    /// <param name="saved">What <see cref="Save"/> gave.</param>
    /// <exception cref="FormatException">It cannot be that.</exception>
    void Restore(TrainState state, JsonElement saved)
    {
    }
}

/// <summary>Where training stands.</summary>
public sealed class TrainState
{
    internal TrainState(IReadOnlyList<Trainee> trainees) => Trainees = trainees;

    /// <summary>What is trained.</summary>
    public IReadOnlyList<Trainee> Trainees { get; }

    /// <summary>The step in progress, from 0.</summary>
    public int Step { get; internal set; }

    /// <summary>The last finished step's numbers, one for each trainee.</summary>
    public IReadOnlyList<StepNumbers> Numbers { get; internal set; } = [];
}

/// <summary>What one step did to one trainee.</summary>
/// <param name="Loss">The mean loss of the step's targets, in nats, before the step.</param>
/// <param name="GradientNorm">The global norm before clipping.</param>
/// <param name="Rate">The learning rate.</param>
/// <param name="Targets">How many targets the loss is the mean of.</param>
/// <param name="Tokens">Tokens that went through the model, targets or not.</param>
public readonly record struct StepNumbers(double Loss, double GradientNorm, double Rate, long Targets, long Tokens);
