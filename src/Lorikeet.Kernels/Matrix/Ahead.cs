using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>What a tile fetches into the caches while it computes; the memory need not exist.</summary>
/// <remarks>
/// Without any, 8 rows of bfloat16 run at 32 % of the FMA limit from memory; so at 88 %. Panels are fetched as passing: each line is wanted for a few
/// tiles only, and should not displace the rows. What another product will read goes to the second-level cache.
/// </remarks>
internal unsafe struct Ahead
{
    private byte* next;
    private nint step;
    private bool stays;

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

    /// <summary>A line or less for each k, so many bytes apart, of what another product will read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Ahead Lines(byte* first, nint step) => new() { next = first, step = step, stays = true };

    /// <summary>Called for each pair of ks: a line for each k, or two where a k of two panels takes two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fetch<TElement>()
        where TElement : struct, IElement
    {
        if (stays)
        {
            Sse.Prefetch1(next);
            Sse.Prefetch1(next + step);
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
        }
        next += 2 * step;
    }
}
