using System.Numerics;
using System.Runtime.InteropServices;
using Lorikeet.Kernels;

namespace Lorikeet.Models;

/// <summary>Attention with linear biases in place of positions: each head's scores fall with the distance, by a slope of its own.</summary>
/// <remarks>Source: Press et al., arXiv 2108.12409, and the authors' code for numbers of heads that are no power of two.</remarks>
internal static class Alibi
{
    /// <summary>The slopes: with m the largest power of two up to n, 2^(-8 i / m) for i = 1..m, then 2^(-4 i / m) for i = 1, 3, 5, ...</summary>
    /// <param name="heads">n.</param>
    public static float[] Slopes(int heads)
    {
        int m = (int)BitOperations.RoundUpToPowerOf2((uint)heads + 1) / 2;
        float[] slopes = new float[heads];
        for (int i = 0; i < heads; i++)
        {
            slopes[i] = (float)(i < m ? Math.Pow(2, -8.0 * (i + 1) / m) : Math.Pow(2, -4.0 * ((2 * (i - m)) + 1) / m));
        }
        return slopes;
    }

    /// <summary>The slopes rounded to bf16, in which Falcon keeps them.</summary>
    /// <param name="heads">Number of heads.</param>
    public static float[] RoundedSlopes(int heads)
    {
        float[] slopes = Slopes(heads);
        Span<ushort> narrow = new ushort[heads];
        Casting.FromSingle(slopes, ElementType.BF16, MemoryMarshal.AsBytes(narrow));
        Casting.ToSingle(MemoryMarshal.AsBytes(narrow), ElementType.BF16, slopes);
        return slopes;
    }
}
