using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Turns gradients into changes of parameters; keeps nothing itself, so that one optimiser serves any number of parameters.</summary>
public interface IOptimizer
{
    /// <summary>The name in options and files: <c>adamw</c>.</summary>
    string Name { get; }

    /// <summary>The state of a parameter before its first step.</summary>
    /// <param name="parameter">The parameter.</param>
    OptimizerState Begin(Parameter parameter);

    /// <summary>Changes parameters by one step; all of them are one job of the worker team.</summary>
    /// <param name="updates">Parameters with their gradients, states and rates; each parameter at most once.</param>
    void Step(ReadOnlySpan<Update> updates);
}

/// <summary>One parameter's share of a step.</summary>
/// <param name="Parameter">What changes.</param>
/// <param name="Gradient">d loss / d parameter, in the parameter's shape; it is not changed.</param>
/// <param name="State">The parameter's state; its step count goes up by one.</param>
/// <param name="Rate">The learning rate of this step.</param>
/// <param name="Decay">Weight decay; what it multiplies is the optimiser's matter.</param>
public readonly record struct Update(Parameter Parameter, Tensor Gradient, OptimizerState State, double Rate, double Decay);
