using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Inverted dropout: each element is kept with probability 1 - p and divided by it, else 0.</summary>
/// <remarks>Active only while the run trains. Backward: the same mask and factor. Saves the mask.</remarks>
public static class Dropout
{
    /// <summary>y = x o mask / (1 - p).</summary>
    /// <param name="run">The run; <see cref="Run.Random"/> makes the mask.</param>
    /// <param name="x">[rows, width].</param>
    /// <param name="p">The probability of dropping, 0 (nothing happens) up to but not 1.</param>
    /// <param name="place">Tells this use apart from others in the step, for example the site's name.</param>
    public static Tensor Forward(Run run, in Tensor x, float p, string place)
    {
        if (p is < 0f or >= 1f)
        {
            throw new ArgumentOutOfRangeException(nameof(p), p, "dropout is a probability from 0 up to, but not, 1");
        }
        if (!run.Training || p == 0f)
        {
            return x;
        }
        Tensor mask = run.Arena.Allocate(x.Shape);
        run.Random.Named(place).FillUniform(mask.Span, 0f, 1f);
        float keep = 1f / (1f - p);
        foreach (ref float m in mask.Span)
        {
            m = m < p ? 0f : keep;
        }
        Tensor y = run.Arena.Allocate(x.Shape);
        Elementwise.Multiply(x.Span, mask.Span, y.Span);
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, y, new DropoutNode(x, mask), mask) : y;
    }

    private sealed class DropoutNode(Tensor x, Tensor mask) : Node
    {
        public override void Backward(Run run, ref Backprop gradient) =>
            Elementwise.MultiplyAdd(gradient.Output.Span, mask.Span, gradient.GradientToAddTo(x).Span);
    }
}
