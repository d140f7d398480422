using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Eight floats in one AVX register; call only where <see cref="KernelPath.UseAvx2"/> or the test machine has AVX2 and
/// FMA.</summary>
internal readonly unsafe struct Eight : ILanes<Eight>
{
    public readonly Vector256<float> Value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Eight(Vector256<float> value) => Value = value;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight operator +(Eight left, Eight right) => new(Avx.Add(left.Value, right.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight operator -(Eight left, Eight right) => new(Avx.Subtract(left.Value, right.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight operator *(Eight left, Eight right) => new(Avx.Multiply(left.Value, right.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight operator /(Eight left, Eight right) => new(Avx.Divide(left.Value, right.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight Splat(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight Load(float* from) => new(Avx.LoadVector256(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight LoadBF16(ushort* from) =>
        new(Avx2.ShiftLeftLogical(Avx2.ConvertToVector256Int32(Sse2.LoadVector128(from)), 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight LoadCodes(sbyte* from) => new(Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(from)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Eight value, float* to) => Avx.Store(to, value.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight MultiplyAdd(Eight a, Eight b, Eight c) => new(Fma.MultiplyAdd(a.Value, b.Value, c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight Max(Eight a, Eight b) => new(Avx.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight Abs(Eight value) => new(Avx.And(value.Value, Vector256.Create(0x7FFFFFFF).AsSingle()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight CopySign(Eight magnitude, Eight sign)
    {
        Vector256<float> bit = Vector256.Create(-0f);
        return new(Avx.Or(Avx.AndNot(bit, magnitude.Value), Avx.And(bit, sign.Value)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight IfLess(Eight a, Eight b, Eight then, Eight otherwise) =>
        new(Avx.BlendVariable(otherwise.Value, then.Value, Avx.CompareLessThan(a.Value, b.Value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Eight TimesPowerOfTwo(Eight value, Eight shifted) =>
        new(Avx2.Add(value.Value.AsInt32(), Avx2.ShiftLeftLogical(shifted.Value.AsInt32(), 23)).AsSingle());

    /// <summary>All bits set in the first <paramref name="count"/> lanes (0 to 8): what masked loads and stores of a span's tail
    /// take.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> FirstLanes(nint count) =>
        Avx2.CompareGreaterThan(Vector256.Create((int)count), Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7)).AsSingle();

    /// <summary>The sum of the lanes: halves, then quarters, then the last two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> v)
    {
        Vector128<float> four = Sse.Add(v.GetLower(), v.GetUpper());
        Vector128<float> two = Sse.Add(four, Sse.MoveHighToLow(four, four));
        return two.GetElement(0) + two.GetElement(1);
    }

    /// <summary>The greatest lane, in the tree of <see cref="Sum"/>; lanes must not be NaN unless the caller accepts either
    /// answer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Greatest(Vector256<float> v)
    {
        Vector128<float> four = Sse.Max(v.GetLower(), v.GetUpper());
        Vector128<float> two = Sse.Max(four, Sse.MoveHighToLow(four, four));
        return Sse.MaxScalar(two, Sse.Shuffle(two, two, 1)).GetElement(0);
    }
}
