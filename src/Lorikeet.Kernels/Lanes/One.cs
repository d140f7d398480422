using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <summary>One float: the reference for <see cref="Eight"/>.</summary>
internal readonly unsafe struct One : ILanes<One>
{
    public readonly float Value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public One(float value) => Value = value;

    public static int Count => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One operator +(One left, One right) => new(left.Value + right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One operator -(One left, One right) => new(left.Value - right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One operator *(One left, One right) => new(left.Value * right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One operator /(One left, One right) => new(left.Value / right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One Splat(float value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One Load(float* from) => new(*from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One LoadBF16(ushort* from) =>
        new(BitConverter.Int32BitsToSingle(*from << 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One LoadCodes(sbyte* from) => new(*from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(One value, float* to) => *to = value.Value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One MultiplyAdd(One a, One b, One c) => new(MathF.FusedMultiplyAdd(a.Value, b.Value, c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One Max(One a, One b) => a.Value > b.Value ? a : b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One Abs(One value) => new(MathF.Abs(value.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One CopySign(One magnitude, One sign) => new(MathF.CopySign(magnitude.Value, sign.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One IfLess(One a, One b, One then, One otherwise) => a.Value < b.Value ? then : otherwise;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One TimesPowerOfTwo(One value, One shifted)
    {
        int bits = BitConverter.SingleToInt32Bits(value.Value) + (BitConverter.SingleToInt32Bits(shifted.Value) << 23);
        return new(BitConverter.Int32BitsToSingle(bits));
    }
}
