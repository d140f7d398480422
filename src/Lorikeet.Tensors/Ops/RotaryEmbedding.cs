using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Rotary position embedding: turns the pairs (i, i + d/2) of each head by an angle that grows with the position.</summary>
/// <remarks>
/// (a, b) -> (a cos - b sin, b cos + a sin). A rotation, so backward turns dy the other way (a factor that the tables carry is applied again).
/// Source: Su et al., arXiv 2104.09864, in the half-split layout of the Hugging Face models.
/// </remarks>
public static class RotaryEmbedding
{
    /// <summary>Rotates in place; the result shares the memory of <paramref name="x"/>, whose old value is gone.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, heads * headDim].</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="cos">[rows, rotary / 2].</param>
    /// <param name="sin">[rows, rotary / 2].</param>
    /// <param name="interleaved">True: pairs are (2i, 2i + 1), as in GPT-J.</param>
    public static Tensor Into(Run run, in Tensor x, int heads, in Tensor cos, in Tensor sin, bool interleaved = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        if (x.Width % heads != 0)
        {
            throw new ArgumentException($"rotate: rows of {x.Shape} are no multiple of {heads} heads");
        }
        int headDim = x.Width / heads;
        run.Tape?.Overwrite(x);
        Rope.Apply(x.Span, x.Rows, heads, headDim, cos.Span, sin.Span, 2 * cos.Width, false, interleaved);
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, x, new RotaryNode(x, heads, cos, sin, interleaved), cos, sin) : x;
    }

    private sealed class RotaryNode(Tensor x, int heads, Tensor cos, Tensor sin, bool interleaved) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            Rope.Apply(dy.Span, dy.Rows, heads, dy.Width / heads, cos.Span, sin.Span, 2 * cos.Width, true, interleaved);
            gradient.Give(x);
        }
    }
}
