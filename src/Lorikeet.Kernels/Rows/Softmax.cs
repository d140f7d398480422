namespace Lorikeet.Kernels;

/// <summary>Softmax along the rows of a matrix, its gradient, and the logarithm of its denominator.</summary>
/// <remarks>A row's result depends on that row alone. A row with NaN, with positive infinity, or with negative infinity only becomes
/// NaN.</remarks>
public static unsafe class Softmax
{
    /// <summary>Effectively computes <c>to[i, c] = e^(x[i, c] - m) / sum over c of e^(x[i, c] - m)</c>, m the row's maximum.</summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="to">[rows, width]; may be <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>, or the spans overlap at an offset.</exception>
    public static void Rows(ReadOnlySpan<float> x, int width, Span<float> to)
    {
        int rows = RowArguments.Rows(x, width);
        RowArguments.Length(to, x.Length);
        RowArguments.SameOrApart(x, to);
        fixed (float* px = x, pTo = to)
        {
            ForwardKernel kernel = new() { X = px, To = pTo, Width = width };
            RowTeam.Run(ref kernel, rows, width);
        }
    }

    /// <summary>The gradient of <see cref="Rows"/>: effectively computes <c>dx[i, c] = y[i, c] (dy[i, c] - sum over k of y[i, k] dy[i,
    /// k])</c>.</summary>
    /// <param name="y">[rows, width], the forward's result.</param>
    /// <param name="dy">[rows, width], its gradient.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="dx">[rows, width], written; may be <paramref name="dy"/> or <paramref name="y"/>.</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>, or spans overlap at an offset.</exception>
    public static void RowsBackward(ReadOnlySpan<float> y, ReadOnlySpan<float> dy, int width, Span<float> dx)
    {
        int rows = RowArguments.Rows(y, width);
        RowArguments.Length(dy, y.Length);
        RowArguments.Length(dx, y.Length);
        RowArguments.SameOrApart(y, dx);
        RowArguments.SameOrApart(dy, dx);
        fixed (float* py = y, pdy = dy, pdx = dx)
        {
            BackwardKernel kernel = new() { Y = py, Dy = pdy, Dx = pdx, Width = width };
            RowTeam.Run(ref kernel, rows, width);
        }
    }

    /// <summary>Effectively computes <c>to[i] = log(sum over c of e^x[i, c])</c>, without overflow.</summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="to">[rows].</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>.</exception>
    public static void LogSumExpRows(ReadOnlySpan<float> x, int width, Span<float> to)
    {
        int rows = RowArguments.Rows(x, width);
        RowArguments.Length(to, rows);
        fixed (float* px = x, pTo = to)
        {
            LogSumExpKernel kernel = new() { X = px, To = pTo, Width = width };
            RowTeam.Run(ref kernel, rows, width);
        }
    }

    private struct ForwardKernel : IRowKernel
    {
        public float* X;
        public float* To;
        public int Width;

        public readonly void Row(int row)
        {
            float* x = X + ((nint)row * Width);
            float* to = To + ((nint)row * Width);
            float sum = RowExp.Run(x, Extremes.Max(x, Width), to, Width);
            Map.Run(new DivideByOperator(sum), to, to, Width);
        }
    }

    private struct BackwardKernel : IRowKernel
    {
        public float* Y;
        public float* Dy;
        public float* Dx;
        public int Width;

        public readonly void Row(int row)
        {
            nint at = (nint)row * Width;
            float dot = Fold.Dot(Y + at, Dy + at, Width);
            Map.Run(new BackwardOperator(dot), Y + at, Dy + at, Dx + at, Width);
        }
    }

    private struct LogSumExpKernel : IRowKernel
    {
        public float* X;
        public float* To;
        public int Width;

        public readonly void Row(int row)
        {
            float* x = X + ((nint)row * Width);
            float most = Extremes.Max(x, Width);
            // An infinite maximum is the answer itself, unless NaN stands beside it.
            To[row] = float.IsInfinity(most) ? Fold.Sum(x, Width) : most + MathF.Log(RowExp.Run(x, most, null, Width));
        }
    }

    private readonly struct BackwardOperator(float dot) : IBinary
    {
        public T Invoke<T>(T y, T dy)
            where T : unmanaged, ILanes<T> => y * (dy - T.Splat(dot));
    }
}
