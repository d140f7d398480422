using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>The exponential moving average of a parameter: the first update copies, later average = decay average + (1 - decay) value.</summary>
/// <param name="parameter">The parameter.</param>
/// <param name="decay">From 0 to below 1.</param>
public sealed class MovingAverage(Parameter parameter, double decay) : IDisposable
{
    /// <summary>The average, in the parameter's shape.</summary>
    public Tensor Value { get; } = Storage.Zeros(parameter.Value.Shape);

    /// <summary>Whether anything was taken in.</summary>
    internal bool Started { get; set; }

    /// <summary>Takes the parameter's present value in.</summary>
    public void Add()
    {
        if (!Started)
        {
            parameter.Value.Span.CopyTo(Value.Span);
            Started = true;
            return;
        }
        Elementwise.Scale(Value.Span, (float)decay, Value.Span);
        Elementwise.AddScaled((float)(1 - decay), parameter.Value.Span, Value.Span);
    }

    /// <summary>Exchanges average and value; a second call undoes it.</summary>
    public void Swap()
    {
        Span<float> average = Value.Span, value = parameter.Value.Span;
        for (int i = 0; i < average.Length; i++)
        {
            (average[i], value[i]) = (value[i], average[i]);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Value.Free();
}
