using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>Q4_0 in panels: header [blocks][16] halves; nibbles, 256 bytes for 32 inputs: 4.5 bits a weight, as in files.</summary>
/// <remarks>A file's byte j holds inputs j and j + 16; here input k shares a byte with k + 16 as well (steps s and s + 4), so that bytes move whole.</remarks>
internal readonly unsafe struct PanelsQ4_0 : IPanelFormat
{
    public static BlockFormat Format => BlockFormat.Q4_0;

    public static int CodeBytes => 256;

    public static int Groups => 1;

    public static bool Offsets => false;

    public static int ZeroShift => 3;

    public static bool Narrow => true;

    public static int HeaderBytes(int inputs) => inputs;

    public static bool Finite(byte* block) => HalfLanes.IsFinite(*(ushort*)block);

    public static void Pack(byte* block, int index, int lane, byte* panel, int inputs)
    {
        ((ushort*)panel)[(index * 16) + lane] = *(ushort*)block;
        NibblePanels.Put(block + 2, panel + HeaderBytes(inputs) + (index * CodeBytes), lane);
    }

    public static void Unpack(byte* panel, int inputs, int index, int lane, byte* block)
    {
        *(ushort*)block = ((ushort*)panel)[(index * 16) + lane];
        NibblePanels.Take(panel + HeaderBytes(inputs) + (index * CodeBytes), lane, block + 2);
    }

    public static void Scales(byte* panel, int inputs, int first, int blocks, float* scales, float* offsets) =>
        PanelsQ8_0.Scales(panel, inputs, first, blocks, scales, offsets);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Low(byte* codes, nint step, nint half) => NibblePanels.Low(codes, step, half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> High(byte* codes, nint step, nint half) => NibblePanels.High(codes, step, half);

    public static int Code(byte* codes, int lane, int k) => NibblePanels.Code(codes, lane, k);
}
