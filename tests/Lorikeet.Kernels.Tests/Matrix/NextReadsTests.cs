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

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(200)]
    public void Places_share_the_lines_evenly_and_each_line_is_fetched_once(int places)
    {
        using BoundedMemory<byte> next = new(10_000);
        MemoryRegion* regions = stackalloc MemoryRegion[3];
        regions[0] = new() { Start = next.Pointer, Bytes = 1000 };
        regions[1] = new() { Start = next.Pointer + 5000, Bytes = 2500 };
        regions[2] = new() { Start = next.Pointer + 9000, Bytes = 10 };
        List<long> expected = [.. Enumerable.Range(0, 16).Select(i => 64L * i), .. Enumerable.Range(0, 40).Select(i => 5000 + (64L * i)), 9000], fetched = [];
        NextReads.Announce(regions, 3);
        // Three chunks, as three threads take them.
        for (int chunk = 0; chunk < 3; chunk++)
        {
            NextLines lines = NextReads.Lines.Share(chunk, chunk + 1, 3, places);
            for (int place = 0; place < places; place++)
            {
                int some = Take(ref lines, 100, next.Pointer, fetched);
                Assert.InRange(some, 19 / places, (19 + places - 1) / places);
            }
            Assert.Equal(0, Take(ref lines, 100, next.Pointer, fetched));
        }
        Assert.Equal(expected, fetched);
        NextReads.Forget();
        Assert.Equal(0, NextReads.Lines.Left);
    }

    [Fact]
    public void What_a_place_cannot_fetch_is_left_out()
    {
        using BoundedMemory<byte> next = new(102_400);
        MemoryRegion region = new() { Start = next.Pointer, Bytes = 102_400 };
        NextLines lines = new NextLines(&region, 1).Share(0, 1, 1, 4);
        List<long> fetched = [];
        for (int place = 0; place < 4; place++)
        {
            Assert.Equal(2, Take(ref lines, 2, next.Pointer, fetched));
        }
        Assert.Equal([0, 64, 25_600, 25_664, 51_200, 51_264, 76_800, 76_864], fetched);
    }

    private static int Take(ref NextLines lines, int most, byte* start, List<long> fetched)
    {
        byte** list = stackalloc byte*[most + NextLines.Slack];
        int some = lines.Take(list, most);
        for (int i = 0; i < some; i++)
        {
            fetched.Add(list[i] - start);
        }
        return some;
    }
}
