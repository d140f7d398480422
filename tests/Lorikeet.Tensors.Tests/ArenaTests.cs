namespace Lorikeet.Tensors.Tests;

public sealed class ArenaTests
{
    [Fact]
    public void Released_memory_is_used_again()
    {
        using Arena arena = new(1024);
        Tensor first = arena.Allocate(new Shape(7, 3));
        ArenaMark mark = arena.Mark;
        Tensor second = arena.Allocate(new Shape(100));
        Assert.False(first.SameMemory(second));
        arena.Release(mark);
        Assert.True(arena.Allocate(new Shape(5)).SameMemory(second));
    }

    [Fact]
    public unsafe void Tensors_do_not_overlap_and_are_aligned()
    {
        using Arena arena = new(4096);
        CounterRandom random = new(1);
        List<Tensor> all = [];
        for (int i = 0; i < 200; i++)
        {
            Tensor tensor = arena.Allocate(new Shape(random.Integer((ulong)i, 700)));
            Assert.Equal(0, (long)tensor.Pointer % 64);
            tensor.Span.Fill(i);
            all.Add(tensor);
        }
        for (int i = 0; i < all.Count; i++)
        {
            Assert.All(all[i].Span.ToArray(), v => Assert.Equal(i, v));
        }
    }

    [Fact]
    public void Steps_of_growing_length_do_not_hold_what_they_outgrew()
    {
        long before = Storage.LiveBytes;
        using (Arena arena = new(1 << 16))
        {
            for (int rows = 1; rows < 300; rows++)
            {
                arena.Reset();
                for (int i = 0; i < 5; i++)
                {
                    _ = arena.Allocate(new Shape(rows, 1000));
                }
            }
            Assert.True(arena.HeldBytes < 2 * 5 * 300 * 1000 * sizeof(float), $"{arena.HeldBytes} bytes are held");
            Assert.Equal(before + arena.HeldBytes, Storage.LiveBytes);
        }
        Assert.Equal(before, Storage.LiveBytes);
    }

    [Fact]
    public void The_same_step_again_takes_no_more_memory()
    {
        using Arena arena = new(1 << 16);
        long held = 0;
        for (int step = 0; step < 3; step++)
        {
            foreach (int rows in (int[])[100, 3, 2000, 1, 50])
            {
                _ = arena.Allocate(new Shape(rows, 300));
            }
            Assert.True(step == 0 || arena.HeldBytes == held);
            held = arena.HeldBytes;
            arena.Reset();
        }
        Assert.True(arena.PeakBytes <= held);
    }

    [Fact]
    public void A_mark_above_the_top_is_refused()
    {
        using Arena arena = new();
        ArenaMark low = arena.Mark;
        _ = arena.Allocate(new Shape(10));
        ArenaMark high = arena.Mark;
        arena.Release(low);
        Assert.Throws<InvalidOperationException>(() => arena.Release(high));
    }

    [Fact]
    public void Buffers_of_like_size_are_shared()
    {
        using BufferPool pool = new();
        PooledTensor large = pool.Rent(new Shape(1000));
        PooledTensor other = pool.Rent(new Shape(1000));
        Assert.False(large.Tensor.SameMemory(other.Tensor));
        pool.Return(large);
        Assert.True(pool.Rent(new Shape(700)).Tensor.SameMemory(large.Tensor));
        long held = pool.HeldBytes;
        pool.Return(default);
        pool.Return(other);
        Assert.False(pool.Rent(new Shape(10)).Tensor.SameMemory(other.Tensor));
        Assert.True(pool.HeldBytes < held + 200);
    }
}
