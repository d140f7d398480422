using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>What a tile fetches into the caches while it computes; the memory need not exist.</summary>
/// <remarks>
/// Without any, 8 rows of bfloat16 run at 32 % of the FMA limit from memory; so at 88 %. Panels are fetched as passing: each line is wanted for a few
/// tiles only, and should not displace the rows. What is read later than the next panels is fetched to stay: into the first-level cache and so into the second
/// (a fetch into the second alone was found to bring short stretches hardly earlier than their reading does).
/// </remarks>
internal unsafe struct Ahead
{
    private byte* next;
    private nint step;
    private bool listed;

    /// <summary>Nothing.</summary>
    public static Ahead None => Listed(null, 0);

    /// <summary>The share of one of several tiles in the bytes from <paramref name="first"/> on.</summary>
    /// <param name="first">The first byte.</param>
    /// <param name="bytes">How many; 0: fetch nothing anew.</param>
    /// <param name="tile">Which tile, from 0.</param>
    /// <param name="tiles">How many.</param>
    /// <param name="depth">Ks of each tile.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Ahead Share(byte* first, nint bytes, int tile, int tiles, int depth)
    {
        nint share = bytes / tiles;
        return new Ahead { next = first + (tile * share), step = share / Math.Max(depth, 1) };
    }

    /// <summary>Lines of a list, one for each k until its end.</summary>
    /// <param name="lines">Their addresses; one more is read where there is an odd number.</param>
    /// <param name="count">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Ahead Listed(byte** lines, int count) => new() { next = (byte*)lines, step = (nint)(lines + count), listed = true };

    /// <summary>Called for each pair of ks: a line for each k, or two where a k of two panels takes two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fetch<TElement>()
        where TElement : struct, IElement
    {
        if (listed)
        {
            if ((nint)next < step)
            {
                Sse.Prefetch0(*(byte**)next);
                Sse.Prefetch0(*(byte**)(next + sizeof(long)));
                next += 2 * sizeof(long);
            }
        }
        else
        {
            Sse.PrefetchNonTemporal(next);
            Sse.PrefetchNonTemporal(next + step);
            if (TElement.Size == sizeof(float))
            {
                Sse.PrefetchNonTemporal(next + 64);
                Sse.PrefetchNonTemporal(next + step + 64);
            }
            next += 2 * step;
        }
    }
}
