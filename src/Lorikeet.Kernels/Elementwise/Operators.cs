using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <summary>A function of one element.</summary>
internal interface IUnary
{
    T Invoke<T>(T x)
        where T : unmanaged, ILanes<T>;
}

/// <summary>A function of two elements at the same place.</summary>
internal interface IBinary
{
    T Invoke<T>(T x, T y)
        where T : unmanaged, ILanes<T>;
}

/// <summary>A function of three elements at the same place.</summary>
internal interface ITernary
{
    T Invoke<T>(T x, T y, T z)
        where T : unmanaged, ILanes<T>;
}

internal readonly struct AddOperator : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T y)
        where T : unmanaged, ILanes<T> => x + y;
}

internal readonly struct SubtractOperator : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T y)
        where T : unmanaged, ILanes<T> => x - y;
}

internal readonly struct MultiplyOperator : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T y)
        where T : unmanaged, ILanes<T> => x * y;
}

internal readonly struct ScaleOperator(float a) : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x)
        where T : unmanaged, ILanes<T> => x * T.Splat(a);
}

internal readonly struct ShiftOperator(float a) : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x)
        where T : unmanaged, ILanes<T> => x + T.Splat(a);
}

internal readonly struct DivideByOperator(float divisor) : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x)
        where T : unmanaged, ILanes<T> => x / T.Splat(divisor);
}

internal readonly struct AddScaledOperator(float a) : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T y)
        where T : unmanaged, ILanes<T> => T.MultiplyAdd(T.Splat(a), x, y);
}

internal readonly struct MultiplyAddOperator : ITernary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T y, T z)
        where T : unmanaged, ILanes<T> => T.MultiplyAdd(x, y, z);
}

/// <summary><c>z + inner(x, y)</c>: what a backward kernel does to a gradient that has other contributions.</summary>
internal readonly struct AccumulatedOperator<TInner> : ITernary
    where TInner : unmanaged, IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T y, T z)
        where T : unmanaged, ILanes<T> => z + default(TInner).Invoke(x, y);
}
