using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>Eight groups of a block side by side, a lane each: sums run over a group in its own order, so their bits do not depend on vectors.</summary>
internal static class EightGroups
{
    /// <summary>The longest group.</summary>
    public const int MostValues = 32;

    /// <summary>[8, n] to [n, 8].</summary>
    public static void Load(ReadOnlySpan<float> values, Span<Vector256<float>> lanes)
    {
        Span<float> to = System.Runtime.InteropServices.MemoryMarshal.Cast<Vector256<float>, float>(lanes);
        for (int group = 0; group < 8; group++)
        {
            ReadOnlySpan<float> own = values.Slice(group * lanes.Length, lanes.Length);
            for (int i = 0; i < own.Length; i++)
            {
                to[(8 * i) + group] = own[i];
            }
        }
    }

    /// <summary>Lanes of one where a condition does not hold, of the other where it does.</summary>
    public static Vector256<float> Choose(Vector256<float> condition, Vector256<float> holds, Vector256<float> not) =>
        Vector256.ConditionalSelect(condition, holds, not);

    /// <summary>True in lanes with a finite number.</summary>
    public static Vector256<float> Finite(Vector256<float> value) => Vector256.LessThanOrEqual(Vector256.Abs(value), Vector256.Create(float.MaxValue));
}
