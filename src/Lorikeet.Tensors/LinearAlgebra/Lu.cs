namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>A[RowOf] = L U with partial pivoting.</summary>
/// <param name="L">[m, k], unit lower triangular, k = min(m, n).</param>
/// <param name="U">[k, n], upper triangular.</param>
/// <param name="RowOf">[m]: the row of A that became row i.</param>
public sealed record Lu(Matrix64 L, Matrix64 U, int[] RowOf)
{
    /// <summary>Factors a matrix: each step takes the entry of largest magnitude in its column, the first of equals.</summary>
    /// <param name="a">[m, n].</param>
    public static Lu Factor(Matrix64 a)
    {
        ArgumentNullException.ThrowIfNull(a);
        Matrix64 work = a.Copy();
        int steps = Math.Min(a.Rows, a.Columns);
        int[] rows = [.. Enumerable.Range(0, a.Rows)];
        double[] spare = new double[a.Columns];
        for (int i = 0; i < steps; i++)
        {
            int pivot = i;
            for (int row = i + 1; row < a.Rows; row++)
            {
                pivot = Math.Abs(work[row, i]) > Math.Abs(work[pivot, i]) ? row : pivot;
            }
            if (pivot != i)
            {
                work.Row(i).CopyTo(spare);
                work.Row(pivot).CopyTo(work.Row(i));
                spare.CopyTo(work.Row(pivot));
                (rows[i], rows[pivot]) = (rows[pivot], rows[i]);
            }
            for (int row = i + 1; row < a.Rows && work[i, i] != 0; row++)
            {
                double factor = work[row, i] / work[i, i];
                Vectors64.AddScaled(-factor, work.Row(i)[i..], work.Row(row)[i..]);
                work[row, i] = factor;
            }
        }
        Matrix64 l = Matrix64.Identity(a.Rows, steps), u = new(steps, a.Columns);
        for (int row = 0; row < a.Rows; row++)
        {
            int below = Math.Min(row, steps);
            work.Row(row)[..below].CopyTo(l.Row(row));
            if (row < steps)
            {
                work.Row(row)[row..].CopyTo(u.Row(row)[row..]);
            }
        }
        return new Lu(l, u, rows);
    }

    /// <summary>The x of A x = b, for a square A.</summary>
    /// <param name="b">[n, columns].</param>
    /// <exception cref="ArithmeticException">The matrix is singular.</exception>
    public Matrix64 Solve(Matrix64 b)
    {
        ArgumentNullException.ThrowIfNull(b);
        Matrix64 x = new(b.Rows, b.Columns);
        for (int i = 0; i < x.Rows; i++)
        {
            b.Row(RowOf[i]).CopyTo(x.Row(i));
            for (int k = 0; k < i; k++)
            {
                Vectors64.AddScaled(-L[i, k], x.Row(k), x.Row(i));
            }
        }
        for (int i = x.Rows - 1; i >= 0; i--)
        {
            for (int k = i + 1; k < x.Rows; k++)
            {
                Vectors64.AddScaled(-U[i, k], x.Row(k), x.Row(i));
            }
            if (U[i, i] == 0)
            {
                throw new ArithmeticException($"a matrix [{x.Rows}, {x.Rows}] is singular: pivot {i} is 0");
            }
            Cholesky.Divide(x.Row(i), U[i, i]);
        }
        return x;
    }
}
