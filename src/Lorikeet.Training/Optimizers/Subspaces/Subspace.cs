using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>A part of a gradient's space, chosen anew from time to time: down to small coordinates, and back up.</summary>
/// <remarks>Down and back together are the orthogonal projection onto the part. What was chosen is kept in the parameter's state, so a checkpoint has it.</remarks>
public abstract class Subspace
{
    /// <summary>Whether a part can be chosen from a gradient: one that is zero, or not finite, has no singular vectors.</summary>
    /// <param name="gradient">The gradient.</param>
    public virtual bool CanChoose(in Tensor gradient) => true;

    /// <summary>Chooses the part, and keeps it in the state.</summary>
    /// <param name="request">For which parameter, from which gradient, with which random numbers.</param>
    /// <param name="state">Receives bases or indices.</param>
    public abstract void Choose(in SubspaceRequest request, OptimizerState state);

    /// <summary>The shape of the small coordinates; null: nothing of this parameter is inside.</summary>
    /// <param name="shape">The parameter's shape.</param>
    /// <param name="state">What was chosen.</param>
    public abstract Shape? Inside(Shape shape, OptimizerState state);

    /// <summary>The coordinates of a gradient.</summary>
    /// <param name="state">What was chosen.</param>
    /// <param name="gradient">The gradient.</param>
    /// <param name="low">Receives the coordinates.</param>
    public abstract void Down(OptimizerState state, in Tensor gradient, in Tensor low);

    /// <summary>What coordinates stand for in the whole space.</summary>
    /// <param name="state">What was chosen.</param>
    /// <param name="low">The coordinates.</param>
    /// <param name="whole">Overwritten.</param>
    public abstract void Up(OptimizerState state, in Tensor low, in Tensor whole);

    /// <summary>Whether the part is the whole space: then nothing is outside but rounding.</summary>
    /// <param name="shape">The parameter's shape.</param>
    /// <param name="state">What was chosen.</param>
    public virtual bool IsWhole(Shape shape, OptimizerState state) => false;

    /// <summary>Moves the basis after a step, for those that learn theirs.</summary>
    /// <param name="state">What was chosen.</param>
    /// <param name="gradient">The step's gradient.</param>
    /// <param name="rate">The step's learning rate.</param>
    public virtual void Learn(OptimizerState state, in Tensor gradient, double rate)
    {
    }

    /// <summary>Whether a gradient has a direction: it is finite, and not zero.</summary>
    private protected static bool HasDirection(ReadOnlySpan<float> gradient)
    {
        double sum = Kernels.Reduce.SumOfSquaresDouble(gradient);
        return sum > 0 && double.IsFinite(sum);
    }
}

/// <summary>What a subspace is chosen for.</summary>
/// <param name="Name">The parameter's name.</param>
/// <param name="Gradient">Its gradient.</param>
/// <param name="Turn">How often one was chosen before.</param>
/// <param name="Number">The parameter's place among those that are projected.</param>
/// <param name="Count">How many are projected.</param>
/// <param name="Random">Random numbers of this parameter and turn.</param>
/// <param name="All">Random numbers of this turn, the same for all parameters.</param>
public readonly record struct SubspaceRequest(string Name, Tensor Gradient, int Turn, int Number, int Count, CounterRandom Random, CounterRandom All);
