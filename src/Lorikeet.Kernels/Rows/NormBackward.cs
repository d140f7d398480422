using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <summary>
/// The gradient of one row of a norm. With <c>n = (x - mean) r</c> and <c>g = dy weight</c> it is <c>r (g - a - n b)</c>, where b is the
/// mean of g n and a the mean of g, or 0 for a norm that is not centred. Element i adds to chain i mod 8 of each sum.
/// </summary>
internal unsafe struct NormBackward : IRowKernel
{
    public float* X;
    public float* Weight;
    public float* Mean;
    public float* Inverse;
    public float* Dy;
    public int Width;
    public float* Dx;
    public bool Centred;
    public bool Accumulate;

    public readonly void Row(int row)
    {
        nint at = (nint)row * Width;
        float mean = Centred ? Mean[row] : 0f;
        float inverse = Inverse[row];
        float* sums = stackalloc float[16];
        float* products = sums + 8;
        new Span<float>(sums, 16).Clear();
        int i = 0;
        if (KernelPath.UseAvx2)
        {
            Eight sum = default;
            Eight product = default;
            for (; i <= Width - 8; i += 8)
            {
                Eight g = Upstream<Eight>(at, i);
                sum += g;
                product = Eight.MultiplyAdd(g, Normal<Eight>(at + i, mean, inverse), product);
            }
            Eight.Store(sum, sums);
            Eight.Store(product, products);
        }
        for (; i < Width; i++)
        {
            One g = Upstream<One>(at, i);
            sums[i & 7] += g.Value;
            products[i & 7] = One.MultiplyAdd(g, Normal<One>(at + i, mean, inverse), new One(products[i & 7])).Value;
        }
        float a = Centred ? Tree(sums) / Width : 0f;
        float b = Tree(products) / Width;
        i = 0;
        if (KernelPath.UseAvx2)
        {
            for (; i <= Width - 8; i += 8)
            {
                Write<Eight>(at, i, mean, inverse, a, b);
            }
        }
        for (; i < Width; i++)
        {
            Write<One>(at, i, mean, inverse, a, b);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Write<T>(nint at, int i, float mean, float inverse, float a, float b)
        where T : unmanaged, ILanes<T>
    {
        T inner = Upstream<T>(at, i) - T.Splat(a) - (Normal<T>(at + i, mean, inverse) * T.Splat(b));
        float* dx = Dx + at + i;
        T.Store(Accumulate ? T.MultiplyAdd(inner, T.Splat(inverse), T.Load(dx)) : inner * T.Splat(inverse), dx);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly T Upstream<T>(nint at, int i)
        where T : unmanaged, ILanes<T>
    {
        T dy = T.Load(Dy + at + i);
        return Weight is null ? dy : dy * T.Load(Weight + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly T Normal<T>(nint at, float mean, float inverse)
        where T : unmanaged, ILanes<T> => (T.Load(X + at) - T.Splat(mean)) * T.Splat(inverse);

    private static float Tree(float* s) => s[0] + s[4] + (s[2] + s[6]) + (s[1] + s[5] + (s[3] + s[7]));
}

/// <summary>The gradient of a norm's weight, down a column: x is the norm's input, y the gradient of its result.</summary>
internal readonly unsafe struct NormWeightStep(float* mean, float* inverse) : IColumnStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Step<T>(T sum, T x, T y, nint row)
        where T : unmanaged, ILanes<T>
    {
        T centred = mean is null ? x : x - T.Splat(mean[row]);
        return T.MultiplyAdd(y, centred * T.Splat(inverse[row]), sum);
    }
}
