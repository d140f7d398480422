using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;
using Lorikeet.Training.Tests.Optimizing;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>GaLore's card, checks 1 to 4; 5 is in the reference cases, 6 in the tests of per-layer steps and the experiments, 7 in the experiments.</summary>
public sealed class GaloreCardTests
{
    public static readonly (int Rows, int Columns)[] Shapes = [(20, 12), (12, 20), (14, 14)];

    public static TheoryData<int, int, int> ShapesAndRanks
    {
        get
        {
            TheoryData<int, int, int> data = [];
            foreach ((int rows, int columns) in Shapes)
            {
                data.Add(rows, columns, 4);
                data.Add(rows, columns, 64);
            }
            return data;
        }
    }

    [Theory]
    [Trait("Card", "GaLore 1")]
    [InlineData(20, 12)]
    [InlineData(12, 20)]
    [InlineData(14, 14)]
    public void Over_gradient_descent_a_basis_of_full_rank_changes_nothing(int rows, int columns)
    {
        foreach (ProjectionSide side in new[] { ProjectionSide.Std, ProjectionSide.Full })
        {
            SubspaceOptimizer galore = new("galore-sgd", new Sgd(), new BasisSubspace(side, BasisKind.Svd, _ => 64), new SubspaceOptions { Period = 3 });
            // Of both sides only a square gradient's are spanned whole.
            int width = side == ProjectionSide.Full ? rows : columns;
            using OptimizerBench projected = new(galore, new Shape(rows, width)), plain = new(new Sgd(), new Shape(rows, width));
            Assert.InRange(OptimizerBench.Difference(projected.Random(7).Value(), plain.Random(7).Value()), 0, 1e-5);
        }
    }

    [Theory]
    [Trait("Card", "GaLore 1")]
    [InlineData(20, 12)]
    [InlineData(14, 14)]
    public void Over_Adam_a_rotated_basis_is_another_method(int rows, int columns)
    {
        using OptimizerBench projected = new("galore", new OptimizerSettings { Rank = 64, Scale = 1 }, new Shape(rows, columns)), plain = new("early-adamw", new OptimizerSettings(), new Shape(rows, columns));
        Assert.True(OptimizerBench.Difference(projected.Random(3).Value(), plain.Random(3).Value()) > 1e-3);
    }

    [Theory]
    [Trait("Card", "GaLore 2")]
    [MemberData(nameof(ShapesAndRanks))]
    public void The_first_step_is_the_sign_of_the_projected_gradient(int rows, int columns, int rank)
    {
        const double Rate = 0.01, Scale = 0.5;
        using OptimizerBench bench = new("galore", new OptimizerSettings { Rank = rank, Scale = Scale, Eps = 0 }, new Shape(rows, columns));
        bench.FromZero().Draw().Step(Rate);
        bool left = rows < columns;
        Matrix64 basis = bench.State(left ? "left" : "right"), gradient = bench.Gradient();
        Matrix64 low = left ? basis.Transposed().Times(gradient) : gradient.Times(basis.Transposed());
        Matrix64 signs = low.Copy();
        foreach (ref double value in signs.Data)
        {
            Assert.NotEqual(0, value);
            value = -Rate * Scale * Math.Sign(value);
        }
        Matrix64 expected = left ? basis.Times(signs) : signs.Times(basis), change = bench.Change();
        Assert.InRange(OptimizerBench.Norm(OptimizerBench.Minus(change, expected)) / OptimizerBench.Norm(expected), 0, 1e-5);
        Assert.InRange(OptimizerBench.Norm(change) / (Rate * Scale * Math.Sqrt(low.Data.Length)), 1 - 1e-5, 1 + 1e-5);
    }

    [Theory]
    [Trait("Card", "GaLore 3")]
    [InlineData(20, 12)]
    [InlineData(12, 20)]
    [InlineData(14, 14)]
    public void Changes_of_one_period_lie_in_its_subspace_and_those_of_three_add_up(int rows, int columns)
    {
        const int Rank = 3, Period = 4;
        using OptimizerBench bench = new("galore", new OptimizerSettings { Rank = Rank, Period = Period, Scale = 1 }, new Shape(rows, columns));
        for (int step = 0; step < Period; step++)
        {
            bench.Random(1);
            Matrix64 change = bench.Change();
            Assert.InRange(OptimizerBench.Norm(OptimizerBench.Minus(change, bench.Inside(change))) / OptimizerBench.Norm(change), 0, 1e-5);
        }
        Assert.Equal(Rank, OptimizerBench.Rank(bench.Change()));
        bench.Random(2 * Period);
        Assert.InRange(OptimizerBench.Rank(bench.Change()), Rank + 1, 3 * Rank);
    }

    [Theory]
    [Trait("Card", "GaLore 4")]
    [MemberData(nameof(ShapesAndRanks))]
    public void States_have_the_bytes_of_the_formula_on_every_side(int rows, int columns, int rank)
    {
        foreach (ProjectionSide side in Enum.GetValues<ProjectionSide>())
        {
            using OptimizerBench bench = new("galore", new OptimizerSettings { Rank = rank, Side = side }, new Shape(rows, columns));
            bench.Random(1);
            Assert.Equal(Bytes(side, rows, columns, rank), bench.States[0].Bytes);
        }
    }

    [Fact]
    [Trait("Card", "GaLore 4")]
    public void What_is_not_projected_has_the_inner_optimisers_state()
    {
        using OptimizerBench bench = new("galore", new OptimizerSettings { Rank = 4 }, new Shape(20, 12), new Shape(9)) { Projected = true };
        bench.Random(2);
        Assert.Equal(2 * 9 * sizeof(float), bench.States[1].Bytes);
        Assert.Null(bench.States[1].Part);
    }

    [Fact]
    public void A_gradient_of_zero_waits_for_one_that_has_a_direction_and_keeps_an_old_basis()
    {
        foreach (string name in (string[])["galore", "fira", "natural-galore"])
        {
            using OptimizerBench late = new(name, new OptimizerSettings { Rank = 4, Period = 3 }, new Shape(20, 12)), plain = new(name, new OptimizerSettings { Rank = 4, Period = 3 }, new Shape(20, 12));
            float[] before = late.Value();
            late.Step();
            Assert.Equal(before, late.Value());
            Assert.Equal(0, late.States[0].Steps);
            late.Draw().Step();
            plain.Draw();
            late.Gradients[0].Span.CopyTo(plain.Gradients[0].Span);
            Assert.Equal(plain.Step().Value(), late.Value());
            late.Random(2);
            string basis = name == "natural-galore" ? "factor0" : "right";
            float[] chosen = late.States[0][basis].Span.ToArray();
            late.Gradients[0].Span.Clear();
            late.Step();
            Assert.Equal(chosen, late.States[0][basis].Span.ToArray());
            Assert.All(late.Value(), v => Assert.True(float.IsFinite(v)));
        }
    }

    /// <summary>Basis and moments by the card's formulas, and one number that counts the choices.</summary>
    internal static long Bytes(ProjectionSide side, int rows, int columns, int rank)
    {
        int shorter = Math.Min(rows, columns), longer = Math.Max(rows, columns), r = Math.Min(rank, shorter);
        long numbers = side switch
        {
            ProjectionSide.Std => (r * shorter) + (2 * r * longer),
            ProjectionSide.ReverseStd => (r * longer) + (2 * r * shorter),
            ProjectionSide.Left => (r * rows) + (2 * r * columns),
            ProjectionSide.Right => (r * columns) + (2 * r * rows),
            _ => (r * (rows + columns)) + (2 * r * r),
        };
        return (numbers + 1) * sizeof(float);
    }
}
