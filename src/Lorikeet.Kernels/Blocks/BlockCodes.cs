namespace Lorikeet.Kernels;

/// <summary>The codes of the simple formats (Q4_0 to Q5_1): one scale, and perhaps one offset, a block.</summary>
internal static class BlockCodes
{
    /// <summary>1 / scale, or 0 for a scale of 0.</summary>
    public static float Inverse(float scale) => scale == 0 ? 0 : 1 / scale;

    /// <summary>The value of largest magnitude with its sign, the first if several.</summary>
    public static float Peak(ReadOnlySpan<float> values)
    {
        float peak = 0, magnitude = 0;
        foreach (float value in values)
        {
            float own = Math.Abs(value);
            if (own > magnitude)
            {
                (peak, magnitude) = (value, own);
            }
        }
        return peak;
    }

    /// <summary>q = min(most, trunc((x - offset) * inverse + shift)): each step rounded to float32; what is not finite is 0.</summary>
    /// <remarks>The sum is formed before it is rounded down, not x * inverse rounded to nearest: exact ties differ.</remarks>
    public static void Make(ReadOnlySpan<float> values, float offset, float inverse, float shift, int most, Span<byte> codes)
    {
        for (int i = 0; i < values.Length; i++)
        {
            float product = (values[i] - offset) * inverse;
            float sum = product + shift;
            codes[i] = float.IsFinite(sum) ? (byte)Math.Clamp((int)sum, 0, most) : (byte)0;
        }
    }

    /// <summary>Smallest and largest value, the first if several: a zero keeps its sign.</summary>
    public static (float Smallest, float Largest) Range(ReadOnlySpan<float> values)
    {
        float smallest = values[0], largest = values[0];
        foreach (float value in values[1..])
        {
            smallest = value < smallest ? value : smallest;
            largest = value > largest ? value : largest;
        }
        return (smallest, largest);
    }
}
