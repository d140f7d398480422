namespace Lorikeet.Serving;

/// <summary>Says which idle memory goes first. A policy is one file and one line in <see cref="EvictionPolicies"/>.</summary>
internal abstract class EvictionPolicy
{
    /// <summary>Bytes of all that is idle.</summary>
    public abstract long Bytes { get; }

    /// <summary>Takes in what nobody uses any more.</summary>
    public abstract void Add(Evictable idle);

    /// <summary>Lets go of what is used again, or gone.</summary>
    public void Remove(Evictable item) => item.List!.Remove(item);

    /// <summary>The first to go.</summary>
    public abstract Evictable? First { get; }

    /// <summary>The next to go after another.</summary>
    public abstract Evictable? Next(Evictable item);
}

/// <summary>All eviction policies by name.</summary>
internal static class EvictionPolicies
{
    private static readonly (string Name, Func<EvictionPolicy> Create)[] All =
    [
        ("lru", () => new LeastRecentlyUsed()),
        ("pages-first", () => new PagesFirst()),
    ];

    public static IEnumerable<string> Names => All.Select(p => p.Name);

    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static EvictionPolicy Create(string name) => All.FirstOrDefault(p => p.Name == name).Create?.Invoke()
        ?? throw new ArgumentException($"eviction policy '{name}' is not known; expected {string.Join(" or ", Names)}");
}
