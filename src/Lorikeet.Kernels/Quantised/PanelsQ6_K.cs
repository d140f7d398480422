using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>
/// Q6_K in panels: for each 256 inputs a header of [16] halves d and [16 groups][16] signed scales; for 32 inputs 256 bytes of low nibbles as in Q4_0 and
/// 128 bytes of the two high bits (byte [k / 16][output][k % 4], bits 2 (k / 4 % 4)): 6.5625 bits a weight, as in files.
/// </summary>
internal readonly unsafe struct PanelsQ6_K : IPanelFormat
{
    private const int Super = 256, SuperHeader = 288, FileHigh = 128, FileScales = 192, FileD = 208;

    public static BlockFormat Format => BlockFormat.Q6_K;

    public static int CodeBytes => 384;

    public static int Groups => 2;

    public static bool Offsets => false;

    public static int ZeroShift => 5;

    public static bool Narrow => false;

    public static int HeaderBytes(int inputs) => inputs / Super * SuperHeader;

    public static bool Finite(byte* block) => HalfLanes.IsFinite(*(ushort*)(block + FileD));

    public static void Pack(byte* block, int index, int lane, byte* panel, int inputs)
    {
        byte* header = panel + (index * SuperHeader);
        ((ushort*)header)[lane] = *(ushort*)(block + FileD);
        for (int g = 0; g < 16; g++)
        {
            header[32 + (g * 16) + lane] = block[FileScales + g];
        }
        byte* nibbles = stackalloc byte[16], high = stackalloc byte[32];
        for (int b = 0; b < 8; b++)
        {
            // A file's halves of 128 values are four quarters of 32: quarter q is this block.
            int half = b / 4, quarter = b % 4;
            byte* low = block + (half * 64) + (quarter % 2 * 32);
            byte* file = block + FileHigh + (half * 32);
            int shift = quarter / 2 * 4;
            for (int j = 0; j < 16; j++)
            {
                nibbles[j] = (byte)(((low[j] >> shift) & 15) | (((low[16 + j] >> shift) & 15) << 4));
            }
            for (int j = 0; j < 32; j++)
            {
                high[j] = (byte)((file[j] >> (2 * quarter)) & 3);
            }
            byte* codes = Codes(panel, inputs, index, b);
            NibblePanels.Put(nibbles, codes, lane);
            for (int j = 0; j < 4; j++)
            {
                codes[256 + (lane * 4) + j] = Crumbs(high + j);
                codes[320 + (lane * 4) + j] = Crumbs(high + 16 + j);
            }
        }
    }

    public static void Unpack(byte* panel, int inputs, int index, int lane, byte* block)
    {
        byte* header = panel + (index * SuperHeader);
        new Span<byte>(block, FileScales).Clear();
        *(ushort*)(block + FileD) = ((ushort*)header)[lane];
        for (int g = 0; g < 16; g++)
        {
            block[FileScales + g] = header[32 + (g * 16) + lane];
        }
        byte* nibbles = stackalloc byte[16];
        for (int b = 0; b < 8; b++)
        {
            int half = b / 4, quarter = b % 4;
            byte* low = block + (half * 64) + (quarter % 2 * 32);
            byte* file = block + FileHigh + (half * 32);
            int shift = quarter / 2 * 4;
            byte* codes = Codes(panel, inputs, index, b);
            NibblePanels.Take(codes, lane, nibbles);
            for (int j = 0; j < 16; j++)
            {
                low[j] |= (byte)((nibbles[j] & 15) << shift);
                low[16 + j] |= (byte)(nibbles[j] >> 4 << shift);
            }
            for (int k = 0; k < 32; k++)
            {
                file[k] |= (byte)(High(codes, lane, k) << (2 * quarter));
            }
        }
    }

    public static void Scales(byte* panel, int inputs, int first, int blocks, float* scales, float* offsets)
    {
        for (int b = first; b < first + blocks; b++, scales += 32)
        {
            byte* header = panel + (b / 8 * SuperHeader);
            sbyte* codes = (sbyte*)header + 32 + (b % 8 * 32);
            for (int l = 0; l < 16; l += 8)
            {
                Vector256<float> d = HalfLanes.Single((ushort*)header + l);
                (d * HalfLanes.Single(codes + l)).Store(scales + l);
                (d * HalfLanes.Single(codes + 16 + l)).Store(scales + 16 + l);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Low(byte* codes, nint step, nint half) => NibblePanels.Low(codes, step, half) | High(codes + 256 + half, step);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> High(byte* codes, nint step, nint half) => NibblePanels.High(codes, step, half) | High(codes + 320 + half, step);

    public static int Code(byte* codes, int lane, int k) => NibblePanels.Code(codes, lane, k) | (High(codes, lane, k) << 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> High(byte* crumbs, nint step) =>
        Vector256.ShiftLeft(Vector256.ShiftRightLogical(Vector256.Load(crumbs).AsUInt16(), 2 * (int)step), 4).AsByte() & Vector256.Create((byte)0x30);

    private static int High(byte* codes, int lane, int k) => (codes[256 + (k / 16 * 64) + (lane * 4) + (k % 4)] >> (2 * (k / 4 % 4))) & 3;

    private static byte Crumbs(byte* four) => (byte)(four[0] | (four[4] << 2) | (four[8] << 4) | (four[12] << 6));

    private static byte* Codes(byte* panel, int inputs, int index, int block) => panel + HeaderBytes(inputs) + (((index * 8) + block) * CodeBytes);
}
