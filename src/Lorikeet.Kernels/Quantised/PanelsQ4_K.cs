using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>
/// Q4_K in panels: for each 256 inputs a header of [16] halves d, [16] halves dmin, [8][16] scales and [8][16] offsets, one byte each (6 bits in files);
/// nibbles as in Q4_0: 4.625 bits a weight (4.5 in files).
/// </summary>
internal readonly unsafe struct PanelsQ4_K : IPanelFormat
{
    private const int Super = 256, SuperHeader = 320, ScaleBytes = 4, FileCodes = 16;

    public static BlockFormat Format => BlockFormat.Q4_K;

    public static int CodeBytes => 256;

    public static int Groups => 1;

    public static bool Offsets => true;

    public static int ZeroShift => 0;

    public static bool Narrow => true;

    public static int HeaderBytes(int inputs) => inputs / Super * SuperHeader;

    public static bool Finite(byte* block) => HalfLanes.IsFinite(*(ushort*)block) && HalfLanes.IsFinite(((ushort*)block)[1]);

    public static void Pack(byte* block, int index, int lane, byte* panel, int inputs)
    {
        byte* header = panel + (index * SuperHeader);
        ((ushort*)header)[lane] = ((ushort*)block)[0];
        ((ushort*)header)[16 + lane] = ((ushort*)block)[1];
        byte* own = stackalloc byte[16];
        for (int g = 0; g < 8; g++)
        {
            (int scale, int offset) = SixBitScales.Get(new ReadOnlySpan<byte>(block + ScaleBytes, SixBitScales.Bytes), g);
            header[64 + (g * 16) + lane] = (byte)scale;
            header[192 + (g * 16) + lane] = (byte)offset;
            // In files, 32 bytes hold the nibbles of two groups; here, 16 bytes those of one.
            byte* file = block + FileCodes + (g / 2 * 32);
            int shift = g % 2 * 4;
            for (int j = 0; j < 16; j++)
            {
                own[j] = (byte)(((file[j] >> shift) & 15) | (((file[16 + j] >> shift) & 15) << 4));
            }
            NibblePanels.Put(own, Codes(panel, inputs, index, g), lane);
        }
    }

    public static void Unpack(byte* panel, int inputs, int index, int lane, byte* block)
    {
        byte* header = panel + (index * SuperHeader);
        ((ushort*)block)[0] = ((ushort*)header)[lane];
        ((ushort*)block)[1] = ((ushort*)header)[16 + lane];
        new Span<byte>(block + ScaleBytes, SixBitScales.Bytes + 128).Clear();
        byte* own = stackalloc byte[16];
        for (int g = 0; g < 8; g++)
        {
            SixBitScales.Put(new Span<byte>(block + ScaleBytes, SixBitScales.Bytes), g, header[64 + (g * 16) + lane], header[192 + (g * 16) + lane]);
            NibblePanels.Take(Codes(panel, inputs, index, g), lane, own);
            byte* file = block + FileCodes + (g / 2 * 32);
            int shift = g % 2 * 4;
            for (int j = 0; j < 16; j++)
            {
                file[j] |= (byte)((own[j] & 15) << shift);
                file[16 + j] |= (byte)(own[j] >> 4 << shift);
            }
        }
    }

    public static void Scales(byte* panel, int inputs, int first, int blocks, float* scales, float* offsets)
    {
        for (int b = first; b < first + blocks; b++, scales += 16, offsets += 16)
        {
            byte* header = panel + (b / 8 * SuperHeader);
            byte* codes = header + 64 + (b % 8 * 16);
            for (int l = 0; l < 16; l += 8)
            {
                (HalfLanes.Single((ushort*)header + l) * HalfLanes.Single(codes + l)).Store(scales + l);
                (HalfLanes.Single((ushort*)header + 16 + l) * HalfLanes.Single(codes + 128 + l)).Store(offsets + l);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Low(byte* codes, nint step, nint half) => NibblePanels.Low(codes, step, half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> High(byte* codes, nint step, nint half) => NibblePanels.High(codes, step, half);

    public static int Code(byte* codes, int lane, int k) => NibblePanels.Code(codes, lane, k);

    private static byte* Codes(byte* panel, int inputs, int index, int group) => panel + HeaderBytes(inputs) + (((index * 8) + group) * CodeBytes);
}
