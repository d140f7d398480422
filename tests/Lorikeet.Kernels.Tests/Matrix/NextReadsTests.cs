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
        NextPieces pieces = NextReads.Pieces(1000, 20);
        Assert.Equal(5, pieces.Pieces);
        List<long> fetched = [];
        for (int place = 0; place < 20; place++)
        {
            byte* first = pieces.At(place);
            if (first is not null)
            {
                fetched.Add(first - next.Pointer);
            }
        }
        Assert.Equal([0, 5000, 6000, 7000, 9000], fetched);
        // Fewer places than pieces: the pieces are spread over the list.
        pieces = NextReads.Pieces(1000, 2);
        Assert.Equal(0, pieces.At(0) - next.Pointer);
        Assert.Equal(6000, pieces.At(1) - next.Pointer);
        Assert.Equal(0, pieces.At(0) - next.Pointer);
        NextReads.Forget();
        Assert.Equal(0, NextReads.Pieces(1000, 20).Pieces);
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
        // A piece of 64 KB would fetch 60 KB that nobody announced.
        NextPieces pieces = NextReads.Pieces(65536, 20);
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
