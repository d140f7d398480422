using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>Scales and offsets of the groups of a K block: codes of one common scale each, and for Q4_K and Q5_K their 12 bytes.</summary>
internal static class SixBitScales
{
    /// <summary>Bytes of 8 scales and 8 offsets of 6 bits.</summary>
    public const int Bytes = 12;

    private const int Groups = 8, Most = 63;

    /// <summary>A scale or offset as a share of the largest, from 0 to <paramref name="most"/>.</summary>
    public static int Code(float value, float largest, int most)
    {
        float inverse = largest > 0 ? most / largest : 0;
        return float.IsFinite(inverse) ? (int)Math.Clamp(MathF.Round(inverse * value), 0, most) : 0;
    }

    /// <summary>The codes of a group for its final scale and offset.</summary>
    public static void Encode(ReadOnlySpan<float> values, float scale, float offset, int most, Span<byte> codes)
    {
        for (int i = 0; i < values.Length; i++)
        {
            codes[i] = scale == 0 ? (byte)0 : (byte)Math.Clamp(MathF.Round((values[i] + offset) / scale), 0, most);
        }
    }

    /// <summary>Searches the scales of 8 groups of 32 values, writes d, dmin and the 12 bytes, and gives the codes.</summary>
    public static void Quantise(ReadOnlySpan<float> from, in AffineSearch search, int most, Span<byte> to, Span<byte> codes)
    {
        Span<Vector256<float>> values = stackalloc Vector256<float>[32], weights = stackalloc Vector256<float>[32];
        EightGroups.Load(from, values);
        Vector256<float> squares = default;
        foreach (Vector256<float> x in values)
        {
            squares += x * x;
        }
        Vector256<float> usual = Vector256.Sqrt(squares / 32);
        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = usual + Vector256.Abs(values[i]);
        }
        Vector256<float> scales = search.Find(values, weights, out Vector256<float> offsets);
        float largestScale = Largest(scales), largestOffset = Largest(offsets);
        float d = Halves.Write(to, largestScale / Most), dmin = Halves.Write(to[2..], largestOffset / Most);
        Span<byte> packed = to.Slice(4, Bytes);
        packed.Clear();
        for (int g = 0; g < Groups; g++)
        {
            int scale = Code(scales[g], largestScale, Most), offset = Code(offsets[g], largestOffset, Most);
            Put(packed, g, scale, offset);
            Encode(from.Slice(32 * g, 32), d * scale, dmin * offset, most, codes.Slice(32 * g, 32));
        }
    }

    /// <summary>The largest of eight numbers, or 0.</summary>
    public static float Largest(Vector256<float> values)
    {
        float largest = 0;
        for (int i = 0; i < 8; i++)
        {
            largest = Math.Max(largest, values[i]);
        }
        return largest;
    }

    /// <summary>Scale and offset of a group from the 12 bytes.</summary>
    public static (int Scale, int Offset) Get(ReadOnlySpan<byte> packed, int group) => group < 4
        ? (packed[group] & 63, packed[group + 4] & 63)
        : ((packed[group + 4] & 15) | (packed[group - 4] >> 6 << 4), (packed[group + 4] >> 4) | (packed[group] >> 6 << 4));

    /// <summary>Writes scale and offset of a group into the 12 bytes, which start as zeros; groups in order.</summary>
    public static void Put(Span<byte> packed, int group, int scale, int offset)
    {
        if (group < 4)
        {
            packed[group] = (byte)scale;
            packed[group + 4] = (byte)offset;
        }
        else
        {
            packed[group + 4] = (byte)((scale & 15) | ((offset & 15) << 4));
            packed[group - 4] |= (byte)(scale >> 4 << 6);
            packed[group] |= (byte)(offset >> 4 << 6);
        }
    }
}
