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

    private static unsafe nint Address(Storage block) => (nint)block.Pointer;
}
