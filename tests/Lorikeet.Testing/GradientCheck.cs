using Lorikeet.Tensors;

namespace Lorikeet.Testing;

/// <summary>An op or a model part, and a function in float64 that says what it should compute, written without any of its code.</summary>
/// <param name="Name">What is checked, for messages.</param>
/// <param name="Inputs">The inputs.</param>
/// <param name="Forward">The op on the inputs as parameters; <see cref="Run.Use"/> makes them inputs of ops.</param>
/// <param name="Oracle">The same function on arrays in float64, one loop at a time.</param>
/// <param name="Tolerance">The largest difference of a gradient, as a part of the largest gradient of that input.</param>
/// <param name="ForwardTolerance">The largest difference of an output, as a part of the largest output.</param>
/// <param name="EndsGraph">True: the output is a loss, whose own gradient is 1 instead of random weights.</param>
public sealed record GradientCheck(
    string Name,
    IReadOnlyList<GradientInput> Inputs,
    Func<Run, Parameter[], Tensor> Forward,
    Func<double[][], double[]> Oracle,
    double Tolerance = 1e-4,
    double ForwardTolerance = 1e-5,
    bool EndsGraph = false)
{
    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>
    /// Compares the output with the oracle's, and the gradient of a sum of the outputs with random weights with central differences of the
    /// oracle; then each input alone, a second pass that adds to the first, the arena, and <see cref="Tape.GradientReady"/>.
    /// </summary>
    /// <param name="seed">Draws the inputs and weights.</param>
    public void Run(ulong seed = 1)
    {
        CounterRandom random = new(seed);
        Parameter[] parameters = [.. Inputs.Select((input, i) => input.Make(i, random))];
        bool[] trains = [.. Inputs.Select(i => i.Trains)];
        try
        {
            double[][] point = [.. parameters.Select(p => Array.ConvertAll(p.Value.Span.ToArray(), v => (double)v))];
            double[] expected = Oracle(point);
            float[] weights = new float[expected.Length];
            random.Named("weights").FillUniform(weights, EndsGraph ? 1f : -1f, 1f);
            double[]?[] slopes = [.. point.Select((_, i) => trains[i] ? Slopes(point, i, weights) : null)];

            float[] plain = Plain(parameters);
            Compare("output", plain, expected, ForwardTolerance);
            Only(parameters, trains);
            Assert.Equal(plain, Walk(parameters, weights));
            CompareGradients(parameters, trains, slopes, 1);
            Walk(parameters, weights);
            CompareGradients(parameters, trains, slopes, 2);
            for (int i = 0; i < parameters.Length; i++)
            {
                if (trains[i])
                {
                    bool[] alone = new bool[trains.Length];
                    alone[i] = true;
                    Only(parameters, alone);
                    Assert.Equal(plain, Walk(parameters, weights));
                    CompareGradients(parameters, alone, slopes, 1);
                }
            }
        }
        finally
        {
            foreach (Parameter parameter in parameters)
            {
                parameter.Dispose();
            }
        }
    }

    private double[] Slopes(double[][] point, int input, float[] weights)
    {
        double[] values = point[input];
        double[] slopes = new double[values.Length];
        for (int e = 0; e < values.Length; e++)
        {
            double at = values[e], h = 1e-5;
            values[e] = at + h;
            double up = Weighted(Oracle(point), weights);
            values[e] = at - h;
            slopes[e] = (up - Weighted(Oracle(point), weights)) / (2 * h);
            values[e] = at;
        }
        return slopes;
    }

    private static double Weighted(double[] y, float[] weights)
    {
        double sum = 0;
        for (int i = 0; i < y.Length; i++)
        {
            sum += y[i] * weights[i];
        }
        return sum;
    }

    private float[] Plain(Parameter[] parameters)
    {
        using Run run = new();
        return Forward(run, parameters).Span.ToArray();
    }

    private float[] Walk(Parameter[] parameters, float[] weights)
    {
        using Run run = new() { Tape = new Tape() };
        Dictionary<Parameter, int> ready = [];
        run.Tape.GradientReady = p => ready[p] = ready.GetValueOrDefault(p) + 1;
        run.Tape.Begin(run);
        ArenaMark mark = run.Arena.Mark;
        Tensor y = Forward(run, parameters);
        float[] output = y.Span.ToArray();
        Tensor seed = Storage.Zeros(y.Shape);
        weights.CopyTo(seed.Span);
        run.Tape.Backward(run, y, seed);
        seed.Free();
        Assert.Equal(mark, run.Arena.Mark);
        Assert.Equal(0, run.Tape.Count);
        foreach (Parameter parameter in parameters)
        {
            Assert.Equal(parameter.Trainable ? 1 : 0, ready.GetValueOrDefault(parameter));
        }
        return output;
    }

    private static void Only(Parameter[] parameters, bool[] trains)
    {
        for (int i = 0; i < parameters.Length; i++)
        {
            parameters[i].ClearGradient();
            parameters[i].Trainable = trains[i];
        }
    }

    private void CompareGradients(Parameter[] parameters, bool[] trains, double[]?[] slopes, int passes)
    {
        for (int i = 0; i < parameters.Length; i++)
        {
            Assert.Equal(trains[i], parameters[i].HasGradient);
            if (trains[i])
            {
                Compare($"gradient of input {i}", parameters[i].Gradient.Span, [.. slopes[i]!.Select(s => s * passes)], Tolerance);
            }
        }
    }

    private void Compare(string what, ReadOnlySpan<float> found, double[] expected, double tolerance)
    {
        Assert.Equal(expected.Length, found.Length);
        double largest = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = Math.Abs(found[i] - expected[i]);
            Assert.True(
                difference <= tolerance * largest,
                $"{Name}: {what} [{i}] is {found[i]:R}, expected {expected[i]:R}: off by {difference / largest:E1} of the largest, allowed {tolerance:E1}");
        }
    }
}
