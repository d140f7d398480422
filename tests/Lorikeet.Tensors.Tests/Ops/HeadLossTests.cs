namespace Lorikeet.Tensors.Tests;

public sealed class HeadLossTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(64)]
    public void The_chunk_changes_nothing(int chunk)
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 2, trainTable: true) { Chunk = 24 };
        float loss = model.Step();
        Dictionary<string, float[]> whole = model.Gradients();
        model.ClearGradients();
        model.Chunk = chunk;
        Assert.Equal(loss, model.Step(), 1e-6f * loss);
        foreach ((string name, float[] gradient) in model.Gradients())
        {
            float largest = whole[name].Max(MathF.Abs);
            Assert.All(gradient, (v, i) => Assert.True(MathF.Abs(v - whole[name][i]) <= 1e-6f * largest, $"{name} [{i}]"));
        }
    }

    [Fact]
    public void Logits_of_all_rows_never_exist()
    {
        const int Rows = 500;
        using Run run = new() { Tape = new Tape() };
        using Parameter h = new("h", Storage.Zeros(new Shape(Rows, 8)));
        using DenseWeight head = ToyModel.Frozen(new CounterRandom(1), "head", 20_000, 8);
        run.Tape.Begin(run);
        Tensor loss = HeadLoss.Forward(
            run, run.Use(h), (x, _) => Linear.Forward(run, new Prepared(x), head), new int[Rows], new float[Rows], new float[Rows], 10);
        run.Tape.Backward(run, loss);
        long all = (long)Rows * head.Outputs * sizeof(float);
        Assert.True(run.Arena.HeldBytes + run.Tape.GradientBytes < all / 3);
    }

    [Fact]
    public void A_scaled_loss_is_refused()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 1);
        run.Tape.Begin(run);
        Tensor scaled = Scale.Forward(run, model.Loss(), 0.5f);
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => run.Tape.Backward(run, scaled));
        Assert.Contains("its gradient is 0.5", e.Message);
        // A pass that failed half-way does not spoil the next.
        model.ClearGradients();
        float loss = model.Step();
        Dictionary<string, float[]> after = model.Gradients();
        using Run fresh = new() { Tape = new Tape() };
        using ToyModel same = new(fresh, 1);
        Assert.Equal(same.Step(), loss);
        Assert.Equal(same.Gradients(), after);
    }

    [Fact]
    public void Losses_of_rows_carry_no_factor_and_rows_without_a_target_are_zero()
    {
        using Run run = new();
        Tensor h = run.Arena.Zeros(new Shape(5, 3));
        using DenseWeight head = ToyModel.Frozen(new CounterRandom(1), "head", 7, 3);
        float[] losses = new float[5];
        Tensor loss = HeadLoss.Forward(
            run, h, (x, _) => Linear.Forward(run, new Prepared(x), head), [1, -1, -1, -1, 2], [0.5f, 9, 9, 9, 0.25f], losses, 2);
        float one = MathF.Log(7);
        Assert.Equal([one, 0, 0, 0, one], losses);
        Assert.Equal(0.75f * one, loss.Span[0], 1e-6f);
        Assert.False(loss.Recorded);
    }

    [Fact]
    public void Lengths_that_do_not_fit_are_refused()
    {
        using Run run = new();
        Tensor h = run.Arena.Zeros(new Shape(2, 3));
        Assert.Throws<ArgumentException>(() => HeadLoss.Forward(run, h, (x, _) => x, [1], [1, 1], []));
        Assert.Throws<ArgumentException>(() => HeadLoss.Forward(run, h, (x, _) => x, [1, 1], [1, 1], new float[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => HeadLoss.Forward(run, h, (x, _) => x, [1, 1], [1, 1], [], 0));
    }
}
