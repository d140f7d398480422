using Lorikeet.Tensors;

namespace Lorikeet.Server.Tests;

/// <summary>Numbers of a seed that a failing test shows.</summary>
internal sealed class CounterRandomOf(ulong seed)
{
    private ulong count;

    public CounterRandom Random { get; } = new(seed);

    /// <summary>The next integer from 0 to below a number.</summary>
    public int Next(int below) => Random.Integer(count++, below);

    public T Pick<T>(IReadOnlyList<T> items) => items[Next(items.Count)];
}
