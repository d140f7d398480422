using System.Runtime.InteropServices;

namespace Lorikeet.Kernels;

/// <summary>Q8_0: half d, 32 signed bytes; d q. d = largest |x| / 127, q = x / d rounded, halves away from zero.</summary>
internal sealed class BlocksQ8_0() : BlockFormat("Q8_0", 8, 32, 34)
{
    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        float scale = Math.Abs(BlockCodes.Peak(from)) / 127;
        float inverse = BlockCodes.Inverse(scale);
        Halves.Write(to, scale);
        Span<sbyte> codes = MemoryMarshal.Cast<byte, sbyte>(to[2..]);
        for (int i = 0; i < codes.Length; i++)
        {
            // The codes are those of the float32 scale; the stored one is its half, so they differ a little.
            float product = from[i] * inverse;
            codes[i] = float.IsFinite(product) ? (sbyte)Math.Clamp(MathF.Round(product, MidpointRounding.AwayFromZero), -127, 127) : (sbyte)0;
        }
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float scale = Halves.Read(from);
        ReadOnlySpan<sbyte> codes = MemoryMarshal.Cast<byte, sbyte>(from[2..]);
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = codes[i] * scale;
        }
    }
}
