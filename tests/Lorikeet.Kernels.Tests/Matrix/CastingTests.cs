using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels.Tests;

public unsafe class CastingTests
{
    [Fact]
    public void Every_half_widens_in_512_bits_as_it_does_alone()
    {
        if (!KernelPath.Available.Contains(KernelVariant.Avx512))
        {
            return;
        }
        for (int first = 0; first < 65536; first += 16)
        {
            // One number in each upper half, other bits below: they must not matter.
            Vector512<float> wide = CastingAvx512.HalfToSingle((Vector512.Create(first) + Vector512<int>.Indices) * 0x10000 + Vector512.Create(0xABCD));
            for (int lane = 0; lane < 16; lane++)
            {
                float expected = CastingScalar.Widen((ushort)(first + lane), ElementType.F16);
                float found = wide.GetElement(lane);
                Assert.True(
                    BitConverter.SingleToUInt32Bits(expected) == BitConverter.SingleToUInt32Bits(found) || (float.IsNaN(expected) && float.IsNaN(found)),
                    $"{first + lane:X4}: {found:R}, expected {expected:R}");
            }
        }
    }

    [Theory]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.F16)]
    public void Every_half_widens_exactly_and_narrows_back_to_itself(ElementType type)
    {
        ushort[] all = [.. Enumerable.Range(0, 65536).Select(bits => (ushort)bits)];
        foreach (KernelVariant variant in KernelPath.Available)
        {
            float[] wide = new float[all.Length];
            ushort[] back = new ushort[all.Length];
            fixed (ushort* from = all)
            fixed (float* to = wide)
            fixed (ushort* again = back)
            {
                if (variant == KernelVariant.Avx2)
                {
                    CastingAvx2.Widen(from, type, to, all.Length);
                    CastingAvx2.Narrow(to, type, again, all.Length);
                }
                else
                {
                    CastingScalar.Widen(from, type, to, all.Length);
                    CastingScalar.Narrow(to, type, again, all.Length);
                }
            }
            for (int i = 0; i < all.Length; i++)
            {
                float expected = type == ElementType.F16 ? (float)BitConverter.UInt16BitsToHalf(all[i]) : BitConverter.UInt32BitsToSingle((uint)i << 16);
                if (float.IsNaN(expected))
                {
                    Assert.True(float.IsNaN(wide[i]) && IsNaN(back[i], type), $"{variant} {type} {i:X4}");
                }
                else
                {
                    Assert.True(BitConverter.SingleToUInt32Bits(expected) == BitConverter.SingleToUInt32Bits(wide[i]), $"{variant} {type} {i:X4}: {wide[i]:R}");
                    Assert.Equal(all[i], back[i]);
                }
            }
        }
    }

    // Every pattern of the upper 20 bits with lower bits around the ties, so that each rounding case of each exponent comes up.
    [Theory]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.F16)]
    public void Narrowing_rounds_to_the_nearest_and_ties_to_even(ElementType type)
    {
        uint[] lower = [0x000, 0x001, 0x7FF, 0x800, 0x801, 0xFFF];
        float[] values = new float[4096 * lower.Length];
        ushort[] narrowed = new ushort[values.Length];
        for (uint high = 0; high < 0x100000; high += 4096)
        {
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = BitConverter.UInt32BitsToSingle(((high + (uint)(i / lower.Length)) << 12) | lower[i % lower.Length]);
            }
            foreach (KernelVariant variant in KernelPath.Available)
            {
                fixed (float* from = values)
                fixed (ushort* to = narrowed)
                {
                    if (variant == KernelVariant.Avx2)
                    {
                        CastingAvx2.Narrow(from, type, to, values.Length);
                    }
                    else
                    {
                        CastingScalar.Narrow(from, type, to, values.Length);
                    }
                }
                for (int i = 0; i < values.Length; i++)
                {
                    bool right = float.IsNaN(values[i]) ? IsNaN(narrowed[i], type) : narrowed[i] == Nearest(values[i], type);
                    Assert.True(right, $"{variant} {type} {BitConverter.SingleToUInt32Bits(values[i]):X8} became {narrowed[i]:X4}");
                }
            }
        }
    }

    [Fact]
    public void Any_length_and_no_byte_beyond()
    {
        for (int count = 0; count < 40; count++)
        {
            float[] values = MatrixData.Numbers(count, count);
            foreach (ElementType type in MatrixData.Types)
            {
                using BoundedMemory<float> wide = new(count);
                using BoundedMemory<byte> stored = new(count * type.Size());
                values.CopyTo(wide.Span);
                Casting.FromSingle(wide.Span, type, stored.Span);
                Casting.ToSingle(stored.Span, type, wide.Span);
                for (int i = 0; i < count; i++)
                {
                    Assert.Equal(type == ElementType.F32 ? values[i] : CastingScalar.Widen(Nearest(values[i], type), type), wide.Span[i]);
                }
            }
        }
        Assert.Throws<ArgumentException>(() => Casting.ToSingle(new byte[5], ElementType.BF16, new float[3]));
        Assert.Throws<ArgumentException>(() => Casting.FromSingle(new float[3], ElementType.F32, new byte[11]));
    }

    // The oracle: of the two neighbours in double, the nearer; of two equally near, the even one.
    private static ushort Nearest(float value, ElementType type)
    {
        if (type == ElementType.F16)
        {
            return BitConverter.HalfToUInt16Bits((Half)value);
        }
        uint bits = BitConverter.SingleToUInt32Bits(value);
        ushort below = (ushort)(bits >> 16);
        if (float.IsInfinity(value))
        {
            return below;
        }
        ushort above = (ushort)(below + 1);
        double toBelow = Math.Abs((double)value - Exact(below));
        double toAbove = Math.Abs(Exact(above) - (double)value);
        return toBelow < toAbove || (toBelow == toAbove && (below & 1) == 0) ? below : above;
    }

    // A bfloat16's value; past the largest, the value its exponent would have: rounding treats an infinity as the next number.
    private static double Exact(ushort bits) => (bits & 0x7FFF) == 0x7F80
        ? (bits >> 15 == 0 ? 1 : -1) * Math.ScaleB(1.0, 128)
        : BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private static bool IsNaN(ushort bits, ElementType type) => float.IsNaN(CastingScalar.Widen(bits, type));
}
