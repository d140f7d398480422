namespace Lorikeet.Kernels.Tests;

[Collection("team")]
public unsafe class NextReadsTests
{
    [Theory]
    [InlineData(16, 96, 80)]
    [InlineData(40, 600, 130)]
    [InlineData(3, 64, 64)]
    public void A_hint_changes_no_bit_of_a_product(int rows, int inputs, int outputs)
    {
        float[] x = MatrixData.Numbers(rows * inputs, 1);
        byte[] weights = MatrixData.Pack(MatrixData.Numbers(outputs * inputs, 2), outputs, inputs, ElementType.BF16);
        float[] plain = new float[rows * outputs], hinted = new float[rows * outputs];
        PackedMatrix.Multiply(x, rows, weights, ElementType.BF16, outputs, inputs, plain);
        // Short and long stretches, more bytes than there are places, up to a page that must not be touched.
        using BoundedMemory<byte> next = new(300_000);
        MemoryRegion* regions = stackalloc MemoryRegion[4];
        regions[0] = new() { Start = next.Pointer, Bytes = 100 };
        regions[1] = new() { Start = next.Pointer + 100, Bytes = 199_900 };
        regions[2] = new() { Start = next.Pointer + 200_000, Bytes = 1 };
        regions[3] = new() { Start = next.Pointer + 200_001, Bytes = 99_999 };
        for (int count = 1; count <= 4; count++)
        {
            NextReads.Announce(regions, count);
            PackedMatrix.Multiply(x, rows, weights, ElementType.BF16, outputs, inputs, hinted);
            NextReads.Forget();
            MatrixData.SameBits(plain, hinted, $"{count} stretches");
        }
    }

    [Fact]
    public void Places_share_what_comes_next()
    {
        using BoundedMemory<byte> next = new(10_000);
        MemoryRegion* regions = stackalloc MemoryRegion[3];
        regions[0] = new() { Start = next.Pointer, Bytes = 1000 };
        regions[1] = new() { Start = next.Pointer + 5000, Bytes = 2500 };
        regions[2] = new() { Start = next.Pointer + 9000, Bytes = 10 };
        NextReads.Announce(regions, 3);
        // More places than the bytes need: every byte is in one piece, but for what is left of a stretch where a piece would be mostly beyond it.
        NextPieces pieces = NextReads.Pieces(10, 100_000);
        Assert.Equal(384, pieces.Piece);
        HashSet<long> fetched = [];
        for (int place = 0; place < 10; place++)
        {
            byte* start = pieces.Of(place, out long length);
            for (long i = 0; i < length; i++)
            {
                fetched.Add(start + i - next.Pointer);
            }
        }
        Assert.InRange(fetched.Count, 3510 * 3 / 4, 3510);
        Assert.All(fetched, at => Assert.True(at is < 1000 or (>= 5000 and < 7500) or (>= 9000 and < 9010)));
        // Fewer places than that, each with its most: spread over the list; chunks may ask again from the start.
        pieces = NextReads.Pieces(2, 64);
        Assert.True(pieces.Of(0, out long first) == next.Pointer && first == 64);
        Assert.True(pieces.Of(1, out _) == next.Pointer + 5755);
        Assert.True(pieces.Of(0, out _) == next.Pointer);
        NextReads.Forget();
        Assert.Equal(0, NextReads.Pieces(1000, 20).Bytes);
    }
}
