using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>The cache lines of stretches of memory, shared out evenly over the places of a product that fetch some.</summary>
internal unsafe struct NextLines
{
    public const int Line = 64;

    /// <summary>Addresses that <see cref="Take"/> may write beyond those it counts.</summary>
    public const int Slack = 3;

    private readonly MemoryRegion* regions;
    private long first;
    private long end;
    private long at;
    private int place;
    private int places;

    // Where the last line was found.
    private int region;
    private long before;

    public NextLines(MemoryRegion* list, int count)
    {
        regions = list;
        for (int i = 0; i < count; i++)
        {
            end += Count(list[i].Bytes);
        }
        places = 1;
    }

    /// <summary>How many lines are left.</summary>
    public readonly long Left => end - at;

    /// <summary>A part of the lines.</summary>
    /// <param name="from">Where it begins among <paramref name="of"/>.</param>
    /// <param name="to">Where it ends.</param>
    /// <param name="of">Into how many all lines are cut.</param>
    /// <param name="over">The places that take them, at least 1.</param>
    public readonly NextLines Share(long from, long to, long of, int over)
    {
        NextLines share = this;
        share.first = share.at = end * from / of;
        share.end = end * to / of;
        share.places = over;
        return share;
    }

    /// <summary>The next place's lines.</summary>
    /// <param name="to">Receives their addresses, and writes up to <see cref="Slack"/> more.</param>
    /// <param name="most">The most lines; what is more is left out.</param>
    /// <returns>How many.</returns>
    public int Take(byte** to, int most)
    {
        if (at >= end)
        {
            return 0;
        }
        place = Math.Min(place + 1, places);
        long next = first + ((end - first) * place / places);
        int taken = 0;
        for (long stop = Math.Min(next, at + most); at < stop;)
        {
            long own = Count(regions[region].Bytes);
            if (at >= before + own)
            {
                before += own;
                region++;
                continue;
            }
            int some = (int)(Math.Min(stop, before + own) - at);
            Vector256<long> lines = Vector256.Create((long)(regions[region].Start + ((at - before) * Line))) + Vector256.Create(0L, Line, 2 * Line, 3 * Line);
            for (int i = 0; i < some; i += 4)
            {
                lines.Store((long*)to + taken + i);
                lines += Vector256.Create(4L * Line);
            }
            (taken, at) = (taken + some, at + some);
        }
        at = next;
        return taken;
    }

    private static long Count(long bytes) => (bytes + Line - 1) / Line;
}
