using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>Four-bit codes of 32 inputs and 16 outputs in 256 bytes: byte [j / 4][output][j % 4] holds inputs j (low nibble) and j + 16 (high).</summary>
internal static unsafe class NibblePanels
{
    /// <summary>Puts 16 bytes of one output, byte j with inputs j and j + 16, into their places.</summary>
    public static void Put(byte* from, byte* codes, int lane)
    {
        for (int j = 0; j < 16; j++)
        {
            codes[(j / 4 * 64) + (lane * 4) + (j % 4)] = from[j];
        }
    }

    /// <summary>The reverse of <see cref="Put"/>.</summary>
    public static void Take(byte* codes, int lane, byte* to)
    {
        for (int j = 0; j < 16; j++)
        {
            to[j] = codes[(j / 4 * 64) + (lane * 4) + (j % 4)];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Low(byte* codes, nint step, nint half) => Vector256.Load(codes + (64 * step) + half) & Vector256.Create((byte)15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> High(byte* codes, nint step, nint half) =>
        Vector256.ShiftRightLogical(Vector256.Load(codes + (64 * step) + half).AsUInt16(), 4).AsByte() & Vector256.Create((byte)15);

    public static int Code(byte* codes, int lane, int k)
    {
        byte two = codes[(k % 16 / 4 * 64) + (lane * 4) + (k % 4)];
        return k < 16 ? two & 15 : two >> 4;
    }
}
