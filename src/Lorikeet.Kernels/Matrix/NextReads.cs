using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

#pragma warning disable CA1051, CA1815 // A record of a pointer and a length that kernels index.

/// <summary>A stretch of memory that is going to be read.</summary>
public unsafe struct MemoryRegion
{
    /// <summary>Its first byte.</summary>
    public byte* Start;

    /// <summary>Its length.</summary>
    public long Bytes;
}

#pragma warning restore CA1051, CA1815

/// <summary>
/// What this thread will read after the next product: a product that is bound by arithmetic fetches it into the caches meanwhile. A hint that changes no
/// result; kernels that are bound by memory themselves leave it alone.
/// </summary>
public static unsafe class NextReads
{
    [ThreadStatic]
    private static MemoryRegion* regions;

    [ThreadStatic]
    private static int count;

    /// <summary>Says what comes next; valid until <see cref="Forget"/>.</summary>
    /// <param name="list">The stretches in the order in which they are read; pinned until then.</param>
    /// <param name="stretches">How many.</param>
    public static void Announce(MemoryRegion* list, int stretches)
    {
        regions = list;
        count = stretches;
    }

    /// <summary>Ends the hint.</summary>
    public static void Forget() => Announce(null, 0);

    /// <summary>The cache lines of what was announced.</summary>
    internal static NextLines Lines => new(regions, count);
}
