using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>Finds scale and offset of groups: x is about scale * q - offset, q from 0 to most, scale and offset not negative.</summary>
/// <remarks>
/// For a row of trial scales around (largest - smallest) / most the codes are made, then the weighted least squares fit of scale and offset to
/// these codes; the fit of least error is kept. Idea, trial scales and order of summation are those of ggml's K formats (make_qkx2_quants), so
/// that nearly equal fits are decided as there.
/// </remarks>
/// <param name="most">The largest code.</param>
/// <param name="first">The trial scales divide the range by most + first, most + first + 0.1, ...</param>
/// <param name="steps">How many trials follow the first.</param>
/// <param name="absolute">The error is |difference|, else its square.</param>
internal readonly struct AffineSearch(int most, float first, int steps, bool absolute)
{
    /// <summary>Searches for eight groups.</summary>
    /// <param name="values">[n, 8].</param>
    /// <param name="weights">How much each value's error counts, [n, 8].</param>
    /// <param name="offset">What is taken from scale * q.</param>
    /// <returns>The scales; 0 where all values are equal and not positive, or too small for a scale.</returns>
    public Vector256<float> Find(ReadOnlySpan<Vector256<float>> values, ReadOnlySpan<Vector256<float>> weights, out Vector256<float> offset)
    {
        Vector256<float> smallest = values[0], largest = values[0], sumW = default, sumX = default;
        for (int i = 0; i < values.Length; i++)
        {
            smallest = EightGroups.Choose(Vector256.LessThan(values[i], smallest), values[i], smallest);
            largest = EightGroups.Choose(Vector256.GreaterThan(values[i], largest), values[i], largest);
            sumW += weights[i];
            sumX += weights[i] * values[i];
        }
        smallest = EightGroups.Choose(Vector256.GreaterThan(smallest, Vector256<float>.Zero), Vector256<float>.Zero, smallest);
        Vector256<float> range = largest - smallest, inverse = Vector256.Create((float)most) / range;
        // The largest of the trials must be a number too.
        Vector256<float> works = Vector256.GreaterThan(range, Vector256<float>.Zero)
            & EightGroups.Finite(Vector256.Create(most + Math.Abs(first) + (0.1f * steps)) / range);
        Vector256<float> scale = Vector256<float>.One / inverse, low = smallest;
        Vector256<float> least = Error(values, weights, inverse, smallest, scale, low);
        for (int step = 0; step <= steps; step++)
        {
            // From the best offset so far: the trial scales follow it.
            inverse = Vector256.Create(first + (0.1f * step) + most) / (largest - low);
            Vector256<float> sumL = default, sumLL = default, sumXL = default;
            for (int i = 0; i < values.Length; i++)
            {
                Vector256<float> code = Code(values[i], inverse, low), weighted = weights[i] * code;
                sumL += weighted;
                sumLL += weighted * code;
                sumXL += weighted * values[i];
            }
            Vector256<float> determinant = (sumW * sumLL) - (sumL * sumL);
            Vector256<float> fit = ((sumW * sumXL) - (sumX * sumL)) / determinant, fitLow = ((sumLL * sumX) - (sumL * sumXL)) / determinant;
            Vector256<float> above = Vector256.GreaterThan(fitLow, Vector256<float>.Zero);
            fit = EightGroups.Choose(above, sumXL / sumLL, fit);
            fitLow = EightGroups.Choose(above, Vector256<float>.Zero, fitLow);
            Vector256<float> error = Error(values, weights, inverse, low, fit, fitLow);
            Vector256<float> better = Vector256.GreaterThan(determinant, Vector256<float>.Zero) & Vector256.LessThan(error, least);
            least = EightGroups.Choose(better, error, least);
            scale = EightGroups.Choose(better, fit, scale);
            low = EightGroups.Choose(better, fitLow, low);
        }
        offset = -EightGroups.Choose(works, low, smallest);
        return scale & works;
    }

    private Vector256<float> Error(
        ReadOnlySpan<Vector256<float>> values, ReadOnlySpan<Vector256<float>> weights, Vector256<float> inverse, Vector256<float> from,
        Vector256<float> scale, Vector256<float> low)
    {
        Vector256<float> sum = default;
        for (int i = 0; i < values.Length; i++)
        {
            Vector256<float> difference = (scale * Code(values[i], inverse, from)) + low - values[i];
            sum += weights[i] * (absolute ? Vector256.Abs(difference) : difference * difference);
        }
        return sum;
    }

    private Vector256<float> Code(Vector256<float> x, Vector256<float> inverse, Vector256<float> from) =>
        Vector256.Min(Vector256.Max(Vector256.Round(inverse * (x - from)), Vector256<float>.Zero), Vector256.Create((float)most));
}
