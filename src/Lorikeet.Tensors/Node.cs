using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>One recorded operation: what its backward needs, kept from its forward.</summary>
/// <remarks>An operation's file declares its own node beside its forward, so that the derivative can be read against the formula above it.</remarks>
public abstract class Node
{
    /// <summary>Adds this operation's share to the gradients of its inputs.</summary>
    /// <param name="run">The run; its arena serves as scratch.</param>
    /// <param name="gradient">The complete gradient of the output; after the call it belongs to nobody, see <see cref="Backprop.Give"/>.</param>
    public abstract void Backward(Run run, ref Backprop gradient);
}

/// <summary>The gradient of one node's output on its way to the inputs.</summary>
public ref struct Backprop
{
    private readonly Tape tape;
    private PooledTensor output;

    internal Backprop(Tape tape, PooledTensor output)
    {
        this.tape = tape;
        this.output = output;
    }

    /// <summary>d loss / d output, in the output's shape.</summary>
    public readonly Tensor Output => output.Tensor;

    /// <summary>True where the input wants a gradient.</summary>
    /// <param name="input">An input as the forward received it.</param>
    public readonly bool Wants(in Tensor input) => input.Recorded;

    /// <summary>The gradient memory of an input.</summary>
    /// <param name="input">An input for which <see cref="Wants"/> is true.</param>
    /// <param name="accumulate">True: add to it. False: its content is undefined, overwrite it.</param>
    public readonly Tensor GradientOf(in Tensor input, out bool accumulate) => tape.GradientOf(input, out accumulate);

    /// <summary>The gradient memory of an input, zeroed if nothing arrived before: always add to it.</summary>
    /// <param name="input">An input for which <see cref="Wants"/> is true.</param>
    public readonly Tensor GradientToAddTo(in Tensor input)
    {
        Tensor gradient = tape.GradientOf(input, out bool accumulate);
        if (!accumulate)
        {
            gradient.Span.Clear();
        }
        return gradient;
    }

    /// <summary>Adds a share to an input's gradient; nothing happens where it wants none.</summary>
    /// <param name="input">An input as the forward received it.</param>
    /// <param name="share">As many elements.</param>
    public readonly void Add(in Tensor input, in Tensor share)
    {
        if (input.Recorded)
        {
            tape.AddTo(input, share);
        }
    }

    /// <summary>Memory that a kernel which cannot add may overwrite with an input's share: the gradient itself, or scratch of the run's arena.</summary>
    /// <param name="run">The run.</param>
    /// <param name="input">An input as the forward received it, whether or not it wants a gradient.</param>
    /// <returns>The share; call <see cref="GradientShare.Finish"/> when it is written.</returns>
    public readonly GradientShare ShareOf(Run run, in Tensor input)
    {
        if (!input.Recorded)
        {
            return new GradientShare(run.Arena.Allocate(input.Shape), default);
        }
        Tensor gradient = tape.GradientOf(input, out bool accumulate);
        return accumulate ? new GradientShare(run.Arena.Allocate(input.Shape), gradient) : new GradientShare(gradient, default);
    }

    /// <summary>Adds the output's gradient as it is to an input's, without a copy where it is the first; call it last.</summary>
    /// <param name="input">An input with as many elements as the output; nothing happens where it wants no gradient.</param>
    public void Give(in Tensor input)
    {
        if (input.Recorded)
        {
            tape.Give(input, ref output);
        }
    }

    /// <summary>Adds the output's gradient, multiplied by a weight, to an input's; call it last.</summary>
    /// <param name="run">The run.</param>
    /// <param name="input">An input [rows, inputs] as the forward received it; nothing happens where it wants no gradient.</param>
    /// <param name="weight">[outputs, inputs].</param>
    internal void GiveProduct(Run run, in Tensor input, Weight weight)
    {
        if (input.Recorded)
        {
            tape.GiveProduct(run, input, weight, ref output);
        }
    }

    internal readonly PooledTensor Rest => output;
}

/// <summary>An input's share of a gradient on its way; see <see cref="Backprop.ShareOf"/>.</summary>
/// <param name="Tensor">To be overwritten, in the input's shape.</param>
/// <param name="AddTo">Where it is added afterwards; default where it is in place already.</param>
public readonly record struct GradientShare(Tensor Tensor, Tensor AddTo)
{
    /// <summary>Adds the share to what arrived before.</summary>
    public void Finish()
    {
        if (AddTo.Exists)
        {
            Elementwise.Add(AddTo.Span, Tensor.Span, AddTo.Span);
        }
    }
}
