using Lorikeet.Kernels;

namespace Lorikeet.Tensors.Tests;

public sealed class TapeTests
{
    [Fact]
    public void Nothing_is_recorded_when_nothing_trains()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 2);
        foreach (Parameter parameter in model.Parameters)
        {
            parameter.Trainable = false;
        }
        foreach (bool checkpointing in (bool[])[false, true])
        {
            model.Checkpointing = checkpointing;
            run.Tape.Begin(run);
            Tensor loss = model.Loss();
            Assert.False(loss.Recorded);
            Assert.Equal(0, run.Tape.Count);
            Assert.Contains("was not recorded", Assert.Throws<InvalidOperationException>(() => run.Tape.Backward(run, loss)).Message);
        }
    }

    [Fact]
    public void What_lies_before_the_first_change_is_not_recorded()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 1);
        using DenseWeight weight = ToyModel.Frozen(new CounterRandom(1), "w", 8, ToyModel.Hidden);
        run.Tape.Begin(run);
        Assert.False(Linear.Forward(run, new Prepared(Embedding.Forward(run, model.Table, [1, 2])), weight).Recorded);
        Assert.Equal(0, run.Tape.Count);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Each_gradient_is_reported_once_and_complete(bool checkpointing, bool trainTable)
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 3, trainTable: trainTable) { Checkpointing = checkpointing, Chunk = 7 };
        Dictionary<string, float[]> reported = [];
        run.Tape.GradientReady = p => reported.Add(p.Name, p.Gradient.Span.ToArray());
        model.Step();
        Assert.Equal(model.Gradients(), reported);
        Assert.All(reported.Values, g => Assert.Contains(g, v => v != 0));
        // Nothing is left pending: a second pass reports again.
        reported.Clear();
        model.ClearGradients();
        model.Step();
        Assert.Equal(model.Gradients(), reported);
    }

    [Fact]
    public void A_gradient_may_be_freed_when_it_is_reported()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 3, trainTable: true) { Checkpointing = true };
        int reported = 0;
        run.Tape.GradientReady = p =>
        {
            reported++;
            p.FreeGradient();
        };
        model.Step();
        Assert.Equal(model.Parameters.Count(), reported);
        Assert.All(model.Parameters, p => Assert.False(p.HasGradient));
    }

    [Fact]
    public void Checkpointed_gradients_are_the_plain_ones_bit_for_bit()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 3, trainTable: true);
        float loss = model.Step();
        Dictionary<string, float[]> plain = model.Gradients();
        long plainPeak = run.Arena.PeakBytes;
        model.ClearGradients();
        model.Checkpointing = true;
        Assert.Equal(loss, model.Step());
        Assert.Equal(plain, model.Gradients());
        Assert.True(plainPeak > 0);
    }

    [Fact]
    public void Checkpointing_needs_less_memory()
    {
        long[] peaks = new long[2];
        for (int i = 0; i < 2; i++)
        {
            using Run run = new() { Tape = new Tape() };
            using ToyModel model = new(run, 12, rows: 100) { Checkpointing = i == 1 };
            model.Step();
            peaks[i] = run.Arena.PeakBytes;
        }
        Assert.True(peaks[1] < peaks[0] / 3, $"{peaks[1]} bytes with checkpoints, {peaks[0]} without");
    }

    [Theory]
    [InlineData(ElementType.F32, ElementType.F32)]
    [InlineData(ElementType.BF16, ElementType.F32)]
    public void The_gradient_of_one_input_of_several_frozen_layers_is_the_sum_in_the_order_of_backward(ElementType first, ElementType others)
    {
        const int Rows = 70, Inputs = 33;
        int[] outputs = [40, 17, 17];
        using Run run = new() { Tape = new Tape() };
        using Parameter x = new("x", Filled(new Shape(Rows, Inputs), 1)), a = new("a", Filled(new Shape(2, Inputs), 2)), b = new("b", Filled(new Shape(17, 2), 3));
        DenseWeight[] weights = [.. outputs.Select((o, i) => new DenseWeight(Filled(new Shape(o, Inputs), (ulong)(4 + i)).Span, o, Inputs, i == 0 ? first : others))];
        Tensor[] seeds = [.. outputs.Select((o, i) => Filled(new Shape(Rows, o), (ulong)(9 + i)))];
        run.Tape.Begin(run);
        // No leaf: a parameter's gradient is made at once.
        Tensor h = Scale.Forward(run, run.Use(x), 1f);
        Tensor total = default;
        for (int i = 0; i < weights.Length; i++)
        {
            Tensor y = Linear.Forward(run, new Prepared(h), weights[i]);
            y = i == 1 ? LowRankAdd.Into(run, y, h, run.Use(a), run.Use(b), 0.5f) : y;
            Tensor part = ColumnSlice.Forward(run, Multiply.Forward(run, y, seeds[i]), 0, 17);
            total = total.Exists ? Sum.Into(run, part, total) : part;
        }
        run.Tape.Backward(run, total);

        // What adapters add comes first, then the layers, the last one first.
        Tensor dx = Storage.Zeros(new Shape(Rows, Inputs)), g = Storage.Zeros(new Shape(Rows, 2));
        MatrixProduct.Multiply(seeds[1].Span, false, b.Value.Span, false, g.Span, Rows, 2, 17, 0.5f);
        MatrixProduct.Multiply(g.Span, false, a.Value.Span, false, dx.Span, Rows, Inputs, 2);
        for (int i = weights.Length - 1; i >= 0; i--)
        {
            Tensor dy = Storage.Zeros(new Shape(Rows, outputs[i]));
            for (int row = 0; row < Rows; row++)
            {
                seeds[i].Row(row)[..17].CopyTo(dy.Row(row));
            }
            weights[i].MultiplyTransposed(run, dy, dx, true);
            dy.Free();
            seeds[i].Free();
            weights[i].Dispose();
        }
        Assert.Equal(dx.Span.ToArray(), x.Gradient.Span.ToArray());
        dx.Free();
        g.Free();
    }

    private static Tensor Filled(Shape shape, ulong stream)
    {
        Tensor tensor = Storage.Zeros(shape);
        new CounterRandom(3, stream).FillUniform(tensor.Span, -1, 1);
        return tensor;
    }

    [Fact]
    public void Two_passes_add_up()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 2, trainTable: true);
        model.Step();
        Dictionary<string, float[]> once = model.Gradients();
        model.Step();
        foreach ((string name, float[] twice) in model.Gradients())
        {
            float largest = twice.Max(MathF.Abs);
            Assert.All(twice, (v, i) => Assert.True(MathF.Abs(v - (2 * once[name][i])) <= 1e-5f * largest));
        }
    }

    [Fact]
    public void A_pass_that_is_given_up_leaves_nothing_behind()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 2, trainTable: true) { Checkpointing = true };
        int reported = 0;
        run.Tape.GradientReady = _ => reported++;
        run.Tape.Begin(run);
        ArenaMark mark = run.Arena.Mark;
        _ = model.Loss();
        run.Tape.Clear();
        run.Arena.Release(mark);
        Assert.All(model.Parameters, p => Assert.Equal(0, p.Pending));
        model.ClearGradients();
        reported = 0;
        model.Step();
        Assert.Equal(model.Parameters.Count(), reported);
    }

    [Fact]
    public void A_forward_that_throws_leaves_nothing_pending()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 1);
        Parameter parameter = model.Parameters.First();
        run.Tape.Begin(run);
        Tensor h = model.HiddenStates();
        Assert.Throws<NotSupportedException>(() => Checkpoint.Forward(run, h, x => Fail(run.Use(parameter))));
        Assert.Throws<NotSupportedException>(() => HeadLoss.Forward(run, h, (x, _) => Fail(run.Use(parameter)), new int[24], new float[24], []));
        run.Tape.Clear();
        Assert.Equal(0, parameter.Pending);
    }

    [Fact]
    public void What_backward_does_not_reach_is_dropped()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 2) { Checkpointing = true };
        Parameter parameter = model.Parameters.First();
        int reported = 0;
        run.Tape.GradientReady = _ => reported++;
        run.Tape.Begin(run);
        Tensor y = Scale.Forward(run, run.Use(parameter), 2f);
        _ = model.HiddenStates();
        run.Tape.Backward(run, y);
        Assert.Equal(1, reported);
        Assert.All(model.Parameters, p => Assert.Equal(0, p.Pending));
        Assert.All(parameter.Gradient.Span.ToArray(), v => Assert.Equal(2f, v));
    }

    [Fact]
    public void A_value_of_an_earlier_pass_is_refused()
    {
        using Run run = new() { Tape = new Tape() };
        using Parameter parameter = new("p", Storage.Zeros(new Shape(2, 3)));
        run.Tape.Begin(run);
        Tensor old = Scale.Forward(run, run.Use(parameter), 2f);
        run.Tape.Begin(run);
        Tensor fresh = Scale.Forward(run, run.Use(parameter), 2f);
        Tensor mixed = Multiply.Forward(run, fresh, old);
        Assert.Contains("a pass that is over", Assert.Throws<InvalidOperationException>(() => run.Tape.Backward(run, mixed)).Message);
    }

    [Fact]
    public void An_op_in_place_refuses_to_overwrite_what_backward_reads()
    {
        using Run run = new() { Tape = new Tape() };
        using Parameter parameter = new("p", Storage.Zeros(new Shape(2, 3)));
        run.Tape.Begin(run);
        Tensor p = run.Use(parameter);
        Assert.Contains("the parameter p", Assert.Throws<InvalidOperationException>(() => Scaled(run, p, p)).Message);
        Tensor x = Scale.Forward(run, p, 2f);
        _ = Activation.Forward(run, x, ActivationKind.Silu);
        Tensor part = RowSlice.Forward(run, x, 1, 1);
        Assert.Contains("saved for its backward", Assert.Throws<InvalidOperationException>(() => Scaled(run, x, p)).Message);
        Assert.Contains("saved for its backward", Assert.Throws<InvalidOperationException>(() => Scaled(run, part, part)).Message);
        Tensor plain = Scale.Forward(run, x.Detached, 1f);
        _ = Checkpoint.Forward(run, x, h => Multiply.Forward(run, h, p));
        Assert.Throws<InvalidOperationException>(() => Checkpoint.Forward(run, plain, h => Sum.Into(run, h, p)));
    }

    [Fact]
    public void After_backward_the_arena_stands_where_it_stood_and_all_memory_goes_back()
    {
        long before = Storage.LiveBytes;
        using (Run run = new() { Tape = new Tape() })
        {
            using ToyModel model = new(run, 3, trainTable: true);
            _ = run.Allocate(3, 5);
            ArenaMark mark = run.Arena.Mark;
            model.Step();
            Assert.Equal(mark, run.Arena.Mark);
            long held = run.Arena.HeldBytes, gradients = run.Tape.GradientBytes;
            model.Checkpointing = true;
            model.Step();
            model.Checkpointing = false;
            model.Step();
            Assert.Equal(mark, run.Arena.Mark);
            Assert.Equal(held, run.Arena.HeldBytes);
            Assert.True(run.Tape.GradientBytes <= 2 * gradients);
        }
        Assert.Equal(before, Storage.LiveBytes);
    }

    [Fact]
    public void A_recorded_step_allocates_little()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 30);
        model.Step();
        model.Step();
        long before = GC.GetAllocatedBytesForCurrentThread();
        model.Step();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < 300_000, $"a step of 30 layers allocated {allocated} bytes");
    }

    [Fact]
    public void An_unrecorded_pass_allocates_nothing()
    {
        using Run run = new();
        using ToyModel model = new(run, 4);
        for (int i = 0; i < 2; i++)
        {
            _ = model.HiddenStates();
            run.Arena.Reset();
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        _ = model.HiddenStates();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(0, allocated);
    }

    private static void Scaled(Run run, Tensor y, Tensor x) => _ = Sum.Into(run, y, x);

    private static Tensor Fail(Tensor x) => throw new NotSupportedException($"{x.Shape}");
}
