namespace Lorikeet.Kernels;

/// <summary>Normalisation of each row, and its gradients.</summary>
/// <remarks>A row's statistics are sums in a fixed order of float chains: they depend on that row and its width alone.</remarks>
public static unsafe partial class Norms
{
    /// <summary>
    /// Effectively computes <c>y[i, c] = x[i, c] r[i] weight[c]</c> with <c>r[i] = 1 / sqrt(mean over c of x[i, c]^2 + eps)</c> (Zhang and
    /// Sennrich 2019, arXiv:1910.07467, equation 4).
    /// </summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="weight">[width], or empty for 1.</param>
    /// <param name="eps">Added to the mean square.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="y">[rows, width]; may be <paramref name="x"/>.</param>
    /// <param name="inverseRms">[rows], r, kept for the backward; or empty.</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>, or spans overlap at an offset.</exception>
    public static void RmsNorm(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float eps, int width, Span<float> y, Span<float> inverseRms)
    {
        int rows = RowArguments.Rows(x, width);
        RowArguments.LengthOrEmpty(weight, width);
        RowArguments.Length(y, x.Length);
        RowArguments.LengthOrEmpty(inverseRms, rows);
        RowArguments.SameOrApart(x, y);
        fixed (float* px = x, pWeight = weight, py = y, pInverse = inverseRms)
        {
            NormForward kernel = new() { X = px, Weight = pWeight, Eps = eps, Width = width, Y = py, Inverse = pInverse };
            RowTeam.Run(ref kernel, rows, width);
        }
    }

    /// <summary>
    /// The gradients of <see cref="RmsNorm"/>: with <c>g = weight dy</c>, effectively computes <c>dx[i, c] = r[i] (g[i, c] - x[i, c] r[i]^2
    /// mean over k of g[i, k] x[i, k])</c> and <c>dWeight[c] += sum over i of dy[i, c] x[i, c] r[i]</c>.
    /// </summary>
    /// <param name="x">[rows, width], the forward's input.</param>
    /// <param name="weight">[width], or empty for 1.</param>
    /// <param name="inverseRms">[rows], what the forward kept.</param>
    /// <param name="dy">[rows, width].</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="dx">[rows, width], or empty where the input needs no gradient; may be <paramref name="dy"/> unless it
    /// accumulates.</param>
    /// <param name="dWeight">[width], always added to; or empty.</param>
    /// <param name="accumulate">True adds to <paramref name="dx"/>, false writes it.</param>
    /// <exception cref="ArgumentException">A length does not fit <paramref name="width"/>, or spans overlap at an offset.</exception>
    public static void RmsNormBackward(
        ReadOnlySpan<float> x,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> inverseRms,
        ReadOnlySpan<float> dy,
        int width,
        Span<float> dx,
        Span<float> dWeight,
        bool accumulate)
    {
        int rows = RowArguments.Rows(x, width);
        RowArguments.LengthOrEmpty(weight, width);
        RowArguments.Length(inverseRms, rows);
        RowArguments.Length(dy, x.Length);
        RowArguments.LengthOrEmpty(dx, x.Length);
        RowArguments.LengthOrEmpty(dWeight, width);
        RowArguments.SameOrApart(x, dx);
        RowArguments.SameOrApart(dy, dx);
        fixed (float* px = x, pWeight = weight, pInverse = inverseRms, pdy = dy, pdx = dx, pdWeight = dWeight)
        {
            // Before dx, which may overwrite dy.
            if (!dWeight.IsEmpty)
            {
                Columns.Run(new NormWeightStep(null, pInverse), px, pdy, rows, width, pdWeight, accumulate: true);
            }
            if (!dx.IsEmpty)
            {
                NormBackward kernel = new()
                {
                    X = px,
                    Weight = pWeight,
                    Inverse = pInverse,
                    Dy = pdy,
                    Width = width,
                    Dx = pdx,
                    Accumulate = accumulate,
                };
                RowTeam.Run(ref kernel, rows, width);
            }
        }
    }
}
