using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Widens small integers and finite halves to 8 float32 lanes, exactly.</summary>
internal static unsafe class HalfLanes
{
    /// <summary>8 halves that are finite: shifted to a single's place they are too small by 2^112, subnormal ones too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Single(ushort* halves)
    {
        Vector256<int> bits = Widen(halves);
        Vector256<int> sign = Vector256.ShiftLeft(bits & Vector256.Create(0x8000), 16);
        Vector256<float> magnitude = Vector256.ShiftLeft(bits & Vector256.Create(0x7fff), 13).AsSingle();
        return ((magnitude * Vector256.Create(5.192296858534828e33f)).AsInt32() | sign).AsSingle();
    }

    /// <summary>8 unsigned bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Single(byte* bytes) => Vector256.ConvertToSingle(Widen(bytes));

    /// <summary>8 signed bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Single(sbyte* bytes) =>
        Vector256.ConvertToSingle(Vector256.ShiftRightArithmetic(Vector256.ShiftLeft(Widen((byte*)bytes), 24), 24));

    /// <summary>True for a half that is neither infinite nor NaN.</summary>
    public static bool IsFinite(ushort half) => (half & 0x7c00) != 0x7c00;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Widen(ushort* from)
    {
        if (Avx2.IsSupported)
        {
            return Avx2.ConvertToVector256Int32(from);
        }
        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.Load(from));
        return Vector256.Create(low, high).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Widen(byte* from)
    {
        if (Avx2.IsSupported)
        {
            return Avx2.ConvertToVector256Int32(from);
        }
        Vector128<ushort> words = Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)from).AsByte());
        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(words);
        return Vector256.Create(low, high).AsInt32();
    }
}
