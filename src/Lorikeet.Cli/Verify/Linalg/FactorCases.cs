using System.Globalization;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Cli.Verify.Linalg;

/// <summary>Decompositions: the float64 tolerances of the cases' descriptions.</summary>
internal static class FactorCases
{
    public static void Qr(Matrices matrices, CaseReport report)
    {
        foreach (string name in matrices.Groups("A"))
        {
            Matrix64 a = matrices.Matrix(name + ".A");
            Qr qr = Tensors.LinearAlgebra.Qr.Thin(a);
            Near(report, name + ": QR = A", qr.Q.Times(qr.R), a, 1e-13 * a.LargestMagnitude());
            Near(report, name + ": Q'Q = I", qr.Q.Transposed().Times(qr.Q), Matrix64.Identity(qr.Q.Columns), 1e-13);
            bool triangular = true;
            for (int row = 0; row < qr.R.Rows; row++)
            {
                triangular &= qr.R.Row(row)[..row].TrimStart(0.0).IsEmpty && qr.R[row, row] >= 0;
            }
            report.Equal(name + ": triangular", triangular, "R has entries below its diagonal, or a negative one on it");
            if (!matrices.Has(name + ".Q"))
            {
                continue;
            }
            Matrix64 q = matrices.Matrix(name + ".Q"), r = matrices.Matrix(name + ".R");
            // The description bounds Q and R where A is well conditioned: later columns lose digits in proportion.
            double[] values = Tensors.LinearAlgebra.Svd.Thin(a).S;
            double loss = Math.Max(1, values[0] / Math.Max(values[^1], double.Epsilon) / 1e3);
            Near(report, name + ".Q", qr.Q, q, 1e-11 * loss);
            Near(report, name + ".R", qr.R, r, 1e-11 * loss * r.LargestMagnitude());
        }
    }

    public static void Svd(Matrices matrices, CaseReport report)
    {
        foreach (string name in matrices.Groups("A"))
        {
            Matrix64 a = matrices.Matrix(name + ".A");
            Svd svd = Tensors.LinearAlgebra.Svd.Thin(a);
            string exact = matrices.Has(name + ".S_exact") ? name + ".S_exact" : name + ".S";
            double[] expected = matrices.Values(exact);
            report.Each(exact, svd.S, expected, 0, Math.Max(1e-14 * expected[0], double.Epsilon));
            double[] theirs = matrices.Values(name + ".S");
            report.Each(name + ".S", svd.S, theirs, 0, Math.Max(3e-14 * theirs[0], double.Epsilon));
            Near(report, name + ": U'U = I", svd.U.Transposed().Times(svd.U), Matrix64.Identity(svd.S.Length), 1e-12);
            Near(report, name + ": VV' = I", svd.Vt.Times(svd.Vt.Transposed()), Matrix64.Identity(svd.S.Length), 1e-12);
            double largest = a.LargestMagnitude();
            Near(report, name + ": USV' = A", svd.Approximation(svd.S.Length), a, 1e-12 * largest);
            foreach ((string tensor, string rank) in matrices.After(name + ".rank"))
            {
                Near(report, tensor, svd.Approximation(int.Parse(rank, CultureInfo.InvariantCulture)), matrices.Matrix(tensor), 1e-11 * largest);
            }
            foreach ((string tensor, string rank) in matrices.After(name + ".left_projector"))
            {
                Matrix64 left = svd.U.FirstColumns(int.Parse(rank, CultureInfo.InvariantCulture));
                Near(report, tensor, left.Times(left.Transposed()), matrices.Matrix(tensor), 1e-9);
            }
        }
    }

    public static void RandomisedSvd(Matrices matrices, CaseReport report)
    {
        foreach (string test in matrices.Groups("Omega"))
        {
            string name = test[..test.LastIndexOf('.')];
            Matrix64 a = matrices.Matrix(name + ".A"), omega = matrices.Matrix(test + ".Omega");
            double largest = a.LargestMagnitude();
            foreach ((string tensor, string rest) in matrices.After(test + ".niter"))
            {
                string iterations = rest[..rest.IndexOf('.', StringComparison.Ordinal)];
                Svd svd = Tensors.LinearAlgebra.RandomisedSvd.Thin(a, omega, int.Parse(iterations, CultureInfo.InvariantCulture));
                if (rest.EndsWith(".S", StringComparison.Ordinal))
                {
                    report.Each(tensor, svd.S, matrices.Values(tensor), 0, 1e-9 * largest);
                }
                else
                {
                    Near(report, tensor, svd.Approximation(svd.S.Length), matrices.Matrix(tensor), 1e-9 * largest);
                }
            }
        }
    }

    public static void Lu(Matrices matrices, CaseReport report)
    {
        foreach (string name in matrices.Groups("A"))
        {
            Lu lu = Tensors.LinearAlgebra.Lu.Factor(matrices.Matrix(name + ".A"));
            report.Equal(name + ".row_of", lu.RowOf.AsSpan().SequenceEqual(matrices.Integers(name + ".row_of")), "the rows were taken in another order");
            Each(report, name + ".L", lu.L, matrices.Matrix(name + ".L"), 1e-12);
            Each(report, name + ".U", lu.U, matrices.Matrix(name + ".U"), 1e-12);
            double[] diagonal = [.. Enumerable.Range(0, lu.U.Rows).Select(i => lu.U[i, i])];
            report.Each(name + ".D", diagonal, matrices.Values(name + ".D"), 1e-12, 1e-13);
        }
    }

    public static void Symmetric(Matrices matrices, CaseReport report)
    {
        foreach (string name in matrices.Groups("A"))
        {
            Matrix64 a = matrices.Matrix(name + ".A");
            SymmetricEigen eigen = SymmetricEigen.Of(a);
            double[] values = matrices.Values(name + ".eigenvalues");
            double largest = values.Max(Math.Abs), condition = largest / values.Min(Math.Abs);
            report.Each(name + ".eigenvalues", eigen.Values, values, 0, 1e-12 * largest);
            Near(report, name + ": VSV' = A", eigen.Apply(value => value), a, 1e-12 * largest);
            Cholesky? factor = Cholesky.Try(a);
            report.Equal(name + ": definite", factor is not null == matrices.Has(name + ".L"), factor is null ? "no factor was found" : "a factor was found");
            if (factor is not null && matrices.Has(name + ".L"))
            {
                Near(report, name + ".L", factor.L, matrices.Matrix(name + ".L"), 1e-12 * largest);
                Matrix64 x = matrices.Matrix(name + ".x");
                Near(report, name + ".x", factor.Solve(matrices.Matrix(name + ".b")), x, 1e-14 * condition * x.LargestMagnitude());
            }
        }
    }

    public static void Roots(Matrices matrices, CaseReport report)
    {
        foreach (string name in matrices.Groups("A"))
        {
            foreach ((string damped, double damping) in new[] { (name, 0.0), (name + ".damped", 0.001) })
            {
                Matrix64 a = matrices.Matrix(name + ".A");
                for (int i = 0; i < a.Rows; i++)
                {
                    a[i, i] += damping;
                }
                SymmetricEigen eigen = SymmetricEigen.Of(a);
                Matrix64 root = matrices.Matrix(damped + ".sqrt"), inverse = matrices.Matrix(damped + ".inverse_sqrt");
                Near(report, damped + ".sqrt", eigen.Apply(Math.Sqrt), root, 1e-12 * root.LargestMagnitude());
                double condition = eigen.Values[^1] / eigen.Values[0];
                Near(report, damped + ".inverse_sqrt", eigen.Apply(v => 1 / Math.Sqrt(v)), inverse, Math.Max(1e-12, 1e-14 * condition) * inverse.LargestMagnitude());
            }
        }
    }

    /// <summary>Every element within an absolute error.</summary>
    internal static void Near(CaseReport report, string what, Matrix64 got, Matrix64 expected, double absolute) =>
        report.Each(what, got.Data, expected.Data, 0, Math.Max(absolute, double.Epsilon));

    private static void Each(CaseReport report, string what, Matrix64 got, Matrix64 expected, double relative) =>
        report.Each(what, got.Data, expected.Data, relative, relative * expected.LargestMagnitude());
}
