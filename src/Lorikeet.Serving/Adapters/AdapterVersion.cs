namespace Lorikeet.Serving;

/// <summary>One immutable version of an adapter: what requests are bound to. As long as nobody asks for it, it costs its name.</summary>
/// <remarks>A name that gets other numbers gets a new version: requests that run keep theirs. A version is one engine's.</remarks>
public sealed class AdapterVersion
{
    private static long count;
    private AdapterFigures? figures;

    /// <summary>A version.</summary>
    /// <param name="name">The name in messages and figures.</param>
    /// <param name="source">Where its numbers come from.</param>
    /// <param name="hash">
    /// The hash of its content: versions of one hash share the keys and values of their prompts. Null: it shares them with no other version.
    /// </param>
    public AdapterVersion(string name, AdapterSource source, string? hash = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(source);
        Name = name;
        Source = source;
        Hash = hash;
        Key = hash ?? $"#{Interlocked.Increment(ref count)}";
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Where its numbers come from.</summary>
    public AdapterSource Source { get; }

    /// <summary>The hash of its content, or null.</summary>
    public string? Hash { get; }

    /// <summary>What distinguishes its numbers from those of others.</summary>
    internal string Key { get; }

    /// <summary>What was done with it so far; all zero until its first request.</summary>
    public AdapterFigures Figures => figures ?? AdapterFigures.None;

    /// <summary>Bytes that it takes in memory, known after its first load; 0: not known.</summary>
    internal long KnownBytes { get; set; }

    /// <summary>True: no new request will come, and it goes as soon as nobody uses it.</summary>
    internal bool IsRetired { get; set; }

    /// <summary>Ends when it has gone; null: nobody waits for that.</summary>
    internal TaskCompletionSource? Leaving { get; set; }

    /// <summary>Requests that are bound to it, waiting or running.</summary>
    internal int Bound { get; set; }

    /// <summary>True: it stays in memory until it is unpinned.</summary>
    internal bool IsPinned { get; set; }

    internal AdapterFigures Count() => figures ??= new AdapterFigures();

    /// <inheritdoc/>
    public override string ToString() => Name;
}
