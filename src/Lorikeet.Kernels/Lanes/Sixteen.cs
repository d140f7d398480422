using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Sixteen floats in one AVX-512 register; call only where <see cref="KernelPath.UseAvx512"/> or the test machine has it.</summary>
internal readonly unsafe struct Sixteen : ILanes<Sixteen>
{
    public readonly Vector512<float> Value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Sixteen(Vector512<float> value) => Value = value;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen operator +(Sixteen left, Sixteen right) => new(Avx512F.Add(left.Value, right.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen operator -(Sixteen left, Sixteen right) => new(Avx512F.Subtract(left.Value, right.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen operator *(Sixteen left, Sixteen right) => new(Avx512F.Multiply(left.Value, right.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen operator /(Sixteen left, Sixteen right) => new(Avx512F.Divide(left.Value, right.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen Splat(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen Load(float* from) => new(Avx512F.LoadVector512(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen LoadBF16(ushort* from) =>
        new(Avx512F.ShiftLeftLogical(Avx512F.ConvertToVector512Int32(Avx.LoadVector256(from)), 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen LoadCodes(sbyte* from) => new(Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Sse2.LoadVector128(from))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Sixteen value, float* to) => Avx512F.Store(to, value.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen MultiplyAdd(Sixteen a, Sixteen b, Sixteen c) => new(Avx512F.FusedMultiplyAdd(a.Value, b.Value, c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen Max(Sixteen a, Sixteen b) => new(Avx512F.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen Abs(Sixteen value) => new(Avx512F.And(value.Value.AsInt32(), Vector512.Create(0x7FFFFFFF)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen CopySign(Sixteen magnitude, Sixteen sign)
    {
        Vector512<int> bit = Vector512.Create(int.MinValue);
        return new(Avx512F.Or(Avx512F.AndNot(bit, magnitude.Value.AsInt32()), Avx512F.And(bit, sign.Value.AsInt32())).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen IfLess(Sixteen a, Sixteen b, Sixteen then, Sixteen otherwise) =>
        new(Vector512.ConditionalSelect(Avx512F.CompareLessThan(a.Value, b.Value), then.Value, otherwise.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sixteen TimesPowerOfTwo(Sixteen value, Sixteen shifted) =>
        new(Avx512F.Add(value.Value.AsInt32(), Avx512F.ShiftLeftLogical(shifted.Value.AsInt32(), 23)).AsSingle());
}
