namespace Lorikeet.Benchmarks;

/// <summary>A benchmark's size, which knows how much arithmetic one call of it is.</summary>
public interface IWork
{
    /// <summary>Floating-point operations of one call; a fused multiply-add is two.</summary>
    double Operations { get; }
}

/// <summary>A product y[rows, outputs] = x W^T.</summary>
/// <param name="Rows">Rows of x.</param>
/// <param name="Outputs">Rows of W.</param>
/// <param name="Inputs">Columns of W.</param>
/// <param name="Where">Which layer of which shape it is.</param>
public sealed record ProductSize(int Rows, int Outputs, int Inputs, string Where) : IWork
{
    /// <inheritdoc/>
    public double Operations => 2.0 * Rows * Outputs * Inputs;

    /// <summary>The shapes S (576 wide, feed-forward 1536) and M (2048 wide, feed-forward 5632), and one odd size, at one row, a batch and a prompt.</summary>
    public static IEnumerable<ProductSize> All()
    {
        foreach (int rows in (int[])[1, 8, 32, 256])
        {
            yield return new(rows, 1536, 576, "S gate");
            yield return new(rows, 576, 1536, "S down");
            yield return new(rows, 5632, 2048, "M gate");
            yield return new(rows, 333, 517, "odd");
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Where} {Rows}x{Outputs}x{Inputs}";
}

/// <summary>Attention of one sequence over its own positions, or of one row over a past.</summary>
/// <param name="Rows">Rows of q.</param>
/// <param name="Past">Positions before the first row.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyHeads">Key heads.</param>
/// <param name="HeadDim">Elements of a head.</param>
/// <param name="Where">Which shape it is.</param>
public sealed record AttentionSize(int Rows, int Past, int Heads, int KeyHeads, int HeadDim, string Where) : IWork
{
    /// <summary>Scores and weighted values: four operations for each element of a head and seen key.</summary>
    public double Operations => 4.0 * HeadDim * Heads * (((double)Rows * Past) + (Rows * (Rows + 1.0) / 2));

    /// <inheritdoc/>
    public override string ToString() => $"{Where} {Rows}+{Past}";
}

/// <summary>Rows of equal width through a kernel that works on each element.</summary>
/// <param name="Rows">Rows.</param>
/// <param name="Width">Elements of a row.</param>
/// <param name="Where">Which shape it is.</param>
public sealed record RowsSize(int Rows, int Width, string Where) : IWork
{
    /// <summary>Elements: a row kernel's rate is quoted in elements, not in operations.</summary>
    public double Operations => (double)Rows * Width;

    /// <inheritdoc/>
    public override string ToString() => $"{Where} {Rows}x{Width}";
}
