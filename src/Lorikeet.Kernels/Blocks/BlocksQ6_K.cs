using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>Q6_K: 16 groups of 16 values; 128 bytes of low nibbles, 64 bytes of upper 2 bits, 16 signed scales, half d; d sc (q - 32).</summary>
internal sealed class BlocksQ6_K() : BlockFormat("Q6_K", 14, 256, 210)
{
    private const int Groups = 16, High = 128, Scales = 192, D = 208;

    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        Span<float> scales = stackalloc float[Groups];
        Span<Vector256<float>> values = stackalloc Vector256<float>[16];
        for (int half = 0; half < 2; half++)
        {
            EightGroups.Load(from.Slice(128 * half, 128), values);
            SignedSearch.Try(values, 32).CopyTo(scales[(8 * half)..]);
        }
        to.Clear();
        float peak = BlockCodes.Peak(scales);
        if (!(Math.Abs(peak) >= SignedSearch.Nothing))
        {
            return;
        }
        float inverse = -128 / peak;
        float d = Halves.Write(to[D..], 1 / inverse);
        Span<byte> codes = stackalloc byte[256];
        for (int g = 0; g < Groups; g++)
        {
            sbyte scale = (sbyte)Math.Clamp(MathF.Round(inverse * scales[g]), -128, 127);
            to[Scales + g] = (byte)scale;
            float own = d * scale;
            for (int i = 16 * g; i < 16 * (g + 1); i++)
            {
                codes[i] = own == 0 ? (byte)32 : (byte)(32 + Math.Clamp(MathF.Round(from[i] / own), -32, 31));
            }
        }
        for (int a = 0; a < 2; a++)
        {
            for (int l = 0; l < 32; l++)
            {
                ReadOnlySpan<byte> q = codes[((128 * a) + l)..];
                to[(64 * a) + l] = (byte)((q[0] & 15) | (q[64] << 4));
                to[(64 * a) + 32 + l] = (byte)((q[32] & 15) | (q[96] << 4));
                to[High + (32 * a) + l] = (byte)((q[0] >> 4) | (q[32] >> 4 << 2) | (q[64] >> 4 << 4) | (q[96] >> 4 << 6));
            }
        }
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float d = Halves.Read(from[D..]);
        for (int part = 0; part < 8; part++)
        {
            int a = part / 4, quarter = part % 4;
            ReadOnlySpan<byte> low = from.Slice((64 * a) + (quarter % 2 * 32), 32), high = from.Slice(High + (32 * a), 32);
            Span<float> own = to.Slice(32 * part, 32);
            int shift = quarter / 2 * 4;
            for (int i = 0; i < own.Length; i++)
            {
                float scale = d * (sbyte)from[Scales + (2 * part) + (i / 16)];
                own[i] = scale * ((((low[i] >> shift) & 15) | (((high[i] >> (2 * quarter)) & 3) << 4)) - 32);
            }
        }
    }
}
