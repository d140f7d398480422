namespace Lorikeet.Tensors;

/// <summary>The same elements under another shape, sharing memory.</summary>
/// <remarks>Backward: dy under the old shape.</remarks>
public static class Reshape
{
    /// <summary>A view of another shape.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="shape">A shape of equal length.</param>
    public static Tensor Forward(Run run, in Tensor x, Shape shape)
    {
        Tensor y = x.View(shape);
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, y, new ReshapeNode(x)) : y;
    }

    private sealed class ReshapeNode(Tensor x) : Node
    {
        public override void Backward(Run run, ref Backprop gradient) => gradient.Give(x);
    }
}
