using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>How stored factors become vectors of singles, the even and the odd k of a pair (see <see cref="FactorLayout"/>).</summary>
/// <remarks><c>step</c> is the bytes of one k: where the odd k of float32 and int8 panels begins.</remarks>
internal unsafe interface IFactor
{
    /// <summary>Bytes of one number.</summary>
    static abstract int Size { get; }

    /// <summary>Bytes between the first eight lanes of a k (or pair) and the next eight.</summary>
    static abstract int Eight { get; }

    /// <summary>
    /// Bytes of A to fetch ahead: the hardware's own streams stop at each page. By measurement: codes are worked on faster than they come.
    /// (While B is read, the same columns of the next row's B are fetched.)
    /// </summary>
    static abstract int Ahead { get; }

    static abstract Vector128<float> EvenFour(byte* at);

    static abstract Vector128<float> OddFour(byte* at, nint step);

    static abstract Vector256<float> Even(byte* at);

    static abstract Vector256<float> Odd(byte* at, nint step);

    static abstract Vector512<float> EvenWide(byte* at);

    static abstract Vector512<float> OddWide(byte* at, nint step);
}

internal readonly unsafe struct F32Factor : IFactor
{
    public static int Size => 4;

    public static int Eight => 32;

    public static int Ahead => 4096;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> EvenFour(byte* at) => Sse.LoadVector128((float*)at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> OddFour(byte* at, nint step) => Sse.LoadVector128((float*)(at + step));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Even(byte* at) => Avx.LoadVector256((float*)at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Odd(byte* at, nint step) => Avx.LoadVector256((float*)(at + step));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> EvenWide(byte* at) => Avx512F.LoadVector512((float*)at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> OddWide(byte* at, nint step) => Avx512F.LoadVector512((float*)(at + step));
}

internal readonly unsafe struct BF16Factor : IFactor
{
    public static int Size => 2;

    public static int Eight => 32;

    public static int Ahead => 4096;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> EvenFour(byte* at) => Sse2.ShiftLeftLogical(Sse2.LoadVector128((int*)at), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> OddFour(byte* at, nint step) =>
        Sse2.And(Sse2.LoadVector128((int*)at), Vector128.Create(unchecked((int)0xFFFF0000))).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Even(byte* at) => Avx2.ShiftLeftLogical(Avx.LoadVector256((int*)at), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Odd(byte* at, nint step) =>
        Avx2.And(Avx.LoadVector256((int*)at), Vector256.Create(unchecked((int)0xFFFF0000))).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> EvenWide(byte* at) => Avx512F.ShiftLeftLogical(Avx512F.LoadVector512((int*)at), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> OddWide(byte* at, nint step) =>
        Avx512F.And(Avx512F.LoadVector512((int*)at), Vector512.Create(unchecked((int)0xFFFF0000))).AsSingle();
}

internal readonly unsafe struct Int8Factor : IFactor
{
    public static int Size => 1;

    public static int Eight => 8;

    public static int Ahead => 8192;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> EvenFour(byte* at) => Sse2.ConvertToVector128Single(Sse41.ConvertToVector128Int32((sbyte*)at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> OddFour(byte* at, nint step) => EvenFour(at + step);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Even(byte* at) => Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32((sbyte*)at));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Odd(byte* at, nint step) => Even(at + step);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> EvenWide(byte* at) =>
        Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Sse2.LoadVector128((sbyte*)at)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> OddWide(byte* at, nint step) => EvenWide(at + step);
}
