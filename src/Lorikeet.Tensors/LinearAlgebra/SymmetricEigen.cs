namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>A = V diag(values) V' of a symmetric matrix.</summary>
/// <param name="Values">[n], ascending.</param>
/// <param name="Vectors">[n, n], column i belongs to value i.</param>
public sealed record SymmetricEigen(double[] Values, Matrix64 Vectors)
{
    private const int MostSweeps = 60;

    /// <summary>Decomposes by Jacobi rotations; only the mean of both triangles counts.</summary>
    /// <remarks>Each rotation zeroes one element off the diagonal; sweeps end when all are below the rounding of the diagonal. Source: Golub and Van Loan, section 8.5.</remarks>
    /// <param name="a">[n, n].</param>
    /// <exception cref="ArgumentException">The matrix is not square.</exception>
    /// <exception cref="ArithmeticException">An element is NaN or infinite.</exception>
    public static SymmetricEigen Of(Matrix64 a)
    {
        ArgumentNullException.ThrowIfNull(a);
        Square(a);
        if (!double.IsFinite(a.LargestMagnitude()))
        {
            throw new ArithmeticException($"the eigenvalues of a matrix [{a.Rows}, {a.Columns}] were asked for that holds NaN or infinity");
        }
        int n = a.Rows;
        Matrix64 work = new(n, n), turns = Matrix64.Identity(n);
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                work[i, j] = (a[i, j] + a[j, i]) / 2;
            }
        }
        bool turned = true;
        for (int sweep = 0; sweep < MostSweeps && turned; sweep++)
        {
            turned = false;
            for (int p = 0; p < n - 1; p++)
            {
                for (int q = p + 1; q < n; q++)
                {
                    turned |= Turn(work, turns, p, q);
                }
            }
        }
        int[] order = [.. Enumerable.Range(0, n).OrderBy(i => work[i, i])];
        Matrix64 vectors = new(n, n);
        for (int i = 0; i < n; i++)
        {
            for (int row = 0; row < n; row++)
            {
                vectors[row, i] = turns[order[i], row];
            }
        }
        return new SymmetricEigen([.. order.Select(i => work[i, i])], vectors);
    }

    /// <summary>V diag(f(values)) V': a function of the matrix, such as its inverse root.</summary>
    /// <param name="function">Applied to each eigenvalue.</param>
    public Matrix64 Apply(Func<double, double> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        Matrix64 scaled = Vectors.Copy();
        for (int row = 0; row < scaled.Rows; row++)
        {
            for (int i = 0; i < Values.Length; i++)
            {
                scaled[row, i] *= function(Values[i]);
            }
        }
        return scaled.Times(Vectors.Transposed());
    }

    internal static void Square(Matrix64 a)
    {
        if (a.Rows != a.Columns)
        {
            throw new ArgumentException($"a matrix [{a.Rows}, {a.Columns}] is not square", nameof(a));
        }
    }

    private static bool Turn(Matrix64 a, Matrix64 turns, int p, int q)
    {
        double off = a[p, q], low = a[p, p], high = a[q, q];
        if (Math.Abs(off) <= 1e-17 * (Math.Abs(low) + Math.Abs(high)) || off == 0)
        {
            return false;
        }
        double theta = (high - low) / (2 * off);
        double t = Math.Abs(theta) > 1e150 ? 0.5 / theta : Math.CopySign(1 / (Math.Abs(theta) + Math.Sqrt(1 + (theta * theta))), theta);
        double c = 1 / Math.Sqrt(1 + (t * t)), s = c * t;
        Vectors64.Rotate(a.Row(p), a.Row(q), c, s);
        for (int row = 0; row < a.Rows; row++)
        {
            double x = a[row, p], y = a[row, q];
            (a[row, p], a[row, q]) = ((c * x) - (s * y), (s * x) + (c * y));
        }
        (a[p, p], a[q, q], a[p, q], a[q, p]) = (low - (t * off), high + (t * off), 0, 0);
        Vectors64.Rotate(turns.Row(p), turns.Row(q), c, s);
        return true;
    }
}
