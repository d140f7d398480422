namespace Lorikeet.Tensors.Tests;

public sealed class GradientWatchTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_is_the_gradient_of_a_trainable_copy_and_examples_add_up_to_it(bool checkpointing)
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 2) { Checkpointing = checkpointing };
        Weight frozen = model.FirstQuery;
        using TrainableWeight copy = TrainableWeight.Copy("copy", frozen);
        model.FirstQuery = copy;
        model.Step();
        float[] expected = copy.Parameter.Gradient.Span.ToArray();
        model.FirstQuery = frozen;
        using GradientWatch whole = new(frozen);
        run.Tape.Watch(whole);
        model.Step();
        run.Tape.Unwatch(whole);
        Near(expected, whole.Gradient().Span.ToArray());
        using GradientWatch apart = new(frozen, [(0, 5), (5, 9), (14, 10)]);
        run.Tape.Watch(apart);
        model.Step();
        float[] sum = new float[expected.Length];
        for (int i = 0; i < apart.Count; i++)
        {
            Span<float> one = apart.Gradient(i).Span;
            Assert.Contains(one.ToArray(), v => v != 0);
            for (int e = 0; e < sum.Length; e++)
            {
                sum[e] += one[e];
            }
        }
        Near(expected, sum);
    }

    [Fact]
    public void It_watches_where_nothing_trains()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel model = new(run, 1) { Checkpointing = true };
        foreach (Parameter parameter in model.Parameters)
        {
            parameter.Trainable = false;
        }
        using GradientWatch watch = new(model.FirstQuery);
        Assert.Throws<InvalidOperationException>(() => watch.Gradient());
        run.Tape.Watch(watch);
        model.Step();
        Assert.Contains(watch.Gradient().Span.ToArray(), v => v != 0);
        watch.Clear();
        Assert.False(watch.Arrived);
    }

    [Fact]
    public void A_tied_table_is_watched_at_both_ends_whatever_the_chunks()
    {
        using Run run = new() { Tape = new Tape() };
        using ToyModel trained = new(run, 1, trainTable: true);
        trained.Step();
        float[] expected = trained.Table.Parameters[0].Gradient.Span.ToArray();
        using ToyModel model = new(run, 1) { Chunk = 5 };
        using GradientWatch apart = new(model.Table, [(0, 7), (7, 17)]);
        run.Tape.Watch(apart);
        model.Step();
        float[][] chunked = [apart.Gradient(0).Span.ToArray(), apart.Gradient(1).Span.ToArray()];
        Near(expected, [.. chunked[0].Zip(chunked[1], (a, b) => a + b)]);
        apart.Clear();
        model.Chunk = 64;
        model.Step();
        Near(chunked[0], apart.Gradient(0).Span.ToArray());
        Near(chunked[1], apart.Gradient(1).Span.ToArray());
    }

    private static void Near(float[] expected, float[] found)
    {
        float largest = expected.Max(MathF.Abs);
        Assert.True(largest > 0);
        Assert.All(found, (v, i) => Assert.True(MathF.Abs(v - expected[i]) <= 2e-5f * largest, $"[{i}] is {v:R}, expected {expected[i]:R}"));
    }
}
