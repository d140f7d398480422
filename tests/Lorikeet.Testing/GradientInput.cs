using Lorikeet.Tensors;

namespace Lorikeet.Testing;

/// <summary>One input of a <see cref="GradientCheck"/>: a shape and where its values lie.</summary>
/// <param name="Shape">The shape.</param>
/// <param name="Low">The least value.</param>
/// <param name="High">The greatest value.</param>
/// <param name="Gap">Values nearer to zero than this are moved away, past a kink there.</param>
/// <param name="Trains">False: an input that takes no gradient (a table of rotations).</param>
public sealed record GradientInput(Shape Shape, double Low = -1, double High = 1, double Gap = 0, bool Trains = true)
{
    /// <summary>An input of one or two axes with values in [-1, 1].</summary>
    /// <param name="axes">The lengths of the axes.</param>
    public static GradientInput Of(params ReadOnlySpan<int> axes) => new(new Shape(axes));

    internal Parameter Make(int number, CounterRandom random)
    {
        Tensor value = Storage.Zeros(Shape);
        random.Named($"input {number}").FillUniform(value.Span, (float)Low, (float)High);
        foreach (ref float v in value.Span)
        {
            if (Math.Abs(v) < Gap)
            {
                v += v < 0 ? -(float)Gap : (float)Gap;
            }
        }
        return new Parameter($"input {number}", value, Trains);
    }
}
