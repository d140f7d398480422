using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>The uneven steps of the IQ4 formats: 16 values, closer near zero, and the search for a group's scale.</summary>
internal static class CurvedCodes
{
    /// <summary>The values of the codes.</summary>
    public static ReadOnlySpan<sbyte> Table => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>The scale of 32 values by least squares, errors counting by the square of the value.</summary>
    /// <param name="values">32 values.</param>
    /// <param name="tries">0: the peak is code 0, codes as they fall; else scales with the peak at -127 - tries to -127 + tries.</param>
    /// <param name="codes">Receives the codes of the first trial.</param>
    public static float Find(ReadOnlySpan<float> values, int tries, Span<byte> codes)
    {
        float peak = BlockCodes.Peak(values);
        if (!(Math.Abs(peak) >= SignedSearch.Nothing))
        {
            codes.Clear();
            return 0;
        }
        // With several trials the first puts the peak at +127, beyond the table's end of 113, as ggml does.
        float first = 1 / (peak / (tries > 0 ? 127 : -127));
        Encode(values, first, codes);
        float scale = Fit(values, first, out float best);
        for (int step = -tries; step <= tries && tries > 0; step++)
        {
            float fit = Fit(values, (step - 127) / peak, out float explained);
            if (explained > best)
            {
                (scale, best) = (fit, explained);
            }
        }
        return scale;
    }

    /// <summary>The nearest code of each value times <paramref name="inverse"/>; halfway the higher.</summary>
    public static void Encode(ReadOnlySpan<float> values, float inverse, Span<byte> codes)
    {
        ReadOnlySpan<sbyte> table = Table;
        for (int i = 0; i < values.Length; i++)
        {
            float x = values[i] * inverse;
            int code = 0;
            for (int t = 1; t < table.Length; t++)
            {
                code += x >= (table[t - 1] + table[t]) * 0.5f ? 1 : 0;
            }
            codes[i] = (byte)code;
        }
    }

    private static float Fit(ReadOnlySpan<float> values, float inverse, out float explained)
    {
        ReadOnlySpan<sbyte> table = Table;
        float qx = 0, qq = 0;
        for (int i = 0; i < values.Length; i += 8)
        {
            Vector256<float> x = Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(values), (nuint)i), scaled = x * inverse;
            Vector256<float> q = Vector256.Create((float)table[0]);
            for (int t = 1; t < table.Length; t++)
            {
                Vector256<float> above = Vector256.GreaterThanOrEqual(scaled, Vector256.Create((table[t - 1] + table[t]) * 0.5f));
                q += above & Vector256.Create((float)(table[t] - table[t - 1]));
            }
            Vector256<float> weighted = x * x * q;
            Vector256<float> qxs = weighted * x, qqs = weighted * q;
            for (int lane = 0; lane < 8; lane++)
            {
                qx += qxs[lane];
                qq += qqs[lane];
            }
        }
        float scale = qq > 0 ? qx / qq : 0;
        explained = scale * qx;
        return scale;
    }
}
