using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Tensors;

/// <content>Eight blocks of Philox4x32-10 at once, one in each lane: the bits of <see cref="Block"/>.</content>
public readonly partial record struct CounterRandom
{
    private const int BlocksAtOnce = 8;

    /// <summary>Fills as many whole groups of 32 numbers as fit, from the first number of <paramref name="block"/> on.</summary>
    /// <returns>How many numbers were filled.</returns>
    private int FillEightBlocks(Span<float> to, float low, float width, ulong block)
    {
        Vector256<float> unit = Vector256.Create(1f / (1 << 24)), wide = Vector256.Create(width), least = Vector256.Create(low);
        ref float first = ref MemoryMarshal.GetReference(to);
        Span<uint> upper = stackalloc uint[BlocksAtOnce];
        int done = 0;
        for (; done + 32 <= to.Length; done += 32, block += BlocksAtOnce)
        {
            uint at = (uint)block;
            Vector256<uint> c0 = Vector256.Create(at) + Vector256<uint>.Indices;
            Vector256<uint> c1;
            if (at <= uint.MaxValue - (BlocksAtOnce - 1))
            {
                c1 = Vector256.Create((uint)(block >> 32));
            }
            else
            {
                for (int lane = 0; lane < BlocksAtOnce; lane++)
                {
                    upper[lane] = (uint)((block + (ulong)lane) >> 32);
                }
                c1 = Vector256.Create((ReadOnlySpan<uint>)upper);
            }
            Vector256<uint> c2 = Vector256.Create((uint)StreamId), c3 = Vector256.Create((uint)(StreamId >> 32));
            uint k0 = (uint)Seed, k1 = (uint)(Seed >> 32);
            for (int round = 0; round < 10; round++)
            {
                (Vector256<uint> high0, Vector256<uint> low0) = Product(c0, 0xD2511F53U);
                (Vector256<uint> high1, Vector256<uint> low1) = Product(c2, 0xCD9E8D57U);
                c0 = high1 ^ c1 ^ Vector256.Create(k0);
                c2 = high0 ^ c3 ^ Vector256.Create(k1);
                c1 = low1;
                c3 = low0;
                k0 += 0x9E3779B9U;
                k1 += 0xBB67AE85U;
            }
            // Lanes hold blocks and registers hold words: a 4 x 8 transpose puts the numbers in order.
            Vector256<ulong> a = Avx2.UnpackLow(c0, c1).AsUInt64(), b = Avx2.UnpackLow(c2, c3).AsUInt64();
            Vector256<ulong> c = Avx2.UnpackHigh(c0, c1).AsUInt64(), d = Avx2.UnpackHigh(c2, c3).AsUInt64();
            // Blocks (0, 4), (1, 5), (2, 6), (3, 7).
            Vector256<ulong> b04 = Avx2.UnpackLow(a, b), b15 = Avx2.UnpackHigh(a, b), b26 = Avx2.UnpackLow(c, d), b37 = Avx2.UnpackHigh(c, d);
            Store(Avx2.Permute2x128(b04, b15, 0x20), unit, wide, least, ref first, done);
            Store(Avx2.Permute2x128(b26, b37, 0x20), unit, wide, least, ref first, done + 8);
            Store(Avx2.Permute2x128(b04, b15, 0x31), unit, wide, least, ref first, done + 16);
            Store(Avx2.Permute2x128(b26, b37, 0x31), unit, wide, least, ref first, done + 24);
        }
        return done;
    }

    /// <summary>The upper and lower halves of the 64-bit products of each lane with a constant.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<uint> High, Vector256<uint> Low) Product(Vector256<uint> x, uint by)
    {
        Vector256<uint> factor = Vector256.Create(by);
        Vector256<ulong> even = Avx2.Multiply(x, factor);
        Vector256<ulong> odd = Avx2.Multiply(Avx2.ShiftRightLogical(x.AsUInt64(), 32).AsUInt32(), factor);
        Vector256<uint> high = Avx2.Blend(Avx2.ShiftRightLogical(even, 32).AsUInt32(), odd.AsUInt32(), 0xAA);
        Vector256<uint> low = Avx2.Blend(even.AsUInt32(), Avx2.ShiftLeftLogical(odd, 32).AsUInt32(), 0xAA);
        return (high, low);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<ulong> words, Vector256<float> unit, Vector256<float> wide, Vector256<float> least, ref float to, int at)
    {
        // 24 bits are exact as a signed integer and as a float.
        Vector256<float> u = Avx.ConvertToVector256Single(Avx2.ShiftRightLogical(words.AsUInt32(), 8).AsInt32()) * unit;
        Fma.MultiplyAdd(u, wide, least).StoreUnsafe(ref to, (nuint)at);
    }
}
