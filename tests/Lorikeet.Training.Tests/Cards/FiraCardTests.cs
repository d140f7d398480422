using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;
using Lorikeet.Training.Tests.Optimizing;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>Fira's card; 6 is in the reference cases, 7 in the experiments.</summary>
public sealed class FiraCardTests
{
    [Theory]
    [Trait("Card", "Fira 1")]
    [InlineData(20, 12)]
    [InlineData(12, 20)]
    [InlineData(14, 14)]
    public void With_a_basis_of_full_rank_it_is_GaLore(int rows, int columns)
    {
        OptimizerSettings settings = new() { Rank = 64, Scale = 1, Period = 4 };
        using OptimizerBench fira = new("fira", settings, new Shape(rows, columns)), galore = new("galore", settings, new Shape(rows, columns));
        Assert.InRange(OptimizerBench.Difference(fira.Random(10).Value(), galore.Random(10).Value()), 0, 1e-7);
    }

    [Theory]
    [Trait("Card", "Fira 2")]
    [InlineData(20, 12)]
    [InlineData(12, 20)]
    public void Inside_it_is_GaLore_and_outside_the_scaled_residual(int rows, int columns)
    {
        OptimizerSettings settings = new() { Rank = 4, Scale = 1, Period = 100 };
        using OptimizerBench fira = new("fira", settings, new Shape(rows, columns)), galore = new("galore", settings, new Shape(rows, columns));
        for (int step = 0; step < 5; step++)
        {
            float[] before = fira.Value(), beforeGalore = galore.Value();
            fira.Random(1);
            galore.Random(1);
            Matrix64 change = fira.Since(before), plain = galore.Since(beforeGalore), inside = fira.Inside(change), outside = OptimizerBench.Minus(change, inside);
            Assert.InRange(OptimizerBench.Norm(OptimizerBench.Minus(inside, plain)) / OptimizerBench.Norm(plain), 0, 1e-4);
            Assert.True(OptimizerBench.Norm(outside) > 0.01 * OptimizerBench.Norm(inside));
            // Each column (row) of the change outside is that of the residual, scaled.
            Matrix64 residual = OptimizerBench.Minus(fira.Gradient(), fira.Inside(fira.Gradient()));
            bool byColumn = rows < columns;
            for (int i = 0; i < (byColumn ? columns : rows); i++)
            {
                double[] a = Line(outside, i, byColumn), b = Line(residual, i, byColumn);
                double along = a.Zip(b, (x, y) => x * y).Sum() / Math.Sqrt(a.Sum(x => x * x) * b.Sum(y => y * y));
                Assert.InRange(along, -1.001, -0.999);
            }
        }
    }

    [Fact]
    [Trait("Card", "Fira 3")]
    public void Where_Adam_only_multiplies_the_whole_gradient_is_multiplied()
    {
        // With beta 0 and an eps far above all gradients psi(R) is R / eps.
        const double Eps = 1e4, Rate = 0.5;
        using OptimizerBench fira = new("fira", new OptimizerSettings { Rank = 4, Scale = 1, Eps = Eps, Beta1 = 0, Beta2 = 0 }, new Shape(20, 12));
        fira.FromZero().Draw().Step(Rate);
        Matrix64 expected = fira.Gradient().Scale(-Rate / Eps);
        Assert.InRange(OptimizerBench.Norm(OptimizerBench.Minus(fira.Change(), expected)) / OptimizerBench.Norm(expected), 0, 1e-3);
    }

    [Fact]
    [Trait("Card", "Fira 4")]
    public void A_residual_grows_by_one_percent_a_step()
    {
        using OptimizerBench fira = new("fira", new OptimizerSettings { Rank = 2, Scale = 1, Period = 1000, Beta1 = 0, Beta2 = 0, Eps = 1e6 }, new Shape(10, 6));
        float[] direction = [.. fira.Draw().Gradients[0].Span.ToArray().Select(v => 1000 * v)];
        direction.CopyTo(fira.Gradients[0].Span);
        // psi is R / eps here, so the residual is as large as the gradient outside over eps.
        fira.Step();
        double first = fira.States[0]["scaling_grad"].Span[0];
        for (int i = 0; i < direction.Length; i++)
        {
            fira.Gradients[0].Span[i] = 1.1f * direction[i];
        }
        double whole = 1.1 * first, expected = first;
        for (int step = 0; step < 14; step++)
        {
            fira.Step();
            expected = Math.Min(expected * 1.01, whole);
            Assert.InRange(fira.States[0]["scaling_grad"].Span[0] / expected, 1 - 2e-4, 1 + 2e-4);
        }
        Assert.Equal(whole, expected, 9);
    }

    [Theory]
    [Trait("Card", "Fira 5")]
    [InlineData(20, 12, 4)]
    [InlineData(12, 20, 4)]
    [InlineData(14, 14, 64)]
    public void The_state_is_GaLores_and_one_number_and_one_step_has_a_larger_rank(int rows, int columns, int rank)
    {
        using OptimizerBench fira = new("fira", new OptimizerSettings { Rank = rank }, new Shape(rows, columns));
        fira.Random(1);
        Assert.Equal(GaloreCardTests.Bytes(ProjectionSide.Std, rows, columns, rank) + sizeof(float), fira.States[0].Bytes);
        if (rank < Math.Min(rows, columns))
        {
            Assert.True(OptimizerBench.Rank(fira.Change()) > rank);
        }
    }

    private static double[] Line(Matrix64 x, int at, bool column) =>
        column ? [.. Enumerable.Range(0, x.Rows).Select(row => x[row, at])] : x.Row(at).ToArray();
}
