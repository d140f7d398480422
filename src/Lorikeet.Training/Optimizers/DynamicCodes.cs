namespace Lorikeet.Training;

/// <summary>The 256 values of the dynamic 8-bit code, and blocks of numbers stored in it.</summary>
/// <remarks>
/// Values: for i = 0..6 the midpoints of linspace(0.1, 1, 2^i + 1) (unsigned: 2^(i+1) + 1) times 10^(i-6), with both signs in the signed code, and 0 and 1.
/// A block is divided by its largest magnitude; each number takes the nearest value. Source: Dettmers et al., arXiv 2110.02861, section 2.1, as in bitsandbytes.
/// </remarks>
public sealed class DynamicCodes
{
    private readonly float[] values;
    private readonly float[] borders;

    private DynamicCodes(bool signed)
    {
        List<float> all = [0f, 1f];
        for (int i = 0; i < 7; i++)
        {
            int parts = 1 << (signed ? i : i + 1);
            float scale = (float)Math.Pow(10, i - 6), width = (1f - 0.1f) / parts;
            for (int j = 0; j < parts; j++)
            {
                float value = (Point(j, parts, width) + Point(j + 1, parts, width)) / 2f * scale;
                all.Add(value);
                if (signed)
                {
                    all.Add(-value);
                }
            }
        }
        all.Sort();
        values = [.. all];
        borders = new float[values.Length - 1];
        for (int i = 0; i < borders.Length; i++)
        {
            borders[i] = (float)(((double)values[i] + values[i + 1]) / 2);
        }
    }

    // In float32, fused and from both ends, as PyTorch's linspace counts: the values are equal to the last bit.
    private static float Point(int number, int parts, float width) =>
        number < (parts + 1) / 2 ? MathF.FusedMultiplyAdd(width, number, 0.1f) : MathF.FusedMultiplyAdd(-width, parts - number, 1f);

    /// <summary>The code of numbers of both signs; 0 has code 127.</summary>
    public static DynamicCodes Signed { get; } = new(signed: true);

    /// <summary>The code of numbers that are not negative; 0 has code 0.</summary>
    public static DynamicCodes Unsigned { get; } = new(signed: false);

    /// <summary>The values, ascending, [256].</summary>
    public ReadOnlySpan<float> Values => values;

    /// <summary>Stores one block.</summary>
    /// <param name="block">The numbers.</param>
    /// <param name="codes">Receives a byte for each.</param>
    /// <returns>The block's largest magnitude, which <see cref="Restore"/> needs.</returns>
    public float Store(ReadOnlySpan<float> block, Span<byte> codes)
    {
        float largest = 0;
        foreach (float value in block)
        {
            largest = MathF.Max(largest, MathF.Abs(value));
        }
        if (largest == 0)
        {
            codes[..block.Length].Fill(Code(0));
            return 0;
        }
        for (int i = 0; i < block.Length; i++)
        {
            codes[i] = Code(block[i] / largest);
        }
        return largest;
    }

    /// <summary>Brings one block back: value of the code times the block's largest magnitude.</summary>
    /// <param name="codes">The codes.</param>
    /// <param name="largest">What <see cref="Store"/> returned.</param>
    /// <param name="block">Receives the numbers.</param>
    public void Restore(ReadOnlySpan<byte> codes, float largest, Span<float> block)
    {
        for (int i = 0; i < codes.Length; i++)
        {
            block[i] = values[codes[i]] * largest;
        }
    }

    // The number of borders that lie below: eight halvings.
    private byte Code(float share)
    {
        int low = 0;
        for (int step = 128; step > 0; step >>= 1)
        {
            int at = low + step - 1;
            low = at < borders.Length && borders[at] < share ? low + step : low;
        }
        return (byte)low;
    }
}
