namespace Lorikeet.Kernels;

/// <summary>A table of numbers that codes stand for, and the code nearest to a number.</summary>
public sealed class CodeBook
{
    private readonly float[] values;
    private readonly float[] middles;
    private readonly byte[] order;

    /// <summary>Wraps a table.</summary>
    /// <param name="values">2 to 256 finite numbers, in any order.</param>
    /// <exception cref="ArgumentException">A number that is not finite, or too few or many of them.</exception>
    public CodeBook(ReadOnlySpan<float> values)
    {
        if (values.Length is < 2 or > 256)
        {
            throw new ArgumentException($"a code book has 2 to 256 numbers, found {values.Length}", nameof(values));
        }
        foreach (float value in values)
        {
            if (!float.IsFinite(value))
            {
                throw new ArgumentException($"a code book of finite numbers is expected, found {value}", nameof(values));
            }
        }
        this.values = values.ToArray();
        order = [.. Enumerable.Range(0, values.Length).OrderBy(i => this.values[i]).Select(i => (byte)i)];
        middles = new float[values.Length - 1];
        for (int i = 0; i < middles.Length; i++)
        {
            middles[i] = (this.values[order[i]] + this.values[order[i + 1]]) / 2;
        }
    }

    /// <summary>
    /// NF4: the 16 numbers of bitsandbytes, quantiles of a normal distribution with an exact zero. Source: Dettmers et al., QLoRA, arXiv 2305.14314, appendix E.
    /// </summary>
    public static CodeBook NF4 { get; } = new(
    [
        -1f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1f,
    ]);

    /// <summary>FP4 of bitsandbytes: sign, two exponent bits and a fraction, in twelfths: 0, 1/192, 8/12, 1, 4/12, 6/12, 2/12, 3/12 and their negatives.</summary>
    public static CodeBook FP4 { get; } = new(
    [
        0f, 0.0625f / 12, 8f / 12, 1f, 4f / 12, 6f / 12, 2f / 12, 3f / 12, 0f, -0.0625f / 12, -8f / 12, -1f, -4f / 12, -6f / 12, -2f / 12, -3f / 12,
    ]);

    /// <summary>
    /// The signed dynamic map of 8 bits with which bitsandbytes codes absolute maxima: seven decades, each with twice the fractions of the one below.
    /// Source: Dettmers, arXiv 1511.04561.
    /// </summary>
    public static CodeBook Dynamic8 { get; } = new(DynamicMap(signed: true));

    /// <summary>The dynamic map of 8 bits for numbers that are not negative (second moments): twice the fractions of each decade.</summary>
    public static CodeBook UnsignedDynamic8 { get; } = new(DynamicMap(signed: false));

    /// <summary>
    /// NormalFloat of any number of bits: quantiles of a normal distribution from -1 to 1, with an exact zero and one more positive number than negative ones.
    /// Source: Guo et al., LQ-LoRA, arXiv 2311.12023. <see cref="NF4"/> differs from 4 bits of it in the last place.
    /// </summary>
    /// <param name="bits">2 to 8.</param>
    public static CodeBook NormalFloat(int bits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 8);
        const double Outermost = 0.9677083;
        int half = 1 << (bits - 1);
        double largest = NormalQuantile.Of(Outermost);
        float[] values = new float[2 * half];
        for (int i = 0; i < half - 1; i++)
        {
            values[i] = (float)(NormalQuantile.Of(1 - Outermost + ((Outermost - 0.5) * i / (half - 1))) / largest);
        }
        for (int i = 0; i <= half; i++)
        {
            values[half - 1 + i] = (float)(NormalQuantile.Of(0.5 + ((Outermost - 0.5) * i / half)) / largest);
        }
        return new CodeBook(values);
    }

    /// <summary>The numbers, by code.</summary>
    public ReadOnlySpan<float> Values => values;

    /// <summary>The code nearest to a number; exactly between two, that of the lower number. NaN takes the code of the lowest.</summary>
    /// <param name="value">The number.</param>
    public byte Nearest(float value)
    {
        int low = 0, high = middles.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (value > middles[middle])
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        return order[low];
    }

    /// <summary>Codes of a block: each number over the block's absolute maximum, to the nearest.</summary>
    /// <param name="block">The numbers.</param>
    /// <param name="codes">Receives a code for each.</param>
    /// <returns>The absolute maximum, which <see cref="Restore"/> needs.</returns>
    public float Store(ReadOnlySpan<float> block, Span<byte> codes)
    {
        float largest = 0;
        foreach (float value in block)
        {
            largest = Math.Max(largest, Math.Abs(value));
        }
        // The product with the reciprocal, not a quotient: codes on a border depend on it.
        float inverse = largest == 0 ? 0 : 1 / largest;
        for (int i = 0; i < block.Length; i++)
        {
            codes[i] = Nearest(Math.Clamp(block[i] * inverse, -1f, 1f));
        }
        return largest;
    }

    /// <summary>Numbers of a block's codes: value of the code times the absolute maximum.</summary>
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

    private static float[] DynamicMap(bool signed)
    {
        const int Decades = 7;
        List<float> map = [0f, 1f];
        for (int i = 0; i < Decades; i++)
        {
            int bounds = (1 << (signed ? i : i + 1)) + 1;
            float step = (1f - 0.1f) / (bounds - 1), factor = (float)Math.Pow(10, i - Decades + 1);
            for (int j = 0; j + 1 < bounds; j++)
            {
                float mean = (Bound(j) + Bound(j + 1)) / 2;
                map.Add(factor * mean);
                if (signed)
                {
                    map.Add(-factor * mean);
                }
            }

            // From both ends to the middle, each in one rounding, as the table was made.
            float Bound(int j) => j < bounds / 2 ? MathF.FusedMultiplyAdd(step, j, 0.1f) : MathF.FusedMultiplyAdd(-step, bounds - 1 - j, 1f);
        }
        map.Sort();
        return [.. map];
    }
}
