using System.Numerics;

namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>The Walsh-Hadamard transform in Sylvester's order, scaled so that it is its own inverse.</summary>
public static class WalshHadamard
{
    /// <summary>Each block of x becomes x H / sqrt(block), H[i, j] = (-1)^(number of ones in i AND j).</summary>
    /// <param name="x">Blocks one after another, changed in place.</param>
    /// <param name="block">A power of two; for rows of any width their largest divisor that is one.</param>
    /// <exception cref="ArgumentException">The block is no power of two, or x no multiple of it.</exception>
    public static void Transform(Span<double> x, int block)
    {
        if (!BitOperations.IsPow2(block) || x.Length % block != 0)
        {
            throw new ArgumentException($"{x.Length} elements in blocks of {block}: expected blocks of a power of two that fill them", nameof(block));
        }
        double scale = 1 / Math.Sqrt(block);
        for (int start = 0; start < x.Length; start += block)
        {
            Span<double> part = x.Slice(start, block);
            for (int half = 1; half < block; half *= 2)
            {
                for (int i = 0; i < block; i += 2 * half)
                {
                    for (int j = i; j < i + half; j++)
                    {
                        (part[j], part[j + half]) = (part[j] + part[j + half], part[j] - part[j + half]);
                    }
                }
            }
            foreach (ref double value in part)
            {
                value *= scale;
            }
        }
    }
}
