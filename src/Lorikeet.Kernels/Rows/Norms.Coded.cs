namespace Lorikeet.Kernels;

/// <content>Norms whose result is coded to 8 bits, too.</content>
public static unsafe partial class Norms
{
    /// <summary>
    /// One pass that effectively computes <see cref="RmsNorm"/>, or <see cref="LayerNorm"/> where <paramref name="centred"/>, and
    /// <see cref="CodedRows.Code"/> of the result: the bits are those of the two.
    /// </summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="weight">[width], or empty for 1.</param>
    /// <param name="bias">[width], or empty for 0; needs a weight, and is used only where <paramref name="centred"/>.</param>
    /// <param name="eps">Added to the mean square, or the variance.</param>
    /// <param name="width">Elements of a row, whole blocks of <see cref="CodedRows.Values"/>.</param>
    /// <param name="centred">True: the mean is subtracted first.</param>
    /// <param name="y">[rows, width]; may be <paramref name="x"/>.</param>
    /// <param name="coded">Receives rows * <see cref="CodedRows.RowBytes"/> bytes.</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>, or spans overlap at an offset.</exception>
    public static void Coded(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float eps, int width, bool centred, Span<float> y, Span<byte> coded)
    {
        int rows = RowArguments.Rows(x, width);
        RowArguments.LengthOrEmpty(weight, width);
        RowArguments.LengthOrEmpty(bias, weight.Length);
        RowArguments.Length(y, x.Length);
        RowArguments.SameOrApart(x, y);
        if (width % CodedRows.Values != 0)
        {
            throw new ArgumentException($"Norms.Coded: width is {width}, expected whole blocks of {CodedRows.Values}", nameof(width));
        }
        Require.Bytes(coded.Length, (long)rows * CodedRows.RowBytes(width), nameof(coded));
        fixed (float* px = x, pWeight = weight, pBias = bias, py = y)
        fixed (byte* pCoded = coded)
        {
            NormForward kernel = new()
            {
                X = px,
                Weight = pWeight,
                Bias = centred ? pBias : null,
                Eps = eps,
                Width = width,
                Y = py,
                Centred = centred,
                Coded = pCoded,
            };
            RowTeam.Run(ref kernel, rows, width);
        }
    }
}
