using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>What a running sequence holds of the engine's memory.</summary>
internal sealed class Holding
{
    /// <summary>Keys and values.</summary>
    public required SequenceState State { get; init; }

    /// <summary>What the state consists of.</summary>
    public required StateLayout Layout { get; init; }

    /// <summary>The adapter it runs with, or null.</summary>
    public Adapter? Adapter { get; init; }

    /// <summary>The adapters of the cache that it uses.</summary>
    public AdapterEntry[] Entries { get; init; } = [];

    /// <summary>The mixture of them; null: it is one adapter, or none.</summary>
    public Mixture? Mixture { get; init; }

    /// <summary>Groups sequences of one adapter.</summary>
    public int Group { get; init; }

    /// <summary>The blocks of its past that others can find, from the first token on.</summary>
    public List<PrefixBlock> Blocks { get; } = [];

    /// <summary>Blocks from the first on that all windows have passed: they are not used any more.</summary>
    public int Passed { get; set; }

    /// <summary>True: what follows cannot be found by others, because something before it cannot.</summary>
    public bool IsCutOff { get; set; }
}

/// <summary>A mixture of adapters, for as long as a sequence runs with it.</summary>
/// <param name="identity">The name under which it is found.</param>
/// <param name="adapter">The mixture.</param>
internal sealed class Mixture(string identity, Adapter adapter)
{
    public string Identity { get; } = identity;

    public Adapter Adapter { get; } = adapter;

    public int Users { get; set; }
}
