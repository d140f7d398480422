namespace Lorikeet.Kernels;

/// <content>Sums along the rows and down the columns of matrices.</content>
public static unsafe partial class Reduce
{
    /// <summary>Sums down the columns: effectively computes <c>to[c] = sum over i of x[i, c]</c>, rows ascending: the gradient of a
    /// bias.</summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="to">[width].</param>
    /// <param name="accumulate">True continues from what <paramref name="to"/> holds, false starts from 0.</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>.</exception>
    public static void SumColumns(ReadOnlySpan<float> x, int width, Span<float> to, bool accumulate)
    {
        int rows = RowArguments.Rows(x, width);
        RowArguments.Length(to, width);
        fixed (float* px = x, pTo = to)
        {
            Columns.Run(default(SumColumnStep), px, px, rows, width, pTo, accumulate);
        }
    }

    /// <summary>Products down the columns: effectively computes <c>to[c] = sum over i of x[i, c] * y[i, c]</c>, rows ascending.</summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="y">[rows, width].</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="to">[width].</param>
    /// <param name="accumulate">True continues from what <paramref name="to"/> holds, false starts from 0.</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>.</exception>
    public static void DotColumns(ReadOnlySpan<float> x, ReadOnlySpan<float> y, int width, Span<float> to, bool accumulate)
    {
        int rows = RowArguments.Rows(x, width);
        RowArguments.Length(y, x.Length);
        RowArguments.Length(to, width);
        fixed (float* px = x, py = y, pTo = to)
        {
            Columns.Run(default(DotColumnStep), px, py, rows, width, pTo, accumulate);
        }
    }

    /// <summary>Products along the rows: effectively computes <c>to[i] = sum over c of x[i, c] * y[i, c]</c>.</summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="y">[rows, width].</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="to">[rows].</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>.</exception>
    public static void DotRows(ReadOnlySpan<float> x, ReadOnlySpan<float> y, int width, Span<float> to)
    {
        int rows = RowArguments.Rows(x, width);
        RowArguments.Length(y, x.Length);
        RowArguments.Length(to, rows);
        fixed (float* px = x, py = y, pTo = to)
        {
            DotKernel kernel = new() { X = px, Y = py, To = pTo, Width = width };
            RowTeam.Run(ref kernel, rows, width);
        }
    }

    private struct DotKernel : IRowKernel
    {
        public float* X;
        public float* Y;
        public float* To;
        public int Width;

        public readonly void Row(int row) => To[row] = Fold.Dot(X + ((nint)row * Width), Y + ((nint)row * Width), Width);
    }
}
