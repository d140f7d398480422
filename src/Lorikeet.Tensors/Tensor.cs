namespace Lorikeet.Tensors;

/// <summary>A float32 array with a shape: a view of storage that something else owns, and its place on the tape.</summary>
/// <remarks>
/// A handle of a few words, copied freely. Elements are contiguous, last axis innermost. <see cref="Node"/> is 0 where no gradient flows
/// back through this value. Stored weights in other formats are <see cref="Weight"/>s, never tensors.
/// </remarks>
public readonly unsafe struct Tensor
{
    private readonly Storage? storage;
    private readonly long offset;

    internal Tensor(Storage storage, long offset, Shape shape, int node = 0)
    {
        this.storage = storage;
        this.offset = offset;
        Shape = shape;
        Node = node;
    }

    /// <summary>The lengths of the axes.</summary>
    public Shape Shape { get; }

    /// <summary>The value's place on the tape; 0 = not recorded.</summary>
    public int Node { get; }

    /// <summary>True for a tensor that was made; false for <c>default</c>.</summary>
    public bool Exists => storage is not null;

    /// <summary>True where a gradient flows back through this value.</summary>
    public bool Recorded => Node != 0;

    /// <summary>Product of all axes but the last.</summary>
    public int Rows => Shape.Rows;

    /// <summary>Length of the last axis.</summary>
    public int Width => Shape.Width;

    /// <summary>The first element's address; valid while the owner lives.</summary>
    public float* Pointer => (float*)storage!.Pointer + offset;

    /// <summary>All elements in order.</summary>
    public Span<float> Span => new(Pointer, checked((int)Shape.Length));

    /// <summary>The memory as bytes: codes of a prepared input.</summary>
    internal Span<byte> Bytes => new(Pointer, checked((int)(Shape.Length * sizeof(float))));

    /// <summary>The elements of one row of the last axis.</summary>
    /// <param name="row">0 to <see cref="Rows"/> - 1.</param>
    public Span<float> Row(int row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Rows, nameof(row));
        return new Span<float>(Pointer + ((long)row * Width), Width);
    }

    /// <summary>The same memory under another shape; not recorded (see <see cref="Reshape"/> for the recorded form).</summary>
    /// <param name="shape">A shape of equal length.</param>
    public Tensor View(Shape shape)
    {
        if (shape.Length != Shape.Length)
        {
            throw new ArgumentException($"view: {Shape} holds {Shape.Length} elements, {shape} needs {shape.Length}", nameof(shape));
        }
        return new Tensor(storage!, offset, shape);
    }

    /// <summary>Consecutive rows of the last axis as a view; not recorded (see <see cref="RowSlice"/> for the recorded form).</summary>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    public Tensor ViewRows(int row, int rows)
    {
        if (row < 0 || rows < 0 || rows > Rows - row)
        {
            throw new ArgumentException($"{rows} rows from {row} on of {Shape}: it has {Rows} rows");
        }
        return new Tensor(storage!, offset + ((long)row * Width), new Shape(rows, Width));
    }

    /// <summary>The same value, not recorded.</summary>
    public Tensor Detached => new(storage!, offset, Shape);

    /// <summary>True where both are views of the same first element.</summary>
    /// <param name="other">The other tensor.</param>
    public bool SameMemory(in Tensor other) => ReferenceEquals(storage, other.storage) && offset == other.offset;

    /// <summary>Frees the storage; only its owner may call this.</summary>
    public void Free() => storage?.Dispose();

    internal Tensor At(int node) => new(storage!, offset, Shape, node);

    internal Tensor At(int node, Shape shape) => new(storage!, offset, shape, node);

    /// <summary>True where <paramref name="next"/> begins in memory where this one ends.</summary>
    internal bool IsFollowedBy(in Tensor next) => ReferenceEquals(storage, next.storage) && offset + Shape.Length == next.offset;
}
