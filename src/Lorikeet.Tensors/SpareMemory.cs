using System.Runtime.InteropServices;

namespace Lorikeet.Tensors;

/// <summary>Blocks of memory that were touched and have no owner: what adapters left behind, and what was touched ahead for those to come.</summary>
/// <remarks>
/// Memory that is new to a process is cleared when it is first touched; where the machine is a guest whose host takes free memory back, it has to be fetched from there too.
/// Measured on such a guest, 10 MB: 0.5 ms in pages of 2 MB that the host had left it, 24 ms in those that it had taken; 3.5 ms in pages of 4 KB, which are cut from what is too
/// small to be taken, and 30 ms once there is no such left.
/// </remarks>
internal static unsafe class SpareMemory
{
    private static readonly Lock gate = new();

    // The oldest first.
    private static readonly List<Block> blocks = [];
    private static long bytes;
    private static long most;

    /// <summary>Bytes that lie ready.</summary>
    public static long Bytes => Interlocked.Read(ref bytes);

    /// <summary>Raises the most that is kept, or lowers it.</summary>
    public static void Allow(long more)
    {
        lock (gate)
        {
            most += more;
            Trim();
        }
    }

    /// <summary>Takes the smallest block that is large enough.</summary>
    /// <param name="size">Bytes that are needed.</param>
    /// <param name="block">The block.</param>
    /// <returns>False: there is none, or most of it would lie idle.</returns>
    public static bool TryTake(long size, out Block block)
    {
        lock (gate)
        {
            int found = Fitting(size, default);
            block = found < 0 ? default : blocks[found];
            if (found >= 0)
            {
                Remove(found);
            }
            return found >= 0;
        }
    }

    /// <summary>Keeps a block that was touched; the oldest go where that is too much.</summary>
    public static void Keep(in Block block)
    {
        lock (gate)
        {
            // Smaller ones the allocator keeps by itself.
            if (block.Bytes < LargePages.PageBytes || block.Bytes > most)
            {
                NativeMemory.AlignedFree(block.Memory);
                return;
            }
            blocks.Add(block);
            bytes += block.Bytes;
            Trim();
        }
    }

    /// <summary>Memory for one block more, to be touched and kept, so that blocks of all these sizes could be taken at once.</summary>
    /// <param name="sizes">The sizes, the dearest first.</param>
    /// <param name="room">The most bytes that may lie ready for them; sizes that come too late are left out.</param>
    /// <param name="fresh">The memory.</param>
    /// <returns>False: that was so already, or there is no room for more.</returns>
    public static bool TryAdd(ReadOnlySpan<long> sizes, long room, out Block fresh)
    {
        long missing;
        lock (gate)
        {
            missing = MakeRoom(sizes, room);
        }
        fresh = default;
        if (missing == 0)
        {
            return false;
        }
        try
        {
            fresh = new Block(LargePages.Allocate(missing), missing);
            return true;
        }
        catch (OutOfMemoryException)
        {
            // Nobody needs it yet: whoever does hears of it.
            return false;
        }
    }

    // The first of the sizes for which nothing lies ready when the others have taken theirs, and room made for it; 0: none.
    private static long MakeRoom(ReadOnlySpan<long> sizes, long room)
    {
        Span<bool> taken = stackalloc bool[blocks.Count];
        long missing = FirstMissing(sizes, room, taken);
        for (int i = 0, at = 0; i < taken.Length && missing > 0 && bytes + missing > most; i++)
        {
            if (taken[i])
            {
                at++;
            }
            else
            {
                Free(at);
            }
        }
        return bytes + missing > most ? 0 : missing;
    }

    private static long FirstMissing(ReadOnlySpan<long> sizes, long room, Span<bool> taken)
    {
        long missing = 0;
        room = Math.Min(room, most);
        foreach (long size in sizes)
        {
            if ((room -= size) < 0)
            {
                break;
            }
            if (Fitting(size, taken) is >= 0 and int fits)
            {
                taken[fits] = true;
            }
            else if (missing == 0)
            {
                missing = size;
            }
        }
        return missing;
    }

    // None that is more than half empty, but for a page.
    private static int Fitting(long size, ReadOnlySpan<bool> taken)
    {
        int best = -1;
        for (int i = 0; i < blocks.Count; i++)
        {
            long has = blocks[i].Bytes;
            if (has >= size && has <= (2 * size) + LargePages.PageBytes && (best < 0 || has < blocks[best].Bytes) && (taken.IsEmpty || !taken[i]))
            {
                best = i;
            }
        }
        return best;
    }

    private static void Trim()
    {
        while (bytes > most)
        {
            Free(0);
        }
    }

    private static void Free(int index)
    {
        NativeMemory.AlignedFree(blocks[index].Memory);
        Remove(index);
    }

    private static void Remove(int index)
    {
        bytes -= blocks[index].Bytes;
        blocks.RemoveAt(index);
    }

    /// <summary>One block.</summary>
    internal readonly struct Block(byte* memory, long bytes)
    {
        public byte* Memory { get; } = memory;

        public long Bytes { get; } = bytes;

        /// <summary>Writes to every page of a part.</summary>
        public void Touch(long from, long to)
        {
            for (long i = from; i < Math.Min(to, Bytes); i += 4096)
            {
                Memory[i] = 0;
            }
        }
    }
}
