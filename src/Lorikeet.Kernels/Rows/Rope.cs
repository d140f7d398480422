using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Rotary position embedding (Su et al. 2021, arXiv:2104.09864, equation 34): pairs of a head's elements turn by an angle of their
/// position.</summary>
public static unsafe class Rope
{
    /// <summary>
    /// Effectively computes, for each pair (a, b) with the angle's cosine c and sine s, <c>(a c - b s, b c + a s)</c>. Pair i is the
    /// elements (i, i + rotary/2), or (2i, 2i + 1) where <paramref name="interleaved"/>; elements from <paramref name="rotary"/> on stay.
    /// </summary>
    /// <param name="x">[rows, heads, headDim], in place.</param>
    /// <param name="rows">Rows (tokens).</param>
    /// <param name="heads">Heads of a row.</param>
    /// <param name="headDim">Elements of a head.</param>
    /// <param name="cos">[rows, rotary/2], the cosine of each row's angles.</param>
    /// <param name="sin">[rows, rotary/2], the sine.</param>
    /// <param name="rotary">Elements of a head that turn: even, at most <paramref name="headDim"/>.</param>
    /// <param name="inverse">Turns back: the gradient of the forward.</param>
    /// <param name="interleaved">Which elements form a pair.</param>
    /// <exception cref="ArgumentException">A length or <paramref name="rotary"/> does not fit.</exception>
    public static void Apply(
        Span<float> x,
        int rows,
        int heads,
        int headDim,
        ReadOnlySpan<float> cos,
        ReadOnlySpan<float> sin,
        int rotary,
        bool inverse = false,
        bool interleaved = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(headDim, 1);
        if (rotary < 0 || rotary > headDim || rotary % 2 != 0)
        {
            throw new ArgumentException(
                $"Rope.Apply: rotary is {rotary}, expected an even number from 0 to headDim = {headDim}", nameof(rotary));
        }
        RowArguments.Length(x, (long)rows * heads * headDim);
        RowArguments.Length(cos, (long)rows * (rotary / 2));
        RowArguments.Length(sin, (long)rows * (rotary / 2));
        fixed (float* px = x, pCos = cos, pSin = sin)
        {
            Kernel kernel = new()
            {
                X = px,
                Heads = heads,
                HeadDim = headDim,
                Cos = pCos,
                Sin = pSin,
                Pairs = rotary / 2,
                Sign = inverse ? -1f : 1f,
                Interleaved = interleaved,
            };
            RowTeam.Run(ref kernel, rows, heads * headDim);
        }
    }

    private struct Kernel : IRowKernel
    {
        public float* X;
        public int Heads;
        public int HeadDim;
        public float* Cos;
        public float* Sin;
        public int Pairs;
        public float Sign;
        public bool Interleaved;

        public readonly void Row(int row)
        {
            float* cos = Cos + ((nint)row * Pairs);
            float* sin = Sin + ((nint)row * Pairs);
            float* x = X + ((nint)row * Heads * HeadDim);
            for (int h = 0; h < Heads; h++, x += HeadDim)
            {
                if (Interleaved)
                {
                    Neighbours(x, cos, sin);
                }
                else
                {
                    Halves(x, cos, sin);
                }
            }
        }

        private readonly void Halves(float* x, float* cos, float* sin)
        {
            int i = 0;
            if (KernelPath.UseAvx2)
            {
                for (; i <= Pairs - 8; i += 8)
                {
                    Turn<Eight>(x + i, x + Pairs + i, cos + i, sin + i);
                }
            }
            for (; i < Pairs; i++)
            {
                Turn<One>(x + i, x + Pairs + i, cos + i, sin + i);
            }
        }

        private readonly void Neighbours(float* x, float* cos, float* sin)
        {
            int i = 0;
            if (KernelPath.UseAvx2)
            {
                // Cosines c0 c0 c1 c1 ..., sines -s0 s0 -s1 s1 ..., against the pairs swapped: the products and roundings of Turn.
                Vector256<int> twice = Vector256.Create(0, 0, 1, 1, 2, 2, 3, 3);
                Vector256<float> sign = Vector256.Create(-Sign, Sign, -Sign, Sign, -Sign, Sign, -Sign, Sign);
                for (; i <= Pairs - 4; i += 4)
                {
                    Vector256<float> c = Avx2.PermuteVar8x32(Sse.LoadVector128(cos + i).ToVector256Unsafe(), twice);
                    Vector256<float> s = Avx2.PermuteVar8x32(Sse.LoadVector128(sin + i).ToVector256Unsafe(), twice);
                    Vector256<float> v = Avx.LoadVector256(x + (2 * i));
                    Vector256<float> cross = Avx.Multiply(Avx.Permute(v, 0b10_11_00_01), Avx.Multiply(s, sign));
                    Avx.Store(x + (2 * i), Fma.MultiplyAdd(v, c, cross));
                }
            }
            for (; i < Pairs; i++)
            {
                Turn<One>(x + (2 * i), x + (2 * i) + 1, cos + i, sin + i);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Turn<T>(float* first, float* second, float* cos, float* sin)
            where T : unmanaged, ILanes<T>
        {
            T a = T.Load(first);
            T b = T.Load(second);
            T c = T.Load(cos);
            T s = T.Load(sin) * T.Splat(Sign);
            T.Store(T.MultiplyAdd(a, c, T.Splat(0f) - (b * s)), first);
            T.Store(T.MultiplyAdd(b, c, a * s), second);
        }
    }
}
