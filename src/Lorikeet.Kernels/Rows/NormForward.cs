using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <summary>One row of a norm: both norms are <c>(x - mean) r weight + bias</c>, and the one that is not centred has mean 0.</summary>
internal unsafe struct NormForward : IRowKernel
{
    public float* X;
    public float* Weight;
    public float* Bias;
    public float Eps;
    public int Width;
    public float* Y;
    public bool Centred;
    public float* Mean;
    public float* Inverse;

    /// <summary>[rows] of <see cref="CodedRows"/>, made while the row is in the caches; or null.</summary>
    public byte* Coded;

    public readonly void Row(int row)
    {
        float* x = X + ((nint)row * Width);
        float* y = Y + ((nint)row * Width);
        float mean = Centred ? Fold.Sum(x, Width) / Width : 0f;
        float squares = Centred ? Fold.Run(new DeviationFold(mean), x, x, Width) : Fold.Dot(x, x, Width);
        float inverse = 1f / MathF.Sqrt((squares / Width) + Eps);
        if (Mean is not null)
        {
            Mean[row] = mean;
        }
        if (Inverse is not null)
        {
            Inverse[row] = inverse;
        }
        Normalise normalise = new(mean, inverse);
        if (Weight is null)
        {
            Map.Run(normalise, x, y, Width);
        }
        else if (Bias is null)
        {
            Map.Run(normalise, x, Weight, y, Width);
        }
        else
        {
            Map.Run(normalise, x, Weight, Bias, y, Width);
        }
        if (Coded is not null)
        {
            CodedRows.CodeBlocks(y, Width, Coded + ((nint)row * CodedRows.RowBytes(Width)), KernelPath.UseAvx2);
        }
    }

    private readonly struct Normalise(float mean, float inverse) : IUnary, IBinary, ITernary
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x)
            where T : unmanaged, ILanes<T> => (x - T.Splat(mean)) * T.Splat(inverse);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x, T weight)
            where T : unmanaged, ILanes<T> => Invoke(x) * weight;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T x, T weight, T bias)
            where T : unmanaged, ILanes<T> => T.MultiplyAdd(Invoke(x), weight, bias);
    }
}
