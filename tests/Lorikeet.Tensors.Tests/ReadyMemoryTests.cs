using System.Diagnostics.CodeAnalysis;

namespace Lorikeet.Tensors.Tests;

/// <summary>Memory that lies ready is the process's: one test at a time, and each ends with none.</summary>
[SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "A block is closed before its parts are freed, which is what is tested.")]
public sealed class ReadyMemoryTests : IDisposable
{
    private const long MiB = 1 << 20;
    private readonly ReadyMemory ready = new(128 * MiB);

    public void Dispose()
    {
        ready.Dispose();
        ready.Dispose();
        Assert.Equal(0, ReadyMemory.Bytes);
    }

    [Fact]
    public void A_block_takes_the_memory_of_one_that_is_gone()
    {
        const long Size = (37 * MiB) + 64;
        nint place = TakeAndFree(Size);
        Assert.Equal(Size, ReadyMemory.Bytes);
        StorageBlock second = new(Size - (8 * MiB));
        Storage part = second.Take(Size - (8 * MiB));
        Assert.Equal((place, 0), (Address(part), ReadyMemory.Bytes));
        // It gives out what was asked for, however much there is.
        using (Storage more = second.Take(64))
        {
            Assert.False(Address(more) - place is >= 0 and < (nint)Size);
        }
        second.Dispose();
        part.Dispose();
        // More than half of it would lie idle.
        Assert.NotEqual(place, TakeAndFree(12 * MiB));
        Assert.Equal(Size + (12 * MiB), ReadyMemory.Bytes);
    }

    [Fact]
    public void As_much_lies_ready_as_is_expected_and_what_is_taken_is_replaced()
    {
        for (int i = 1; i <= 3; i++)
        {
            ready.Expect(4 * MiB, long.MaxValue);
            ready.Wait();
            Assert.Equal(i * 4 * MiB, ReadyMemory.Bytes);
        }
        Storage[] blocks = [.. Enumerable.Range(0, 5).Select(_ => Take(4 * MiB))];
        // A burst finds three; the others have new memory.
        Assert.Equal(0, ReadyMemory.Bytes);
        ready.Replace(4 * MiB, long.MaxValue);
        ready.Wait();
        Assert.Equal(12 * MiB, ReadyMemory.Bytes);
        Array.ForEach(blocks, b => b.Dispose());
        // All are back, more than is expected: kept for the next ones.
        Assert.Equal(32 * MiB, ReadyMemory.Bytes);
        ready.Replace(4 * MiB, long.MaxValue);
        ready.Wait();
        Assert.Equal(32 * MiB, ReadyMemory.Bytes);
    }

    [Fact]
    public void The_sizes_are_those_that_came_last()
    {
        ready.Expect(4 * MiB, long.MaxValue);
        ready.Expect(4 * MiB, long.MaxValue);
        ready.Replace(10 * MiB, long.MaxValue);
        ready.Wait();
        Assert.Equal([4 * MiB, 10 * MiB], Sizes().Distinct().Order());
        using Storage taken = Take(10 * MiB);
        ready.Replace(10 * MiB, long.MaxValue);
        ready.Wait();
        Assert.Equal(2, Sizes().Count(s => s == 10 * MiB));
    }

    [Fact]
    public void However_much_is_expected_the_capacity_is_the_most_that_lies_ready()
    {
        for (int i = 0; i < 10_000; i++)
        {
            ready.Expect(3 * MiB, long.MaxValue);
        }
        ready.Wait();
        Assert.Equal(42 * 3 * MiB, ReadyMemory.Bytes);
        for (int i = 0; i < 4; i++)
        {
            ready.Replace(50 * MiB, long.MaxValue);
            ready.Wait();
            Assert.InRange(ReadyMemory.Bytes, 50 * MiB, 128 * MiB);
        }
        // What is not expected any more makes room for what is.
        Assert.Equal(2, Sizes().Count(s => s == 50 * MiB));
        for (int i = 0; i < 20; i++)
        {
            TakeAndFree((10 + i) * MiB);
            Assert.InRange(ReadyMemory.Bytes, 1, 128 * MiB);
        }
    }

    [Fact]
    public void No_more_is_touched_ahead_than_may_be()
    {
        for (int i = 0; i < 5; i++)
        {
            ready.Expect(4 * MiB, (10 * MiB) - 1);
        }
        ready.Wait();
        Assert.Equal(8 * MiB, ReadyMemory.Bytes);
        ready.Expect(4 * MiB, 0);
        ready.Wait();
        Assert.Equal(8 * MiB, ReadyMemory.Bytes);
    }

    [Fact]
    public void What_the_allocator_keeps_and_what_is_too_large_is_not_touched_ahead()
    {
        foreach (long size in (long[])[0, 64, (2 * MiB) - 1, (128 * MiB) + 1])
        {
            ready.Expect(size, long.MaxValue);
            ready.Replace(size, long.MaxValue);
            ready.Wait();
            TakeAndFree(size);
            Assert.Equal(0, ReadyMemory.Bytes);
        }
        ready.Expect(2 * MiB, long.MaxValue);
        ready.Wait();
        Assert.Equal(2 * MiB, ReadyMemory.Bytes);
    }

    [Fact]
    public void Several_share_what_lies_ready_and_the_last_gives_it_back()
    {
        using (ReadyMemory other = new(32 * MiB))
        {
            other.Expect(20 * MiB, long.MaxValue);
            other.Expect(20 * MiB, long.MaxValue);
            other.Wait();
            Assert.Equal(20 * MiB, ReadyMemory.Bytes);
            TakeAndFree(120 * MiB);
            Assert.Equal(140 * MiB, ReadyMemory.Bytes);
        }
        // The oldest went.
        Assert.Equal(120 * MiB, ReadyMemory.Bytes);
    }

    [Fact]
    public void Memory_that_was_hardly_touched_is_not_kept()
    {
        StorageBlock block = new(8 * MiB);
        Storage part = block.Take(MiB);
        block.Dispose();
        part.Dispose();
        Assert.Equal(0, ReadyMemory.Bytes);
        // Where it had been touched before, it is.
        TakeAndFree(8 * MiB);
        block = new StorageBlock(8 * MiB);
        block.Dispose();
        Assert.Equal(8 * MiB, ReadyMemory.Bytes);
    }

    [Fact]
    public void Blocks_of_any_sizes_taken_by_many_threads_have_memory_of_their_own()
    {
        Parallel.For(0, 8, thread =>
        {
            CounterRandom random = new((ulong)thread);
            List<Storage> held = [];
            for (int i = 0; i < 40; i++)
            {
                long size = (2 * MiB) + random.Integer((ulong)i, (int)(3 * MiB));
                Storage part = Take(size);
                part.Span.Fill((byte)(thread + 1));
                held.Add(part);
                ready.Expect(size, 64 * MiB);
                if (held.Count > 3)
                {
                    Assert.Equal(-1, held[0].Span.IndexOfAnyExcept((byte)(thread + 1)));
                    held[0].Dispose();
                    held.RemoveAt(0);
                }
            }
            foreach (Storage part in held)
            {
                Assert.Equal(-1, part.Span.IndexOfAnyExcept((byte)(thread + 1)));
                part.Dispose();
            }
        });
        ready.Wait();
        Assert.Equal(ReadyMemory.Bytes, Sizes().Sum());
    }

    // Takes all that lies ready and puts it back.
    private static long[] Sizes()
    {
        List<SpareMemory.Block> all = [];
        for (long size = 128 * MiB; size >= 2 * MiB; size -= MiB / 2)
        {
            while (SpareMemory.TryTake(size, out SpareMemory.Block block))
            {
                all.Add(block);
            }
        }
        all.ForEach(block => SpareMemory.Keep(block));
        return [.. all.Select(block => block.Bytes)];
    }

    private static Storage Take(long size)
    {
        using StorageBlock block = new(size);
        return block.Take(size);
    }

    private static nint TakeAndFree(long size)
    {
        using Storage part = Take(size);
        return Address(part);
    }

    private static unsafe nint Address(Storage block) => (nint)block.Pointer;
}
