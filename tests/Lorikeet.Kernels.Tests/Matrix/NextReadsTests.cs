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
    public void Places_share_the_pieces_evenly_and_each_piece_is_fetched_once()
    {
        using BoundedMemory<byte> next = new(10_000);
        MemoryRegion* regions = stackalloc MemoryRegion[3];
        regions[0] = new() { Start = next.Pointer, Bytes = 1000 };
        regions[1] = new() { Start = next.Pointer + 5000, Bytes = 2500 };
        regions[2] = new() { Start = next.Pointer + 9000, Bytes = 10 };
        NextReads.Announce(regions, 3);
        NextPieces pieces = NextReads.Pieces(1024, 20);
        Assert.Equal(5, pieces.Pieces);
        List<(long At, long Bytes)> fetched = [];
        for (int place = 0; place < 20; place++)
        {
            byte* first = pieces.At(place, out long bytes);
            if (first is not null)
            {
                fetched.Add((first - next.Pointer, bytes));
            }
        }
        // A region's pieces are equal, line for line, and none reaches beyond it.
        Assert.Equal([(0, 1024), (5000, 832), (5832, 832), (6664, 896), (9000, 64)], fetched);
        Assert.All(fetched, piece => Assert.InRange(piece.Bytes, 1, 1024));
        NextReads.Forget();
        Assert.Equal(0, NextReads.Pieces(1000, 20).Pieces);
    }

    [Fact]
    public void Fewer_places_than_pieces_are_spread_over_the_list()
    {
        using BoundedMemory<byte> next = new(102_400);
        MemoryRegion region = new() { Start = next.Pointer, Bytes = 102_400 };
        NextReads.Announce(&region, 1);
        NextPieces pieces = NextReads.Pieces(1024, 4);
        Assert.Equal(100, pieces.Pieces);
        Assert.Equal((long[])[0, 25 * 1024, 50 * 1024, 75 * 1024, 0], (long[])[At(ref pieces, 0), At(ref pieces, 1), At(ref pieces, 2), At(ref pieces, 3), At(ref pieces, 0)]);
        NextReads.Forget();

        long At(ref NextPieces from, int place) => from.At(place, out _) - next.Pointer;
    }

    [Fact]
    public void Short_stretches_go_line_by_line_and_no_line_is_left_out()
    {
        using BoundedMemory<byte> next = new(10_000);
        MemoryRegion* regions = stackalloc MemoryRegion[3];
        regions[0] = new() { Start = next.Pointer, Bytes = 1000 };
        regions[1] = new() { Start = next.Pointer + 5000, Bytes = 2500 };
        regions[2] = new() { Start = next.Pointer + 9000, Bytes = 10 };
        NextReads.Announce(regions, 3);
        // Three regions, two places: two thirds of them would be fetched.
        NextPieces pieces = NextReads.Pieces(65536, 2);
        Assert.Equal(0, pieces.Pieces);
        NextLines lines = NextReads.Lines(7, pieces);
        Assert.Equal(16 + 40 + 1, lines.Lines);
        for (int place = 0; place < 7; place++)
        {
            lines.Fetch(place);
        }
        lines.Fetch(0);
        NextReads.Forget();
        Assert.Equal(0, NextReads.Lines(7, default).Lines);
    }
}
