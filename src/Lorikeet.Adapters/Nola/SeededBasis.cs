using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>A basis that is never stored: element e of G_i is number i * elements + e of a stream, uniform in [-bound, bound).</summary>
public sealed class SeededBasis : NolaBasis
{
    private readonly CounterRandom random;
    private readonly float bound;
    private readonly Tensor start;

    /// <summary>A basis of a stream.</summary>
    /// <param name="random">The stream.</param>
    /// <param name="count">k.</param>
    /// <param name="bound">Half the width of the uniform distribution.</param>
    /// <param name="shape">The shape of the factor.</param>
    /// <param name="start">M0, which the basis owns from now on; default: zero.</param>
    public SeededBasis(CounterRandom random, int count, float bound, Shape shape, Tensor start = default)
        : base(count, shape)
    {
        this.random = random;
        this.bound = bound;
        this.start = start;
    }

    /// <inheritdoc/>
    public override Tensor Start => start;

    /// <inheritdoc/>
    public override Tensor Combine(Run run, in Tensor coefficients) => RandomBasis.Combine(run, coefficients, random, bound, start, Shape);

    /// <inheritdoc/>
    public override void Read(int first, int length, Span<float> to)
    {
        for (int i = 0; i < Count; i++)
        {
            random.FillUniform(to.Slice(i * length, length), -bound, bound, ((ulong)i * (ulong)Shape.Length) + (ulong)first);
        }
    }

    /// <inheritdoc/>
    public override bool Same(NolaBasis other) =>
        other is SeededBasis basis && basis.random == random && basis.bound == bound && basis.Count == Count && basis.Shape == Shape;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => start.Free();
}
