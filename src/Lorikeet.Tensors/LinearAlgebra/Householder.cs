namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>A = Q R by reflections, in LAPACK's packed form (geqrf): R on and above the diagonal, reflector i below it.</summary>
/// <remarks>Q = H[0] H[1] ..., H[i] = I - tau[i] v v', v = (0.., 1, below the diagonal of column i). Source: Golub and Van Loan, algorithm 5.2.1.</remarks>
public sealed class Householder
{
    private Householder(Matrix64 reflectors, double[] taus)
    {
        Reflectors = reflectors;
        Taus = taus;
    }

    /// <summary>[m, n]: R and the reflectors.</summary>
    public Matrix64 Reflectors { get; }

    /// <summary>[min(m, n)]: the factor of each reflection; 0: none.</summary>
    public IReadOnlyList<double> Taus { get; }

    /// <summary>Factors a matrix.</summary>
    /// <param name="a">[m, n].</param>
    public static Householder Factor(Matrix64 a)
    {
        ArgumentNullException.ThrowIfNull(a);
        Matrix64 work = a.Copy();
        int steps = Math.Min(a.Rows, a.Columns);
        double[] taus = new double[steps], column = new double[a.Rows], sums = new double[a.Columns];
        for (int i = 0; i < steps; i++)
        {
            Span<double> v = column.AsSpan(i);
            for (int row = i; row < a.Rows; row++)
            {
                v[row - i] = work[row, i];
            }
            double rest = Vectors64.Norm(v[1..]), alpha = v[0];
            if (rest == 0)
            {
                continue;
            }
            // beta has the sign that keeps alpha - beta from cancelling.
            double beta = -Math.CopySign(Vectors64.Norm([alpha, rest]), alpha);
            taus[i] = (beta - alpha) / beta;
            double inverse = 1 / (alpha - beta);
            v[0] = 1;
            for (int j = 1; j < v.Length; j++)
            {
                // Below the smallest normal number the inverse would be infinite.
                v[j] = double.IsFinite(inverse) ? v[j] * inverse : v[j] / (alpha - beta);
                work[i + j, i] = v[j];
            }
            work[i, i] = beta;
            Reflect(work, i, i + 1, v, taus[i], sums);
        }
        return new Householder(work, taus);
    }

    /// <summary>R, [min(m, n), n], zero below the diagonal.</summary>
    public Matrix64 R()
    {
        Matrix64 r = new(Taus.Count, Reflectors.Columns);
        for (int row = 0; row < r.Rows; row++)
        {
            Reflectors.Row(row)[row..].CopyTo(r.Row(row)[row..]);
        }
        return r;
    }

    /// <summary>The first min(m, n) columns of Q, orthonormal whatever the matrix was.</summary>
    public Matrix64 Q()
    {
        Matrix64 q = Matrix64.Identity(Reflectors.Rows, Taus.Count);
        double[] column = new double[q.Rows], sums = new double[q.Columns];
        for (int i = Taus.Count - 1; i >= 0; i--)
        {
            Span<double> v = column.AsSpan(i);
            v[0] = 1;
            for (int row = i + 1; row < q.Rows; row++)
            {
                v[row - i] = Reflectors[row, i];
            }
            Reflect(q, i, i, v, Taus[i], sums);
        }
        return q;
    }

    /// <summary>Rows from <paramref name="row"/> on, columns from <paramref name="column"/> on: subtracts tau v (v' M).</summary>
    private static void Reflect(Matrix64 m, int row, int column, ReadOnlySpan<double> v, double tau, double[] sums)
    {
        if (tau == 0)
        {
            return;
        }
        Span<double> sum = sums.AsSpan(column);
        sum.Clear();
        for (int j = 0; j < v.Length; j++)
        {
            Vectors64.AddScaled(v[j], m.Row(row + j)[column..], sum);
        }
        for (int j = 0; j < v.Length; j++)
        {
            Vectors64.AddScaled(-tau * v[j], sum, m.Row(row + j)[column..]);
        }
    }
}
