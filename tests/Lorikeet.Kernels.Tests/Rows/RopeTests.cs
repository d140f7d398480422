namespace Lorikeet.Kernels.Tests.Rows;

public sealed class RopeTests
{
    [Theory]
    [InlineData(64, 64)]
    [InlineData(64, 32)]
    [InlineData(20, 20)]
    [InlineData(20, 6)]
    [InlineData(6, 0)]
    public void Pairs_turn_by_their_angle_and_back(int headDim, int rotary)
    {
        const int Rows = 5;
        const int Heads = 3;
        Seeded random = new(41);
        float[] angles = random.Array(Rows * rotary / 2, 3);
        float[] cos = [.. angles.Select(MathF.Cos)];
        float[] sin = [.. angles.Select(MathF.Sin)];
        foreach (bool interleaved in new[] { false, true })
        {
            float[] x = random.Array(Rows * Heads * headDim);
            float[] y = [.. x];
            Rope.Apply(y, Rows, Heads, headDim, cos, sin, rotary, false, interleaved);
            for (int row = 0; row < Rows * Heads; row++)
            {
                for (int d = 0; d < headDim; d++)
                {
                    int pair = interleaved ? d / 2 : d % Math.Max(1, rotary / 2);
                    int a = interleaved ? 2 * pair : pair;
                    int b = interleaved ? a + 1 : a + (rotary / 2);
                    float found = y[(row * headDim) + d];
                    if (d >= rotary)
                    {
                        Assert.Equal(x[(row * headDim) + d], found);
                        continue;
                    }
                    float c = cos[(row / Heads * (rotary / 2)) + pair];
                    float s = sin[(row / Heads * (rotary / 2)) + pair];
                    float xa = x[(row * headDim) + a];
                    float xb = x[(row * headDim) + b];
                    // The exact roundings: the second product rounds, the first is fused.
                    float expected = d == a ? MathF.FusedMultiplyAdd(xa, c, -(xb * s)) : MathF.FusedMultiplyAdd(xb, c, xa * s);
                    Assert.Equal(expected, found);
                }
            }
            Rope.Apply(y, Rows, Heads, headDim, cos, sin, rotary, true, interleaved);
            Near.Check(Near.Widen(x), y, 1e-6, 1e-6, "turned back");
        }
    }

    [Fact]
    public void Wrong_shapes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Rope.Apply(new float[8], 1, 1, 8, new float[2], new float[2], 5));
        Assert.Throws<ArgumentException>(() => Rope.Apply(new float[8], 1, 1, 8, new float[8], new float[8], 16));
        Assert.Throws<ArgumentException>(() => Rope.Apply(new float[8], 2, 1, 8, new float[4], new float[4], 8));
        Assert.Throws<ArgumentException>(() => Rope.Apply(new float[8], 1, 1, 8, new float[4], new float[3], 8));
    }
}
