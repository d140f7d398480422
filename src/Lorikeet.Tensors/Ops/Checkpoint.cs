using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Gradient checkpointing: keeps a part's input only and computes the part again in backward.</summary>
/// <remarks>
/// Memory of a block's values becomes that of its input [rows, hidden]; the forward runs twice. Random masks come from counters, so both
/// runs draw the same. Source: Chen et al., arXiv 1604.06174.
/// </remarks>
public static class Checkpoint
{
    /// <summary>y = part(x), recorded as one node.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">The part's input; other recorded values that the part reads receive their gradients too.</param>
    /// <param name="part">A deterministic function that keeps the shape of x and does not change it in place; it is called twice.</param>
    /// <returns>In the shape of x; not recorded where nothing in the part trains and x is not recorded.</returns>
    public static Tensor Forward(Run run, in Tensor x, Func<Tensor, Tensor> part)
    {
        ArgumentNullException.ThrowIfNull(part);
        if (run.Tape is not { Dry: false } tape)
        {
            return part(x);
        }
        List<Parameter> holds = [];
        Tensor y = run.Arena.Allocate(x.Shape);
        ArenaMark mark = run.Arena.Mark;
        Tensor plain = x.Detached;
        tape.Keep(plain);
        Tensor result = tape.RunDry(part, plain, holds, out bool trains);
        if (result.Shape != x.Shape)
        {
            throw new ArgumentException($"a checkpointed part keeps the shape: from {x.Shape} it made {result.Shape}", nameof(part));
        }
        result.Span.CopyTo(y.Span);
        run.Arena.Release(mark);
        if (!trains && !x.Recorded)
        {
            tape.Unkeep();
            return y;
        }
        y = tape.Record(run, y, new CheckpointNode(x, part));
        tape.Hold(holds);
        return y;
    }

    private sealed class CheckpointNode(Tensor x, Func<Tensor, Tensor> part) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor seed = gradient.Output;
            Action<Tensor>? toInput = null;
            if (gradient.Wants(x))
            {
                Tensor to = gradient.GradientToAddTo(x);
                toInput = share => Elementwise.Add(to.Span, share.Span, to.Span);
            }
            run.Tape!.Inside(run, x, part, _ => seed, toInput, null);
        }
    }
}
