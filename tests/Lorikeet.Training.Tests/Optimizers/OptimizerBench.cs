using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Training.Tests.Optimizing;

/// <summary>Parameters with random starts, stepped by an optimiser with gradients of a test's choice.</summary>
internal sealed class OptimizerBench : IDisposable
{
    private readonly List<float[]> starts = [];

    public OptimizerBench(IOptimizer optimizer, params Shape[] shapes)
    {
        Optimizer = optimizer;
        foreach (Shape shape in shapes)
        {
            Parameter parameter = new($"p{Parameters.Count}", Storage.Zeros(shape));
            new CounterRandom(1).Named(parameter.Name).FillNormal(parameter.Value.Span, 1f);
            starts.Add(parameter.Value.Span.ToArray());
            Parameters.Add(parameter);
            Gradients.Add(Storage.Zeros(shape));
            States.Add(optimizer.Begin(parameter));
        }
    }

    public OptimizerBench(string name, OptimizerSettings settings, params Shape[] shapes)
        : this(Training.Optimizers.Create(name, settings), shapes)
    {
    }

    public IOptimizer Optimizer { get; }

    public List<Parameter> Parameters { get; } = [];

    public List<Tensor> Gradients { get; } = [];

    public List<OptimizerState> States { get; } = [];

    public bool Projected { get; init; } = true;

    public int StepsDone { get; private set; }

    /// <summary>Lets parameters start at zero: small changes keep all their digits.</summary>
    public OptimizerBench FromZero()
    {
        for (int i = 0; i < starts.Count; i++)
        {
            Parameters[i].Value.Span.Clear();
            Array.Clear(starts[i]);
        }
        return this;
    }

    /// <summary>One step with the gradients as they are.</summary>
    public OptimizerBench Step(double rate = 0.01, double decay = 0)
    {
        Optimizer.Step([.. Parameters.Select((p, i) => new Update(p, Gradients[i], States[i], rate, decay) { Projected = Projected && p.Value.Shape.Rank == 2 })]);
        StepsDone++;
        return this;
    }

    /// <summary>Steps with random gradients, new in each.</summary>
    public OptimizerBench Random(int steps, double rate = 0.01, double decay = 0)
    {
        for (int i = 0; i < steps; i++)
        {
            Draw();
            Step(rate, decay);
        }
        return this;
    }

    /// <summary>Random gradients for the next step.</summary>
    public OptimizerBench Draw()
    {
        for (int i = 0; i < Gradients.Count; i++)
        {
            new CounterRandom(2).Named($"{i}/{StepsDone}").FillNormal(Gradients[i].Span, 0.5f);
        }
        return this;
    }

    /// <summary>The value of a parameter.</summary>
    public float[] Value(int parameter = 0) => Parameters[parameter].Value.Span.ToArray();

    /// <summary>How a matrix has moved since the start.</summary>
    public Matrix64 Change(int parameter = 0) => Since(starts[parameter], parameter);

    /// <summary>How a matrix has moved since it had given values.</summary>
    public Matrix64 Since(float[] before, int parameter = 0)
    {
        Tensor value = Parameters[parameter].Value;
        Matrix64 change = new(value.Rows, value.Width);
        for (int i = 0; i < before.Length; i++)
        {
            change.Data[i] = (double)value.Span[i] - before[i];
        }
        return change;
    }

    /// <summary>A tensor of a state, or of its part, as a matrix.</summary>
    public Matrix64 State(string name, int parameter = 0)
    {
        OptimizerState state = States[parameter];
        Tensor tensor = state.Has(name) ? state[name] : state.Part![name];
        return Matrix64.Of(tensor.Rows, tensor.Width, tensor.Span);
    }

    /// <summary>A gradient as a matrix.</summary>
    public Matrix64 Gradient(int parameter = 0) => Matrix64.Of(Gradients[parameter].Rows, Gradients[parameter].Width, Gradients[parameter].Span);

    /// <summary>What a matrix becomes when it is projected by a state's bases and brought back.</summary>
    public Matrix64 Inside(Matrix64 whole, int parameter = 0)
    {
        if (States[parameter].Has("left"))
        {
            Matrix64 left = State("left", parameter);
            whole = left.Times(left.Transposed()).Times(whole);
        }
        if (States[parameter].Has("right"))
        {
            Matrix64 right = State("right", parameter);
            whole = whole.Times(right.Transposed()).Times(right);
        }
        return whole;
    }

    public static double Norm(Matrix64 x) => Math.Sqrt(x.Data.ToArray().Sum(v => v * v));

    public static Matrix64 Minus(Matrix64 x, Matrix64 y)
    {
        Matrix64 difference = x.Copy();
        for (int i = 0; i < difference.Data.Length; i++)
        {
            difference.Data[i] -= y.Data[i];
        }
        return difference;
    }

    /// <summary>The numerical rank: singular values above the rounding of float32 sums.</summary>
    public static int Rank(Matrix64 x)
    {
        double[] values = Svd.Thin(x).S;
        return values.Count(s => s > 2e-5 * values[0]);
    }

    public static double Difference(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        Assert.Equal(x.Length, y.Length);
        double most = 0;
        for (int i = 0; i < x.Length; i++)
        {
            most = Math.Max(most, Math.Abs((double)x[i] - y[i]));
        }
        return most;
    }

    public void Dispose()
    {
        Parameters.ForEach(p => p.Dispose());
        Gradients.ForEach(g => g.Free());
        States.ForEach(s => s.Dispose());
    }
}
