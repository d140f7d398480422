namespace Lorikeet.Tensors;

/// <summary>Adds a constant.</summary>
/// <remarks>Backward: dx = dy.</remarks>
public static class Shift
{
    /// <summary>y = x + a.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="a">The constant.</param>
    public static Tensor Forward(Run run, in Tensor x, float a)
    {
        Tensor y = run.Arena.Allocate(x.Shape);
        ReadOnlySpan<float> from = x.Span;
        Span<float> to = y.Span;
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = from[i] + a;
        }
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, y, new ShiftNode(x)) : y;
    }

    private sealed class ShiftNode(Tensor x) : Node
    {
        public override void Backward(Run run, ref Backprop gradient) => gradient.Give(x);
    }
}
