namespace Lorikeet.Kernels;

/// <content>Layer normalisation.</content>
public static unsafe partial class Norms
{
    /// <summary>
    /// Effectively computes <c>y[i, c] = (x[i, c] - mean[i]) r[i] weight[c] + bias[c]</c> with <c>r[i] = 1 / sqrt(variance[i] + eps)</c>,
    /// the variance over the row's width (Ba et al. 2016, arXiv:1607.06450, equation 4).
    /// </summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="weight">[width], or empty for 1.</param>
    /// <param name="bias">[width], or empty for 0; needs a weight.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="y">[rows, width]; may be <paramref name="x"/>.</param>
    /// <param name="mean">[rows], kept for the backward; or empty.</param>
    /// <param name="inverseDeviation">[rows], r, kept for the backward; or empty.</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>, or spans overlap at an offset.</exception>
    public static void LayerNorm(
        ReadOnlySpan<float> x,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> bias,
        float eps,
        int width,
        Span<float> y,
        Span<float> mean,
        Span<float> inverseDeviation)
    {
        int rows = RowArguments.Rows(x, width);
        RowArguments.LengthOrEmpty(weight, width);
        RowArguments.LengthOrEmpty(bias, weight.Length);
        RowArguments.Length(y, x.Length);
        RowArguments.LengthOrEmpty(mean, rows);
        RowArguments.LengthOrEmpty(inverseDeviation, rows);
        RowArguments.SameOrApart(x, y);
        fixed (float* px = x, pWeight = weight, pBias = bias, py = y, pMean = mean, pInverse = inverseDeviation)
        {
            NormForward kernel = new()
            {
                X = px,
                Weight = pWeight,
                Bias = pBias,
                Eps = eps,
                Width = width,
                Y = py,
                Centred = true,
                Mean = pMean,
                Inverse = pInverse,
            };
            RowTeam.Run(ref kernel, rows, width);
        }
    }

    /// <summary>
    /// The gradients of <see cref="LayerNorm"/>: with <c>g = weight dy</c> and <c>n = (x - mean) r</c>, effectively computes <c>dx[i, c] =
    /// r[i] (g[i, c] - mean over k of g[i, k] - n[i, c] mean over k of g[i, k] n[i, k])</c>, <c>dWeight[c] += sum over i of dy[i, c] n[i,
    /// c]</c> and <c>dBias[c] += sum over i of dy[i, c]</c>.
    /// </summary>
    /// <param name="x">[rows, width], the forward's input.</param>
    /// <param name="weight">[width], or empty for 1.</param>
    /// <param name="mean">[rows], what the forward kept.</param>
    /// <param name="inverseDeviation">[rows], what the forward kept.</param>
    /// <param name="dy">[rows, width].</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="dx">[rows, width], or empty where the input needs no gradient; may be <paramref name="dy"/> unless it
    /// accumulates.</param>
    /// <param name="dWeight">[width], always added to; or empty.</param>
    /// <param name="dBias">[width], always added to; or empty.</param>
    /// <param name="accumulate">True adds to <paramref name="dx"/>, false writes it.</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>, or spans overlap at an offset.</exception>
    public static void LayerNormBackward(
        ReadOnlySpan<float> x,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> mean,
        ReadOnlySpan<float> inverseDeviation,
        ReadOnlySpan<float> dy,
        int width,
        Span<float> dx,
        Span<float> dWeight,
        Span<float> dBias,
        bool accumulate)
    {
        int rows = RowArguments.Rows(x, width);
        RowArguments.LengthOrEmpty(weight, width);
        RowArguments.Length(mean, rows);
        RowArguments.Length(inverseDeviation, rows);
        RowArguments.Length(dy, x.Length);
        RowArguments.LengthOrEmpty(dx, x.Length);
        RowArguments.LengthOrEmpty(dWeight, width);
        RowArguments.LengthOrEmpty(dBias, width);
        RowArguments.SameOrApart(x, dx);
        RowArguments.SameOrApart(dy, dx);
        fixed (float* px = x, pWeight = weight, pMean = mean, pInverse = inverseDeviation)
        fixed (float* pdy = dy, pdx = dx, pdWeight = dWeight, pdBias = dBias)
        {
            // Before dx, which may overwrite dy.
            if (!dWeight.IsEmpty)
            {
                Columns.Run(new NormWeightStep(pMean, pInverse), px, pdy, rows, width, pdWeight, accumulate: true);
            }
            if (!dBias.IsEmpty)
            {
                Columns.Run(default(SumColumnStep), pdy, pdy, rows, width, pdBias, accumulate: true);
            }
            if (!dx.IsEmpty)
            {
                NormBackward kernel = new()
                {
                    X = px,
                    Weight = pWeight,
                    Mean = pMean,
                    Inverse = pInverse,
                    Dy = pdy,
                    Width = width,
                    Dx = pdx,
                    Centred = true,
                    Accumulate = accumulate,
                };
                RowTeam.Run(ref kernel, rows, width);
            }
        }
    }
}
