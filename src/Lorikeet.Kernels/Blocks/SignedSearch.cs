using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>Finds the scale of a group: x is about scale * q, q from -most to most - 1. Errors count by the square of the value.</summary>
/// <remarks>The ideas are those of ggml's Q6_K and Q3_K (make_qx_quants, make_q3_quants): least squares fits to trial codes.</remarks>
internal static class SignedSearch
{
    /// <summary>Below it a group counts as zero.</summary>
    public const float Nothing = 1e-15f;

    /// <summary>Tries scales around peak / -most and keeps the fit that explains most, for eight groups.</summary>
    /// <param name="values">[n, 8].</param>
    /// <param name="most">One more than the largest code.</param>
    public static Vector256<float> Try(ReadOnlySpan<Vector256<float>> values, int most)
    {
        Vector256<float> peak = default, magnitude = default;
        foreach (Vector256<float> value in values)
        {
            Vector256<float> own = Vector256.Abs(value), above = Vector256.GreaterThan(own, magnitude);
            magnitude = EightGroups.Choose(above, own, magnitude);
            peak = EightGroups.Choose(above, value, peak);
        }
        Vector256<float> scale = default, best = default;
        // The first trial is the plain one; it counts even where it explains nothing.
        for (int trial = 0; trial <= 19; trial++)
        {
            float step = trial == 0 ? 0 : 0.1f * (trial - 10);
            Vector256<float> inverse = Vector256.Create(-(most + step)) / peak, xl = default, ll = default;
            foreach (Vector256<float> x in values)
            {
                Vector256<float> l = Vector256.Min(
                    Vector256.Max(Vector256.Round(inverse * x), Vector256.Create((float)-most)), Vector256.Create((float)(most - 1)));
                Vector256<float> w = x * x;
                xl += w * x * l;
                ll += w * l * l;
            }
            Vector256<float> fit = xl / ll;
            Vector256<float> better = Vector256.GreaterThan(ll, Vector256<float>.Zero)
                & (trial == 0 ? Vector256<float>.AllBitsSet : Vector256.GreaterThan(xl * xl, best * ll));
            scale = EightGroups.Choose(better, fit, scale);
            best = EightGroups.Choose(better, fit * xl, best);
        }
        return scale & Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(Nothing));
    }

    /// <summary>Starts from peak / -most and changes one code at a time while that explains more.</summary>
    /// <param name="values">The group: at most 32 values.</param>
    /// <param name="most">One more than the largest code.</param>
    public static float Refine(ReadOnlySpan<float> values, int most)
    {
        const int Passes = 5;
        float peak = BlockCodes.Peak(values);
        if (!(Math.Abs(peak) >= Nothing))
        {
            return 0;
        }
        Span<float> codes = stackalloc float[32];
        float sumXL = 0, sumLL = 0;
        for (int i = 0; i < values.Length; i++)
        {
            float x = values[i], w = x * x, l = Code(-most / peak * x, most);
            codes[i] = l;
            sumXL += w * x * l;
            sumLL += w * l * l;
        }
        bool changed = true;
        for (int pass = 0; pass < Passes && changed; pass++)
        {
            changed = false;
            for (int i = 0; i < values.Length; i++)
            {
                float x = values[i], w = x * x, l = codes[i];
                // The fit without this value says which code it should have.
                float restXL = sumXL - (w * x * l), restLL = sumLL - (w * l * l);
                float better = restXL > 0 ? Code(x * restLL / restXL, most) : l;
                if (better == l)
                {
                    continue;
                }
                restXL += w * x * better;
                restLL += w * better * better;
                if (restLL > 0 && restXL * restXL * sumLL > sumXL * sumXL * restLL)
                {
                    (codes[i], sumXL, sumLL, changed) = (better, restXL, restLL, true);
                }
            }
        }
        return sumLL > 0 ? sumXL / sumLL : 0;
    }

    private static float Code(float x, int most) => Math.Clamp(MathF.Round(x), -most, most - 1);
}
