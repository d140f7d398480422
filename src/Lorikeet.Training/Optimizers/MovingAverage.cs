using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>The exponential moving average of a parameter: the first update copies, later average = decay average + (1 - decay) value.</summary>
/// <param name="parameter">The parameter.</param>
/// <param name="decay">From 0 to below 1.</param>
public sealed class MovingAverage(Parameter parameter, double decay) : IDisposable
{
    private bool started;

    /// <summary>The average, in the parameter's shape.</summary>
    public Tensor Value { get; } = Storage.Zeros(parameter.Value.Shape);

    /// <summary>Takes the parameter's present value in.</summary>
    public void Add()
    {
        if (!started)
        {
            parameter.Value.Span.CopyTo(Value.Span);
            started = true;
            return;
        }
        Elementwise.Scale(Value.Span, (float)decay, Value.Span);
        Elementwise.AddScaled((float)(1 - decay), parameter.Value.Span, Value.Span);
    }

    /// <inheritdoc/>
    public void Dispose() => Value.Free();
}
