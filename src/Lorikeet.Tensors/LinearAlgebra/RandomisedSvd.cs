namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>An approximate decomposition from the range that a few random columns span.</summary>
/// <remarks>
/// Q = qr(A Omega); <c>iterations</c> times Q = qr(A' Q), Q = qr(A Q); then the decomposition of Q' A. A wide matrix is transposed first, as torch.svd_lowrank does.
/// Source: Halko, Martinsson and Tropp, SIAM Review 53 (2011), algorithms 4.4 and 5.1.
/// </remarks>
public static class RandomisedSvd
{
    /// <summary>Decomposes with a given test matrix.</summary>
    /// <param name="a">[m, n].</param>
    /// <param name="omega">[min(m, n), q].</param>
    /// <param name="iterations">Subspace iterations; 2 serve most matrices, more where singular values fall slowly.</param>
    /// <returns>U [m, q], S [q], Vt [q, n].</returns>
    public static Svd Thin(Matrix64 a, Matrix64 omega, int iterations = 2)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(omega);
        bool wide = a.Rows < a.Columns;
        Matrix64 tall = wide ? a.Transposed() : a, across = wide ? a : a.Transposed();
        Matrix64 q = Qr.Thin(tall.Times(omega)).Q;
        for (int i = 0; i < iterations; i++)
        {
            q = Qr.Thin(across.Times(q)).Q;
            q = Qr.Thin(tall.Times(q)).Q;
        }
        Svd small = Svd.Thin(q.Transposed().Times(tall));
        Matrix64 left = q.Times(small.U);
        return wide ? new Svd(small.Vt.Transposed(), small.S, left.Transposed()) : small with { U = left };
    }

    /// <summary>Decomposes with normal random columns.</summary>
    /// <param name="a">[m, n].</param>
    /// <param name="rank">Columns kept.</param>
    /// <param name="random">Draws the test matrix, which takes a few columns more.</param>
    /// <param name="iterations">Subspace iterations.</param>
    /// <returns>U [m, rank], S [rank], Vt [rank, n].</returns>
    public static Svd Thin(Matrix64 a, int rank, CounterRandom random, int iterations = 2)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rank);
        int most = Math.Min(a.Rows, a.Columns), columns = Math.Min(most, rank + 8);
        rank = Math.Min(rank, most);
        float[] normal = new float[most * columns];
        random.FillNormal(normal, 1);
        Svd all = Thin(a, Matrix64.Of(most, columns, normal), iterations);
        return new Svd(all.U.FirstColumns(rank), all.S[..rank], all.Vt.FirstRows(rank));
    }
}
