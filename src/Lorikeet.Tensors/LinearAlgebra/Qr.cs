namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>A thin QR decomposition with a positive diagonal of R, which makes the factors unique at full rank.</summary>
/// <param name="Q">[m, k], orthonormal columns, k = min(m, n).</param>
/// <param name="R">[k, n], upper triangular, diagonal not negative.</param>
public sealed record Qr(Matrix64 Q, Matrix64 R)
{
    /// <summary>A = Q R.</summary>
    /// <param name="a">[m, n].</param>
    public static Qr Thin(Matrix64 a)
    {
        Householder factors = Householder.Factor(a);
        Matrix64 q = factors.Q(), r = factors.R();
        for (int i = 0; i < r.Rows; i++)
        {
            if (r[i, i] < 0)
            {
                foreach (ref double value in r.Row(i)[i..])
                {
                    value = -value;
                }
                for (int row = 0; row < q.Rows; row++)
                {
                    q[row, i] = -q[row, i];
                }
            }
        }
        return new Qr(q, r);
    }
}
