using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Turns gradients into changes of parameters; keeps nothing itself, so that one optimiser serves any number of parameters.</summary>
public interface IOptimizer
{
    /// <summary>The name in options and files: <c>adamw</c>.</summary>
    string Name { get; }

    /// <summary>Puts into a state what the first step needs.</summary>
    /// <param name="state">The state of one parameter, empty.</param>
    /// <param name="shape">The parameter's shape.</param>
    void Begin(OptimizerState state, Shape shape);

    /// <summary>Changes parameters by one step; all of them are one job of the worker team.</summary>
    /// <param name="updates">Parameters with their gradients, states and rates; each parameter at most once.</param>
    void Step(ReadOnlySpan<Update> updates);

    /// <summary>The state of a parameter before its first step.</summary>
    /// <param name="parameter">The parameter.</param>
    OptimizerState Begin(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        OptimizerState state = new() { Begun = true };
        Begin(state, parameter.Value.Shape);
        return state;
    }
}

/// <summary>One parameter's share of a step.</summary>
/// <param name="Parameter">What changes.</param>
/// <param name="Gradient">d loss / d parameter, in the parameter's shape; it is not changed.</param>
/// <param name="State">The parameter's state; its step count goes up by one.</param>
/// <param name="Rate">The learning rate of this step.</param>
/// <param name="Decay">Weight decay; what it multiplies is the optimiser's matter.</param>
public readonly record struct Update(Parameter Parameter, Tensor Gradient, OptimizerState State, double Rate, double Decay)
{
    /// <summary>Whether an optimiser that works in a part of the gradient's space does so here: the matrices of attention and feed-forward, in a whole model.</summary>
    public bool Projected { get; init; }

    /// <summary>The parameter's place among those that are projected, where they do not all step at once; see <see cref="Count"/>.</summary>
    public int Number { get; init; }

    /// <summary>How many parameters are projected; 0: as many as there are in this step, in its order.</summary>
    public int Count { get; init; }

    /// <summary>Of what <see cref="Parameter"/> is a part, where it stands for a part of the space; null: it stands for itself.</summary>
    public Parameter? Whole { get; init; }
}
