namespace Lorikeet.Tensors.Tests;

public class StorageTests
{
    [Fact]
    public void Blocks_for_weights_lie_apart_and_are_given_back_in_any_order()
    {
        long before = Storage.LiveBytes;
        // Small ones that share regions, one of half a region, one larger than any.
        long[] sizes = [1, 64, 4096, 700_001, 5 << 20, 12 << 20, 16 << 20, 40 << 20, 3, 9 << 20];
        List<Storage> blocks = [];
        for (int round = 0; round < 3; round++)
        {
            foreach (long size in sizes)
            {
                Storage block = Storage.ForWeights(size);
                Assert.Equal(0, Address(block) % 64);
                block.Span.Fill((byte)(blocks.Count + 1));
                blocks.Add(block);
            }
        }
        Assert.Equal(before + (3 * sizes.Sum()), Storage.LiveBytes);
        foreach (int step in new[] { 2, 3, 1 })
        {
            for (int i = 0; i < blocks.Count; i += step)
            {
                if (blocks[i] is { } block)
                {
                    Assert.Equal(-1, block.Span.IndexOfAnyExcept((byte)(i + 1)));
                    block.Dispose();
                    blocks[i] = null!;
                }
            }
        }
        Assert.Equal(before, Storage.LiveBytes);
    }

    [Fact]
    public void Storages_of_a_block_lie_side_by_side_and_outlive_it()
    {
        long before = Storage.LiveBytes;
        StorageBlock block = new(5 << 20);
        Storage[] parts = [block.Take(1 << 20), block.Take(100), block.Take(3 << 20), block.Take(2 << 20)];
        Assert.Equal([1 << 20, 128], [Address(parts[1]) - Address(parts[0]), Address(parts[2]) - Address(parts[1])]);
        // The last one found no room: it has memory of its own.
        Assert.False(Address(parts[3]) - Address(parts[0]) is >= 0 and < 5 << 20);
        block.Dispose();
        block.Dispose();
        Assert.Throws<ObjectDisposedException>(() => block.Take(1));
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i].Span.Fill((byte)(i + 1));
        }
        for (int i = 0; i < parts.Length; i++)
        {
            Assert.Equal(-1, parts[i].Span.IndexOfAnyExcept((byte)(i + 1)));
            parts[i].Dispose();
        }
        Assert.Equal(before, Storage.LiveBytes);
        new StorageBlock(0).Dispose();
    }

    private static unsafe nint Address(Storage block) => (nint)block.Pointer;
}
