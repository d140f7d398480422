using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>Q8_0 in panels: header [blocks][16] halves; codes are the signed bytes plus 128, 512 bytes for 32 inputs: 8.5 bits a weight, as in files.</summary>
internal readonly unsafe struct PanelsQ8_0 : IPanelFormat
{
    public static BlockFormat Format => BlockFormat.Q8_0;

    public static int CodeBytes => 512;

    public static int Groups => 1;

    public static bool Offsets => false;

    public static int ZeroShift => 7;

    public static bool Narrow => false;

    public static int HeaderBytes(int inputs) => inputs;

    public static bool Finite(byte* block) => HalfLanes.IsFinite(*(ushort*)block);

    public static void Pack(byte* block, int index, int lane, byte* panel, int inputs)
    {
        ((ushort*)panel)[(index * 16) + lane] = *(ushort*)block;
        byte* codes = Codes(panel, inputs, index, lane);
        for (int k = 0; k < 32; k++)
        {
            codes[(k / 4 * 64) + (k % 4)] = (byte)(block[2 + k] ^ 0x80);
        }
    }

    public static void Unpack(byte* panel, int inputs, int index, int lane, byte* block)
    {
        *(ushort*)block = ((ushort*)panel)[(index * 16) + lane];
        byte* codes = Codes(panel, inputs, index, lane);
        for (int k = 0; k < 32; k++)
        {
            block[2 + k] = (byte)(codes[(k / 4 * 64) + (k % 4)] ^ 0x80);
        }
    }

    public static void Scales(byte* panel, int inputs, int first, int blocks, float* scales, float* offsets)
    {
        ushort* halves = (ushort*)panel + (first * 16);
        for (int i = 0; i < blocks * 16; i += 8)
        {
            HalfLanes.Single(halves + i).Store(scales + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Low(byte* codes, nint step, nint half) => Vector256.Load(codes + (64 * step) + half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> High(byte* codes, nint step, nint half) => Vector256.Load(codes + 256 + (64 * step) + half);

    public static int Code(byte* codes, int lane, int k) => codes[(k / 4 * 64) + (lane * 4) + (k % 4)];

    private static byte* Codes(byte* panel, int inputs, int index, int lane) => panel + HeaderBytes(inputs) + (index * CodeBytes) + (lane * 4);
}
