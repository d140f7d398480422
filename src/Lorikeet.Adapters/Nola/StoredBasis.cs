using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>A basis that is held in memory, for adapters whose random numbers came from another generator.</summary>
/// <remarks>It owns its tensors.</remarks>
public sealed class StoredBasis : NolaBasis
{
    private readonly Tensor matrices;
    private readonly Tensor start;

    /// <summary>A basis of given matrices.</summary>
    /// <param name="matrices">[k, rows * columns of the factor].</param>
    /// <param name="shape">The shape of the factor.</param>
    /// <param name="start">M0; default: zero.</param>
    public StoredBasis(Tensor matrices, Shape shape, Tensor start = default)
        : base(matrices.Rows, shape)
    {
        if (matrices.Width != shape.Length || (start.Exists && start.Shape.Length != shape.Length))
        {
            throw new ArgumentException($"NOLA basis: {matrices.Shape} for factors {shape}: expected [k, {shape.Length}]", nameof(matrices));
        }
        this.matrices = matrices;
        this.start = start;
    }

    /// <inheritdoc/>
    public override Tensor Start => start;

    /// <inheritdoc/>
    public override Tensor Combine(Run run, in Tensor coefficients)
    {
        Tensor row = Reshape.Forward(run, coefficients, new Shape(1, Count));
        Tensor m = Reshape.Forward(run, MatMul.Forward(run, row, matrices), Shape);
        return start.Exists ? Sum.Into(run, m, start) : m;
    }

    /// <inheritdoc/>
    public override void Read(int first, int length, Span<float> to)
    {
        for (int i = 0; i < Count; i++)
        {
            matrices.Row(i).Slice(first, length).CopyTo(to[(i * length)..]);
        }
    }

    /// <inheritdoc/>
    public override bool Same(NolaBasis other) => other is StoredBasis basis && basis.matrices.SameMemory(matrices) && basis.start.SameMemory(start) && basis.Shape == Shape;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        matrices.Free();
        start.Free();
    }
}
