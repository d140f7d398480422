namespace Lorikeet.Kernels;

/// <summary>Arithmetic on every element of spans of one length.</summary>
/// <remarks>
/// A result may be one of the inputs (the same span), but may not overlap one at another offset. Long spans are divided over the team. An
/// element's bits depend on its inputs alone: not on its place, the length or the number of threads.
/// </remarks>
public static unsafe partial class Elementwise
{
    /// <summary>Effectively computes <c>to[i] = x[i] + y[i]</c>.</summary>
    /// <param name="x">The first addend.</param>
    /// <param name="y">The second addend, as long as <paramref name="x"/>.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void Add(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> to) => MapTeam.Binary(default(AddOperator), x, y, to);

    /// <summary>Effectively computes <c>to[i] = x[i] - y[i]</c>.</summary>
    /// <param name="x">What is subtracted from.</param>
    /// <param name="y">What is subtracted, as long as <paramref name="x"/>.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void Subtract(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> to) =>
        MapTeam.Binary(default(SubtractOperator), x, y, to);

    /// <summary>Effectively computes <c>to[i] = x[i] * y[i]</c>.</summary>
    /// <param name="x">The first factor.</param>
    /// <param name="y">The second factor, as long as <paramref name="x"/>.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void Multiply(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> to) =>
        MapTeam.Binary(default(MultiplyOperator), x, y, to);

    /// <summary>Effectively computes <c>to[i] = a * x[i]</c>.</summary>
    /// <param name="x">The elements.</param>
    /// <param name="a">The factor of all.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap at an offset.</exception>
    public static void Scale(ReadOnlySpan<float> x, float a, Span<float> to) => MapTeam.Unary(new ScaleOperator(a), x, to);

    /// <summary>Effectively computes <c>y[i] += a * x[i]</c>, rounded once.</summary>
    /// <param name="a">The factor of all.</param>
    /// <param name="x">What is added, scaled.</param>
    /// <param name="y">The sum, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap at an offset.</exception>
    public static void AddScaled(float a, ReadOnlySpan<float> x, Span<float> y) => MapTeam.Binary(new AddScaledOperator(a), x, y, y);

    /// <summary>Effectively computes <c>z[i] += x[i] * y[i]</c>, rounded once.</summary>
    /// <param name="x">The first factor.</param>
    /// <param name="y">The second factor, as long as <paramref name="x"/>.</param>
    /// <param name="z">The sum, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void MultiplyAdd(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> z) =>
        MapTeam.Ternary(default(MultiplyAddOperator), x, y, z, z);

    /// <summary>Adds one row to every row: effectively computes <c>y[i, c] += row[c]</c>.</summary>
    /// <param name="row">[width], for example a bias.</param>
    /// <param name="y">[rows, width], in place.</param>
    /// <param name="width">Elements of a row.</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>, or the spans overlap.</exception>
    public static void AddRow(ReadOnlySpan<float> row, Span<float> y, int width)
    {
        int rows = RowArguments.Rows(y, width);
        RowArguments.Length(row, width);
        RowArguments.SameOrApart(row, y);
        fixed (float* pRow = row, py = y)
        {
            BroadcastKernel<AddOperator> kernel = new() { Y = py, Row1 = pRow, Width = width };
            RowTeam.Run(ref kernel, rows, width);
        }
    }

    /// <summary>Multiplies every row by one row of factors: effectively computes <c>y[i, c] *= scale[c]</c>.</summary>
    /// <param name="scale">[width], one factor a column, the same for all rows.</param>
    /// <param name="y">[rows, width], in place.</param>
    /// <param name="width">Elements of a row.</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>, or the spans overlap.</exception>
    public static void ScaleRows(ReadOnlySpan<float> scale, Span<float> y, int width)
    {
        int rows = RowArguments.Rows(y, width);
        RowArguments.Length(scale, width);
        RowArguments.SameOrApart(scale, y);
        fixed (float* pScale = scale, py = y)
        {
            BroadcastKernel<MultiplyOperator> kernel = new() { Y = py, Row1 = pScale, Width = width };
            RowTeam.Run(ref kernel, rows, width);
        }
    }

    private struct BroadcastKernel<TOperator> : IRowKernel
        where TOperator : unmanaged, IBinary
    {
        public float* Y;
        public float* Row1;
        public int Width;

        public readonly void Row(int row)
        {
            float* y = Y + ((nint)row * Width);
            Map.Run(default(TOperator), y, Row1, y, Width);
        }
    }
}
