namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>A = L L' of a symmetric positive definite matrix.</summary>
/// <param name="L">[n, n], lower triangular with a positive diagonal.</param>
public sealed record Cholesky(Matrix64 L)
{
    /// <summary>Factors a matrix; its lower triangle is read.</summary>
    /// <param name="a">[n, n].</param>
    /// <returns>The factor, or null where the matrix is not positive definite to working precision.</returns>
    /// <exception cref="ArgumentException">The matrix is not square.</exception>
    public static Cholesky? Try(Matrix64 a)
    {
        ArgumentNullException.ThrowIfNull(a);
        SymmetricEigen.Square(a);
        Matrix64 l = new(a.Rows, a.Rows);
        for (int i = 0; i < a.Rows; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double rest = a[i, j] - Vectors64.Dot(l.Row(i)[..j], l.Row(j)[..j]);
                if (i == j && !(rest > 0))
                {
                    return null;
                }
                l[i, j] = i == j ? Math.Sqrt(rest) : rest / l[j, j];
            }
        }
        return new Cholesky(l);
    }

    /// <summary>The x of A x = b.</summary>
    /// <param name="b">[n, columns].</param>
    public Matrix64 Solve(Matrix64 b)
    {
        ArgumentNullException.ThrowIfNull(b);
        Matrix64 x = b.Copy();
        for (int i = 0; i < L.Rows; i++)
        {
            for (int k = 0; k < i; k++)
            {
                Vectors64.AddScaled(-L[i, k], x.Row(k), x.Row(i));
            }
            Divide(x.Row(i), L[i, i]);
        }
        for (int i = L.Rows - 1; i >= 0; i--)
        {
            for (int k = i + 1; k < L.Rows; k++)
            {
                Vectors64.AddScaled(-L[k, i], x.Row(k), x.Row(i));
            }
            Divide(x.Row(i), L[i, i]);
        }
        return x;
    }

    internal static void Divide(Span<double> row, double by)
    {
        foreach (ref double value in row)
        {
            value /= by;
        }
    }
}
