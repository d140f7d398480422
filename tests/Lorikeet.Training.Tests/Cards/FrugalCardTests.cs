using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;
using Lorikeet.Training.Tests.Optimizing;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>FRUGAL's card; 7 is in the experiments.</summary>
public sealed class FrugalCardTests
{
    [Theory]
    [Trait("Card", "FRUGAL 1")]
    [InlineData(FrugalKind.Columns)]
    [InlineData(FrugalKind.Rows)]
    [InlineData(FrugalKind.Entries)]
    [InlineData(FrugalKind.Blocks)]
    public void With_everything_inside_it_is_AdamW(FrugalKind kind)
    {
        OptimizerSettings settings = new() { Density = 1, Frugal = kind, Resets = false, Period = 3 };
        using OptimizerBench frugal = new("frugal", settings, new Shape(20, 12), new Shape(12, 20)), adam = new("adamw", new OptimizerSettings(), new Shape(20, 12), new Shape(12, 20));
        frugal.Random(10, decay: 0.1);
        adam.Random(10, decay: 0.1);
        Assert.InRange(OptimizerBench.Difference(frugal.Value(0), adam.Value(0)), 0, 1e-6);
        Assert.InRange(OptimizerBench.Difference(frugal.Value(1), adam.Value(1)), 0, 1e-6);
    }

    [Theory]
    [Trait("Card", "FRUGAL 2")]
    [InlineData(FrugalKind.Columns)]
    [InlineData(FrugalKind.Rows)]
    [InlineData(FrugalKind.Entries)]
    [InlineData(FrugalKind.Blocks)]
    public void With_nothing_inside_every_weight_with_a_gradient_moves_by_the_rate_and_has_no_state(FrugalKind kind)
    {
        const double Rate = 0.01, Outside = 0.1;
        using OptimizerBench bench = new("frugal", new OptimizerSettings { Density = 0, Frugal = kind, OutsideScale = Outside }, new Shape(20, 12), new Shape(12, 20));
        for (int step = 0; step < 3; step++)
        {
            bench.Draw();
            bench.Gradients[0].Span[5] = 0;
            float[] before = bench.Value();
            bench.Step(Rate);
            Matrix64 change = bench.Since(before);
            for (int i = 0; i < before.Length; i++)
            {
                Assert.InRange(Math.Abs(change.Data[i] + (Rate * Outside * Math.Sign(bench.Gradients[0].Span[i]))), 0, 3e-7);
            }
        }
        Assert.All(bench.States, state =>
        {
            Assert.Null(state.Part);
            // The count of choices alone.
            Assert.Equal(sizeof(float), state.Bytes);
        });
    }

    [Theory]
    [Trait("Card", "FRUGAL 3")]
    [InlineData(20, 12)]
    [InlineData(12, 20)]
    public void Inside_and_outside_are_the_whole_gradient_and_do_not_touch(int rows, int columns)
    {
        Subspace[] all =
        [
            new CoordinateSubspace(CoordinateKind.Columns, 0.3), new CoordinateSubspace(CoordinateKind.Rows, 0.3), new CoordinateSubspace(CoordinateKind.Entries, 0.3),
            new BlockSubspace(1, BlockOrder.Random), new BasisSubspace(ProjectionSide.Std, BasisKind.Svd, _ => 4), new BasisSubspace(ProjectionSide.Full, BasisKind.Random, _ => 4),
            new BasisSubspace(ProjectionSide.ReverseStd, BasisKind.RandomCoordinates, _ => 4),
        ];
        foreach (Subspace subspace in all)
        {
            using OptimizerState state = new();
            Tensor gradient = Storage.Zeros(new Shape(rows, columns)), inside = Storage.Zeros(gradient.Shape);
            new CounterRandom(3).FillNormal(gradient.Span, 1f);
            subspace.Choose(new SubspaceRequest("w", gradient, 0, 0, 1, new CounterRandom(4), new CounterRandom(5)), state);
            Tensor low = Storage.Zeros(subspace.Inside(gradient.Shape, state)!.Value), again = Storage.Zeros(low.Shape);
            subspace.Down(state, gradient, low);
            subspace.Up(state, low, inside);
            Tensor outside = Storage.Zeros(gradient.Shape);
            for (int i = 0; i < outside.Span.Length; i++)
            {
                outside.Span[i] = gradient.Span[i] - inside.Span[i];
                if (subspace is not BasisSubspace)
                {
                    Assert.True(inside.Span[i] == 0 || outside.Span[i] == 0);
                    Assert.Equal(gradient.Span[i], inside.Span[i] + outside.Span[i]);
                }
            }
            subspace.Down(state, outside, again);
            Assert.All(again.Span.ToArray(), v => Assert.InRange(v, -1e-5f, 1e-5f));
            foreach (Tensor tensor in (Tensor[])[gradient, inside, low, again, outside])
            {
                tensor.Free();
            }
        }
    }

    [Theory]
    [Trait("Card", "FRUGAL 4")]
    [InlineData(FrugalKind.Columns)]
    [InlineData(FrugalKind.Rows)]
    [InlineData(FrugalKind.Entries)]
    [InlineData(FrugalKind.Blocks)]
    [InlineData(FrugalKind.Basis)]
    public void With_gradient_descent_inside_and_outside_it_is_gradient_descent(FrugalKind kind)
    {
        OptimizerSettings settings = new() { Frugal = kind, Inner = "sgd", Outside = OutsideRule.Sgd, Period = 3 };
        using OptimizerBench frugal = new("frugal", settings, new Shape(20, 12), new Shape(12, 20), new Shape(14, 14));
        using OptimizerBench plain = new("sgd", new OptimizerSettings(), new Shape(20, 12), new Shape(12, 20), new Shape(14, 14));
        frugal.Random(8);
        plain.Random(8);
        for (int i = 0; i < 3; i++)
        {
            Assert.InRange(OptimizerBench.Difference(frugal.Value(i), plain.Value(i)), 0, kind == FrugalKind.Basis ? 1e-6 : 3e-7);
        }
    }

    [Fact]
    [Trait("Card", "FRUGAL 5")]
    public void Without_an_outside_and_with_singular_vectors_it_is_GaLore()
    {
        // Both divide by (almost) no eps: where it stands does not matter.
        OptimizerSettings settings = new() { Frugal = FrugalKind.Basis, Density = 1 / 3.0, Outside = OutsideRule.None, Resets = false, Period = 4, Eps = 1e-30 };
        using OptimizerBench frugal = new("frugal", settings, new Shape(20, 12)), galore = new("galore", new OptimizerSettings { Rank = 4, Scale = 1, Period = 4, Eps = 1e-30 }, new Shape(20, 12));
        Assert.InRange(OptimizerBench.Difference(frugal.Random(12).Value(), galore.Random(12).Value()), 0, 1e-5);
    }

    [Theory]
    [Trait("Card", "FRUGAL 6")]
    [InlineData(20, 12)]
    [InlineData(12, 20)]
    [InlineData(14, 14)]
    public void States_have_the_bytes_of_the_formulas(int rows, int columns)
    {
        const double Density = 0.3;
        foreach (FrugalKind kind in Enum.GetValues<FrugalKind>())
        {
            using OptimizerBench bench = new("frugal", new OptimizerSettings { Frugal = kind, Density = Density }, [.. Enumerable.Repeat(new Shape(rows, columns), 10)]);
            bench.Random(1);
            int shorter = Math.Min(rows, columns), longer = Math.Max(rows, columns), rank = (int)Math.Round(Density * shorter), picked = (int)(Density * columns);
            int down = (int)(Density * rows), entries = (int)(Density * rows * columns);
            long expected = 10 + kind switch
            {
                FrugalKind.Columns => 10 * ((2 * rows * picked) + picked),
                FrugalKind.Rows => 10 * ((2 * columns * down) + down),
                // One index an entry: its place in the matrix.
                FrugalKind.Entries => 10 * ((2 * entries) + entries),
                // Three of ten matrices are active, each with a mark.
                FrugalKind.Blocks => 3 * ((2 * rows * columns) + 1),
                _ => 10 * ((rank * shorter) + (2 * rank * longer)),
            };
            Assert.Equal(expected * sizeof(float), bench.States.Sum(s => s.Bytes));
        }
    }

    [Fact]
    [Trait("Card", "FRUGAL 6")]
    public void A_new_choice_begins_with_step_one_and_a_change_of_the_rate()
    {
        const double Rate = 0.01;
        using OptimizerBench bench = new("frugal", new OptimizerSettings { Density = 0.5, Period = 4, Outside = OutsideRule.None }, new Shape(20, 12));
        bench.Random(4);
        Assert.Equal((4, 4), (bench.States[0].Steps, bench.States[0].Part!.Steps));
        float[] before = bench.Value();
        bench.Random(1, Rate);
        Assert.Equal((1, 1), (bench.States[0].Steps, bench.States[0].Part!.Steps));
        Assert.Equal(120, bench.Since(before).Data.ToArray().Count(v => Math.Abs(Math.Abs(v) - Rate) < 1e-5));
    }

    [Fact]
    [Trait("Card", "FRUGAL 6")]
    public void Blocks_step_alike_one_by_one()
    {
        OptimizerSettings settings = new() { Frugal = FrugalKind.Blocks, Density = 0.4, Period = 2 };
        using OptimizerBench together = new("frugal", settings, [.. Enumerable.Repeat(new Shape(6, 4), 5)]), apart = new("frugal", settings, [.. Enumerable.Repeat(new Shape(6, 4), 5)]);
        for (int step = 0; step < 6; step++)
        {
            together.Random(1);
            apart.Draw();
            foreach (int i in (int[])[3, 0, 4, 2, 1])
            {
                apart.Optimizer.Step([new Update(apart.Parameters[i], together.Gradients[i], apart.States[i], 0.01, 0) { Projected = true, Number = i, Count = 5 }]);
            }
        }
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(together.Value(i), apart.Value(i));
        }
    }
}
