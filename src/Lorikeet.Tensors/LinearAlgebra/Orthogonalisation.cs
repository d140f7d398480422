namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>Matrices near or on the orthogonal ones: Newton-Schulz, the polar factor, rotations and reflections.</summary>
public static class Orthogonalisation
{
    /// <summary>Muon's iteration: X = G / max(|G|, 1e-7); X = a X + (b X X' + c (X X')^2) X with (a, b, c) = (3.4445, -4.7750, 2.0315).</summary>
    /// <remarks>Singular values end between about 0.68 and 1.14; a tall matrix is transposed first. Source: Jordan et al., Muon, as in torch.optim.Muon.</remarks>
    /// <param name="gradient">[m, n].</param>
    /// <param name="steps">Iterations; 5 is usual.</param>
    public static Matrix64 NewtonSchulz(Matrix64 gradient, int steps = 5)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        const double A = 3.4445, B = -4.7750, C = 2.0315;
        bool tall = gradient.Rows > gradient.Columns;
        Matrix64 x = tall ? gradient.Transposed() : gradient.Copy();
        x.Scale(1 / Math.Max(Vectors64.Norm(x.Data), 1e-7));
        for (int step = 0; step < steps; step++)
        {
            Matrix64 gram = x.Times(x.Transposed());
            Matrix64 square = gram.Times(gram);
            Vectors64.AddScaled(B / C, gram.Data, square.Data);
            Matrix64 next = square.Scale(C).Times(x);
            Vectors64.AddScaled(A, x.Data, next.Data);
            x = next;
        }
        return tall ? x.Transposed() : x;
    }

    /// <summary>U V' of the singular value decomposition: the nearest matrix with orthonormal rows or columns.</summary>
    /// <param name="a">[m, n].</param>
    public static Matrix64 Polar(Matrix64 a)
    {
        Svd svd = Svd.Thin(a);
        return svd.U.Times(svd.Vt);
    }

    /// <summary>The skew-symmetric K of its entries above the diagonal, row after row: K[j, i] = -K[i, j].</summary>
    /// <param name="above">[n (n - 1) / 2].</param>
    /// <param name="n">Rows.</param>
    /// <exception cref="ArgumentException">The number of entries is another.</exception>
    public static Matrix64 Skew(ReadOnlySpan<double> above, int n)
    {
        if (above.Length != n * (n - 1) / 2)
        {
            throw new ArgumentException($"{above.Length} entries for a skew matrix [{n}, {n}], which has {n * (n - 1) / 2}", nameof(above));
        }
        Matrix64 k = new(n, n);
        int at = 0;
        for (int i = 0; i < n; i++)
        {
            for (int j = i + 1; j < n; j++)
            {
                k[i, j] = above[at];
                k[j, i] = -above[at++];
            }
        }
        return k;
    }

    /// <summary>The rotation (I - K)(I + K)^-1 of a skew-symmetric K.</summary>
    /// <param name="skew">[n, n].</param>
    public static Matrix64 Cayley(Matrix64 skew)
    {
        ArgumentNullException.ThrowIfNull(skew);
        Matrix64 plus = Matrix64.Identity(skew.Rows), minus = Matrix64.Identity(skew.Rows);
        Vectors64.AddScaled(1, skew.Data, plus.Data);
        Vectors64.AddScaled(-1, skew.Data, minus.Data);
        // X (I + K) = I - K, transposed for the solver.
        return Lu.Factor(plus.Transposed()).Solve(minus.Transposed()).Transposed();
    }

    /// <summary>PEFT's series I + 2K + 2K^2 + .. + K^(terms - 1), which approximates (I + K)(I - K)^-1, the inverse of <see cref="Cayley"/>.</summary>
    /// <param name="skew">[n, n].</param>
    /// <param name="terms">Terms, at least 2; the last has factor 1 where there are more than two, for two it is 2.</param>
    public static Matrix64 CayleySeries(Matrix64 skew, int terms)
    {
        ArgumentNullException.ThrowIfNull(skew);
        ArgumentOutOfRangeException.ThrowIfLessThan(terms, 2);
        Matrix64 sum = Matrix64.Identity(skew.Rows), power = skew;
        Vectors64.AddScaled(2, power.Data, sum.Data);
        for (int term = 2; term < terms; term++)
        {
            power = power.Times(skew);
            Vectors64.AddScaled(term == terms - 1 ? 1 : 2, power.Data, sum.Data);
        }
        return sum;
    }

    /// <summary>x times a rotation of coordinates i and j: x[i], x[j] = cos x[i] + sin x[j], -sin x[i] + cos x[j].</summary>
    /// <param name="x">[rows, n], changed in place.</param>
    /// <param name="i">The first coordinate.</param>
    /// <param name="j">The second coordinate.</param>
    /// <param name="angle">Radians.</param>
    public static void Givens(Matrix64 x, int i, int j, double angle)
    {
        ArgumentNullException.ThrowIfNull(x);
        (double s, double c) = Math.SinCos(angle);
        for (int row = 0; row < x.Rows; row++)
        {
            double a = x[row, i], b = x[row, j];
            (x[row, i], x[row, j]) = ((c * a) + (s * b), (c * b) - (s * a));
        }
    }

    /// <summary>The product of reflections I - 2 u u' / |u|^2 over the columns of u, first column leftmost.</summary>
    /// <param name="u">[n, r].</param>
    public static Matrix64 Reflections(Matrix64 u)
    {
        ArgumentNullException.ThrowIfNull(u);
        Matrix64 product = Matrix64.Identity(u.Rows);
        double[] column = new double[u.Rows];
        for (int r = 0; r < u.Columns; r++)
        {
            for (int row = 0; row < u.Rows; row++)
            {
                column[row] = u[row, r];
            }
            double square = Vectors64.Dot(column, column);
            for (int row = 0; row < u.Rows; row++)
            {
                Vectors64.AddScaled(-2 * Vectors64.Dot(product.Row(row), column) / square, column, product.Row(row));
            }
        }
        return product;
    }
}
