namespace Lorikeet.Tensors;

/// <summary>Keeps memory touched ahead for the <see cref="StorageBlock"/>s to come, on a thread of its own.</summary>
/// <remarks>
/// As many blocks lie ready as were expected, of the sizes that came last; memory of blocks that are gone counts. What was taken is replaced once none was taken for 50 ms, a
/// page of 2 MB every few milliseconds. A block that finds none takes new memory, in small pages. What lies ready is the process's: several of these share it.
/// </remarks>
public sealed unsafe class ReadyMemory : IDisposable
{
    /// <summary>The most blocks that are expected at a time.</summary>
    public const int MostBlocks = 64;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(2);
    private readonly object gate = new();
    private readonly long capacity;

    // The newest first.
    private readonly long[] sizes = new long[MostBlocks];
    private Thread? worker;
    private int count;
    private long room;
    private bool changed;
    private bool hasNews;
    private bool closed;

    /// <summary>Lets blocks that are gone leave their memory, as far as there is room.</summary>
    /// <param name="capacity">The most bytes that lie ready.</param>
    public ReadyMemory(long capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        this.capacity = capacity;
        SpareMemory.Allow(capacity);
    }

    /// <summary>Bytes that lie ready in this process.</summary>
    public static long Bytes => SpareMemory.Bytes;

    /// <summary>Says that one block more is likely to be needed.</summary>
    /// <param name="bytes">Its size; for less than 2 MiB (the allocator keeps such by itself) and for more than the capacity nothing is done.</param>
    /// <param name="most">The most bytes that may be touched ahead at present.</param>
    public void Expect(long bytes, long most) => Note(bytes, most, more: true);

    /// <summary>Says that a block was taken: the next ones are likely to be like it, and as many are expected as before.</summary>
    /// <param name="bytes">Its size; as for <see cref="Expect"/>.</param>
    /// <param name="most">The most bytes that may be touched ahead at present.</param>
    public void Replace(long bytes, long most) => Note(bytes, most, more: false);

    /// <summary>Stops, and gives memory back to the system: all that lies ready, where no other of these is left.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (closed)
            {
                return;
            }
            closed = true;
            changed = false;
            Monitor.PulseAll(gate);
        }
        worker?.Join();
        SpareMemory.Allow(-capacity);
    }

    /// <summary>Waits until all that is expected lies ready, as far as it may.</summary>
    internal void Wait()
    {
        lock (gate)
        {
            while (changed)
            {
                Monitor.Wait(gate);
            }
        }
    }

    private void Note(long bytes, long most, bool more)
    {
        lock (gate)
        {
            if (closed || bytes < LargePages.PageBytes || bytes > capacity)
            {
                return;
            }
            count = Math.Clamp(count + (more ? 1 : 0), 1, MostBlocks);
            sizes.AsSpan(0, count - 1).CopyTo(sizes.AsSpan(1));
            sizes[0] = bytes;
            room = Math.Min(most, capacity);
            (changed, hasNews) = (true, true);
            if (worker is null)
            {
                worker = new Thread(Work) { IsBackground = true, Name = "lorikeet memory" };
                worker.Start();
            }
            Monitor.PulseAll(gate);
        }
    }

    private void Work()
    {
        Span<long> expected = stackalloc long[MostBlocks];
        while (true)
        {
            int known;
            long most;
            lock (gate)
            {
                while (true)
                {
                    if (closed)
                    {
                        return;
                    }
                    sizes.CopyTo(expected);
                    (known, most) = (count, room);
                    if (!changed)
                    {
                        Monitor.Wait(gate);
                    }
                    else if (hasNews)
                    {
                        // Those who wait for what was taken just now have their first token before memory is touched beside them.
                        hasNews = false;
                        Monitor.Wait(gate, Pause);
                    }
                    else
                    {
                        break;
                    }
                }
            }
            // One block at a time: what is expected meanwhile counts from the next on.
            if (SpareMemory.TryAdd(expected[..known], most, out SpareMemory.Block fresh))
            {
                Touch(fresh);
                continue;
            }
            lock (gate)
            {
                if (expected.SequenceEqual(sizes) && (known, most) == (count, room))
                {
                    changed = false;
                    Monitor.PulseAll(gate);
                }
            }
        }
    }

    private void Touch(SpareMemory.Block fresh)
    {
        for (long at = 0; at < fresh.Bytes; at += LargePages.PageBytes)
        {
            fresh.Touch(at, at + LargePages.PageBytes);
            // Steps of answers that run have the cores in between. A thread of a low priority would not do: it may hold a lock, the system's too, while it waits for a core.
            lock (gate)
            {
                if (!closed)
                {
                    Monitor.Wait(gate, Breath);
                }
            }
        }
        SpareMemory.Keep(fresh);
    }
}
