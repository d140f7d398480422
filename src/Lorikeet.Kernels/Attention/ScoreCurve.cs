using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lorikeet.Kernels;

/// <summary>What happens to a scaled score before the mask: a soft cap, and a bias that grows with the key's position.</summary>
/// <remarks>
/// z = cap tanh(scale s / cap) + bias (Gemma 2, arXiv:2408.00118, section 2). The bias is ALiBi's (Press et al., arXiv:2108.12409): slope_h
/// (key - query), which a softmax cannot tell from slope_h key and which keeps its precision far from position 0; or, where the reference
/// rounds, scale bf16(slope_h key).
/// </remarks>
internal unsafe struct ScoreCurve
{
    private const int Tile = Attention.Tile;

    /// <summary>The factor of a product of a query and a key.</summary>
    public float Scale;

    /// <summary>The cap; 0 for none.</summary>
    public float Cap;

    /// <summary>A slope for each query head, or null.</summary>
    public float* Slopes;

    /// <summary>Products of slope and position are rounded to bf16 and scaled.</summary>
    public bool Rounded;

    public ScoreCurve(in AttentionShape shape, float* slopes)
    {
        Scale = shape.Scale;
        Cap = shape.Cap;
        Slopes = slopes;
        Rounded = shape.RoundsBias;
    }

    /// <summary>False: scores are scaled and nothing else, which the softmax does itself.</summary>
    public readonly bool Bends => Cap != 0 || Slopes is not null;

    private static ReadOnlySpan<float> Places =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
    ];

    /// <summary>Replaces a tile's 32 products by what the softmax is taken of, and says dz/ds.</summary>
    /// <param name="s">[32] products; replaced.</param>
    /// <param name="factors">Receives [32] derivatives; or null.</param>
    /// <param name="head">The query head.</param>
    /// <param name="first">The position of the tile's first key.</param>
    /// <param name="position">The query's position.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Apply<T>(float* s, float* factors, int head, int first, int position)
        where T : unmanaged, ILanes<T>
    {
        float* places = (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Places));
        T scale = T.Splat(Scale), cap = T.Splat(Cap), one = T.Splat(1f), zero = T.Splat(0f);
        T slope = T.Splat(Slopes is null || Rounded ? 0f : Slopes[head]);
        T distance = T.Splat(first - position);
        for (int j = 0; j < Tile; j += sizeof(T) / sizeof(float))
        {
            T z = T.Load(s + j) * scale;
            T factor = scale;
            if (Cap != 0)
            {
                T t = LaneMath.Tanh(z / cap);
                z = cap * t;
                factor = scale * T.MultiplyAdd(zero - t, t, one);
            }
            T.Store(T.MultiplyAdd(slope, distance + T.Load(places + j), z), s + j);
            if (factors is not null)
            {
                T.Store(factor, factors + j);
            }
        }
        if (Slopes is not null && Rounded)
        {
            for (int j = 0; j < Tile; j++)
            {
                s[j] += Scale * ToBFloat16(Slopes[head] * (first + j));
            }
        }
    }

    private static float ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF_0000);
    }
}
