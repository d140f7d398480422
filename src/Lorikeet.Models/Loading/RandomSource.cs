using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Random starts: matrices N(0, 0.02^2), norm scales 1, biases 0; each tensor from a stream of its own name.</summary>
/// <param name="random">The seed.</param>
/// <param name="type">The storage format of matrices.</param>
/// <param name="deviation">Standard deviation of the matrices' elements.</param>
public sealed class RandomSource(CounterRandom random, ElementType type = ElementType.F32, float deviation = 0.02f) : ITensorSource
{
    /// <inheritdoc/>
    public bool Differ(string name, string other) => false;

    /// <inheritdoc/>
    public int Rows(string name, int configured) => configured;

    /// <inheritdoc/>
    public Weight Matrix(string name, int outputs, int inputs)
    {
        long count = (long)outputs * inputs;
        if (count > Array.MaxLength)
        {
            throw new ArgumentException($"{name}: a matrix [{outputs}, {inputs}] of random numbers has {count} of them, the most is {Array.MaxLength}");
        }
        float[] values = new float[count];
        CounterRandom own = random.Named(name);
        own.FillNormal(values, deviation);
        return new DenseWeight(values, outputs, inputs, type);
    }

    /// <inheritdoc/>
    public Parameter Vector(string name, int length)
    {
        Tensor value = Storage.Zeros(new Shape(length));
        if (!name.EndsWith(".bias", StringComparison.Ordinal))
        {
            value.Span.Fill(1f);
        }
        return new Parameter(name, value, trainable: false);
    }
}
