using System.Globalization;

namespace Lorikeet.Tensors;

/// <summary>The lengths of a tensor's axes, one to four of them, held inline; the last axis is contiguous.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    private readonly int d0;
    private readonly int d1;
    private readonly int d2;
    private readonly int d3;

    /// <summary>A shape of one to four axes.</summary>
    /// <param name="axes">The lengths, outermost first; none negative.</param>
    /// <exception cref="ArgumentException">No axis, more than four, or a negative length.</exception>
    public Shape(params ReadOnlySpan<int> axes)
    {
        if (axes.Length is < 1 or > 4)
        {
            throw new ArgumentException($"a shape has 1 to 4 axes, found {axes.Length}", nameof(axes));
        }
        foreach (int axis in axes)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(axis, nameof(axes));
        }
        Rank = axes.Length;
        d0 = axes[0];
        d1 = axes.Length > 1 ? axes[1] : 1;
        d2 = axes.Length > 2 ? axes[2] : 1;
        d3 = axes.Length > 3 ? axes[3] : 1;
    }

    /// <summary>Number of axes.</summary>
    public int Rank { get; }

    /// <summary>Number of elements.</summary>
    public long Length => (long)d0 * d1 * d2 * d3;

    /// <summary>Length of the last axis.</summary>
    public int Width => Rank switch { 1 => d0, 2 => d1, 3 => d2, _ => d3 };

    /// <summary>Product of all axes but the last; 1 for a vector.</summary>
    public int Rows => Rank switch { 1 => 1, 2 => d0, 3 => checked(d0 * d1), _ => checked(d0 * d1 * d2) };

    /// <summary>Length of one axis.</summary>
    /// <param name="axis">0 is the outermost.</param>
    public int this[int axis] => axis switch
    {
        0 when Rank > 0 => d0,
        1 when Rank > 1 => d1,
        2 when Rank > 2 => d2,
        3 when Rank > 3 => d3,
        _ => throw new ArgumentOutOfRangeException(nameof(axis), axis, $"the shape {this} has {Rank} axes"),
    };

    /// <inheritdoc/>
    public bool Equals(Shape other) => Rank == other.Rank && d0 == other.d0 && d1 == other.d1 && d2 == other.d2 && d3 == other.d3;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Rank, d0, d1, d2, d3);

    /// <summary>True where all axes are equal.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>True where an axis differs.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <summary>The shape as people write it: <c>[tokens, hidden]</c> is <c>[12, 576]</c>.</summary>
    public override string ToString() => Rank switch
    {
        0 => "[]",
        1 => string.Create(CultureInfo.InvariantCulture, $"[{d0}]"),
        2 => string.Create(CultureInfo.InvariantCulture, $"[{d0}, {d1}]"),
        3 => string.Create(CultureInfo.InvariantCulture, $"[{d0}, {d1}, {d2}]"),
        _ => string.Create(CultureInfo.InvariantCulture, $"[{d0}, {d1}, {d2}, {d3}]"),
    };
}
