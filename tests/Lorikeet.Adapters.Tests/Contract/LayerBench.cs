using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Contract;

/// <summary>One linear layer with random numbers, for tests of a single change.</summary>
internal sealed class LayerBench : IDisposable
{
    public LayerBench(int outputs, int inputs, bool bias = true, ulong seed = 11)
    {
        Weight = Normal(seed, "weight", outputs * inputs);
        Parameter? vector = null;
        if (bias)
        {
            Bias = Normal(seed, "bias", outputs);
            vector = Vector("layer.bias", Bias);
            vector.Trainable = false;
        }
        Model = OneLayer.Of(new DenseWeight(Weight, outputs, inputs), vector);
    }

    public OneLayer Model { get; }

    public float[] Weight { get; }

    public float[]? Bias { get; }

    public static float[] Normal(ulong seed, string name, int count, float deviation = 1f)
    {
        float[] values = new float[count];
        new CounterRandom(seed).Named(name).FillNormal(values, deviation);
        return values;
    }

    public static Parameter Vector(string name, float[] values) => Matrix(name, values, 1, flat: true);

    public static Parameter Matrix(string name, float[] values, int rows, bool flat = false)
    {
        Tensor tensor = Storage.Zeros(flat ? new Shape(values.Length) : new Shape(rows, values.Length / rows));
        values.CopyTo(tensor.Span);
        return new Parameter(name, tensor);
    }

    public Adapter Adapt(SiteAdapter change, string name = "adapter")
    {
        Adapter adapter = new(name, Model);
        adapter.Set(Model.Layer, change);
        return adapter;
    }

    /// <summary>The layer's answer to rows, each segment with its adapter.</summary>
    public float[] Forward(float[] x, IReadOnlyList<Adapter?> adapterOfRow, bool own = false)
    {
        int rows = adapterOfRow.Count;
        using ModelRun run = new() { OwnForwards = own };
        Tensor input = run.Allocate(rows, x.Length / rows);
        x.CopyTo(input.Span);
        List<RowSegment> segments = [];
        for (int i = 0; i < rows; i++)
        {
            segments.Add(new RowSegment(adapterOfRow[i], i, 1));
        }
        run.Plan = new BatchPlan(Model, [.. segments]);
        return Model.Logits(run, input).Span.ToArray();
    }

    public float[] Forward(float[] x, int rows, Adapter? adapter, bool own = false)
    {
        using ModelRun run = new() { OwnForwards = own };
        Tensor input = run.Allocate(rows, x.Length / rows);
        x.CopyTo(input.Span);
        run.Plan = BatchPlan.For(adapter, rows);
        return Model.Logits(run, input).Span.ToArray();
    }

    /// <summary>Output, and the gradient of sum(y o gy) with respect to x; the parameters hold theirs.</summary>
    public (float[] Y, float[] Dx) Backward(float[] x, int rows, Adapter adapter, float[] gy)
    {
        using ModelRun run = new() { Tape = new Tape() };
        using Parameter input = Matrix("x", x, rows);
        foreach (Parameter parameter in adapter.Parameters)
        {
            parameter.ClearGradient();
        }
        run.Tape.Begin(run);
        run.Plan = BatchPlan.For(adapter, rows);
        Tensor y = Model.Logits(run, run.Use(input));
        float[] values = y.Span.ToArray();
        Tensor seed = run.Arena.Allocate(y.Shape);
        gy.CopyTo(seed.Span);
        run.Tape.Backward(run, y, seed);
        return (values, input.Gradient.Span.ToArray());
    }

    /// <summary>W x + bias in double, with another weight.</summary>
    public float[] Dense(float[] x, int rows, ReadOnlySpan<float> weight)
    {
        int outputs = Model.Layer.Outputs, inputs = Model.Layer.Inputs;
        float[] y = new float[rows * outputs];
        for (int i = 0; i < rows; i++)
        {
            for (int o = 0; o < outputs; o++)
            {
                double sum = Bias?[o] ?? 0;
                for (int k = 0; k < inputs; k++)
                {
                    sum += (double)weight[(o * inputs) + k] * x[(i * inputs) + k];
                }
                y[(i * outputs) + o] = (float)sum;
            }
        }
        return y;
    }

    public void Dispose() => Model.Dispose();
}
