using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>The codes of blocks of 32 values in 16 bytes: byte j holds value j in its low half and value j + 16 in its high half.</summary>
internal static class Nibbles
{
    /// <summary>Packs 32 codes; bits above the fourth are left out.</summary>
    public static void Pack(ReadOnlySpan<byte> codes, Span<byte> to)
    {
        Vector128<byte> low = Vector128.Create(codes[..16]) & Vector128.Create((byte)15);
        Vector128<byte> high = Vector128.ShiftLeft(Vector128.Create(codes[16..32]).AsUInt16(), 4).AsByte() & Vector128.Create((byte)0xF0);
        (low | high).CopyTo(to);
    }

    /// <summary>Unpacks 32 codes.</summary>
    public static void Unpack(ReadOnlySpan<byte> from, Span<byte> codes)
    {
        Vector128<byte> both = Vector128.Create(from[..16]), mask = Vector128.Create((byte)15);
        (both & mask).CopyTo(codes);
        (Vector128.ShiftRightLogical(both.AsUInt16(), 4).AsByte() & mask).CopyTo(codes[16..]);
    }
}
