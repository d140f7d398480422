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
    /// <param name="x">The part's only recorded input, besides parameters.</param>
    /// <param name="part">A deterministic function of x; it is called twice.</param>
    public static Tensor Forward(Run run, in Tensor x, Func<Tensor, Tensor> part)
    {
        ArgumentNullException.ThrowIfNull(part);
        if (run.Tape is null || run.Tape.Dry)
        {
            return part(x);
        }
        List<Parameter> holds = [];
        Tensor y = run.Arena.Allocate(x.Shape);
        ArenaMark mark = run.Arena.Mark;
        Tensor plain = x.Detached;
        Tensor result = run.Tape.RunDry(() => part(plain), holds);
        if (result.Shape != x.Shape)
        {
            throw new ArgumentException($"a checkpointed part keeps the shape: from {x.Shape} it made {result.Shape}", nameof(part));
        }
        result.Span.CopyTo(y.Span);
        run.Arena.Release(mark);
        return run.Tape.Record(run, y, new CheckpointNode(x, part, holds));
    }

    private sealed class CheckpointNode(Tensor x, Func<Tensor, Tensor> part, List<Parameter> holds) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor seed = gradient.Output;
            Tensor to = gradient.Wants(x) ? gradient.GradientToAddTo(x) : default;
            run.Tape!.Inside(
                run, x, part, _ => seed, to.Exists ? share => Kernels.Elementwise.Add(to.Span, share.Span, to.Span) : null, null);
            run.Tape.Release(holds);
        }
    }
}
