using Lorikeet.Tensors.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra;

namespace Lorikeet.Tensors.Tests.LinearAlgebra;

public class DecompositionTests
{
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 0 }, { 7, 3, 0 }, { 3, 7, 0 }, { 40, 40, 0 }, { 65, 33, 0 }, { 33, 129, 0 }, { 30, 20, 5 }, { 20, 30, 1 }, { 150, 100, 0 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Singular_values_equal_those_of_another_library(int rows, int columns, int rank)
    {
        Matrix64 a = Make(rows, columns, rank);
        Svd svd = Svd.Thin(a);
        double[] expected = [.. Matrix<double>.Build.DenseOfRowMajor(rows, columns, a.Data.ToArray()).Svd(false).S];
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], svd.S[i], 1e-12 * expected[0]);
        }
        Near(a, svd.Approximation(svd.S.Length), 1e-12 * expected[0]);
        Near(Matrix64.Identity(svd.S.Length), svd.U.Transposed().Times(svd.U), 1e-12);
        Near(Matrix64.Identity(svd.S.Length), svd.Vt.Times(svd.Vt.Transposed()), 1e-12);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Qr_is_orthonormal_times_triangular(int rows, int columns, int rank)
    {
        Matrix64 a = Make(rows, columns, rank);
        Qr qr = Qr.Thin(a);
        Near(a, qr.Q.Times(qr.R), 1e-13 * a.LargestMagnitude() * columns);
        Near(Matrix64.Identity(qr.Q.Columns), qr.Q.Transposed().Times(qr.Q), 1e-13);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(51)]
    public void Eigenvalues_equal_those_of_another_library(int n)
    {
        Matrix64 a = Make(n, n, 0);
        Matrix64 symmetric = a.Times(a.Transposed());
        SymmetricEigen eigen = SymmetricEigen.Of(symmetric);
        double[] expected = [.. Matrix<double>.Build.DenseOfRowMajor(n, n, symmetric.Data.ToArray()).Evd(Symmetricity.Symmetric).EigenValues.Select(v => v.Real).Order()];
        for (int i = 0; i < n; i++)
        {
            Assert.Equal(expected[i], eigen.Values[i], 1e-12 * expected[^1]);
        }
        Matrix64 root = eigen.Apply(Math.Sqrt);
        Near(symmetric, root.Times(root), 1e-11 * expected[^1]);
    }

    [Fact]
    public void Solvers_solve()
    {
        Matrix64 a = Make(12, 12, 0), x = Make(12, 3, 0);
        Near(x, Lu.Factor(a).Solve(a.Times(x)), 1e-10);
        Matrix64 definite = a.Times(a.Transposed());
        Near(x, Cholesky.Try(definite)!.Solve(definite.Times(x)), 1e-8);
        Assert.Null(Cholesky.Try(Matrix64.Identity(3).Scale(-1)));
        Assert.Throws<ArithmeticException>(() => Lu.Factor(new Matrix64(2, 2)).Solve(new Matrix64(2, 1)));
    }

    [Fact]
    public void A_random_range_finds_the_large_values_of_a_matrix_that_falls_off()
    {
        Svd start = Svd.Thin(Make(60, 90, 0));
        Matrix64 scaled = start.U.Copy();
        for (int row = 0; row < 60; row++)
        {
            for (int i = 0; i < 60; i++)
            {
                scaled[row, i] *= Math.Pow(0.5, i);
            }
        }
        Svd got = RandomisedSvd.Thin(scaled.Times(start.Vt), 6, new CounterRandom(3));
        Assert.Equal((60, 6, 6, 90), (got.U.Rows, got.U.Columns, got.Vt.Rows, got.Vt.Columns));
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal(Math.Pow(0.5, i), got.S[i], 1e-6);
        }
    }

    [Fact]
    public void The_largest_entry_of_each_left_vector_is_positive()
    {
        foreach (Matrix64 a in (Matrix64[])[Make(9, 5, 0), Make(5, 9, 0)])
        {
            Svd svd = Svd.Thin(a);
            for (int i = 0; i < svd.S.Length; i++)
            {
                double[] column = [.. Enumerable.Range(0, svd.U.Rows).Select(row => svd.U[row, i])];
                Assert.True(column.MaxBy(Math.Abs) > 0);
            }
        }
    }

    [Fact]
    public void Not_a_number_is_refused()
    {
        Matrix64 a = Make(4, 4, 0);
        a[2, 1] = double.NaN;
        Assert.Contains("NaN", Assert.Throws<ArithmeticException>(() => Svd.Thin(a)).Message, StringComparison.Ordinal);
        Assert.Throws<ArithmeticException>(() => SymmetricEigen.Of(a));
    }

    private static Matrix64 Make(int rows, int columns, int rank)
    {
        float[] values = new float[rows * columns];
        new CounterRandom((ulong)((rows * 1000) + columns)).FillNormal(values, 1);
        return rank == 0 ? Matrix64.Of(rows, columns, values) : Make(rows, rank, 0).Times(Make(rank, columns, 0));
    }

    private static void Near(Matrix64 expected, Matrix64 got, double tolerance)
    {
        Assert.Equal((expected.Rows, expected.Columns), (got.Rows, got.Columns));
        for (int i = 0; i < expected.Data.Length; i++)
        {
            Assert.Equal(expected.Data[i], got.Data[i], tolerance);
        }
    }
}
