using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>The exponential moving averages of everything that trains: kept beside the values, and put in their place to measure or save them.</summary>
public sealed class WeightAverages : IDisposable
{
    private readonly Dictionary<Parameter, MovingAverage> all = [];
    // The bits of stored values while the averages are in their place.
    private readonly Dictionary<Parameter, byte[]> held = [];
    private readonly IReadOnlyList<Trainee> trainees;
    private readonly StoredSteps stored;

    internal WeightAverages(IReadOnlyList<Trainee> trainees, double decay, StoredSteps stored)
    {
        this.trainees = trainees;
        this.stored = stored;
        foreach (Trainee trainee in trainees)
        {
            foreach (Parameter parameter in trainee.Groups.SelectMany(g => g.Parameters))
            {
                all.Add(parameter, new MovingAverage(parameter, decay));
            }
        }
    }

    /// <summary>Puts the averages in the place of the values, and the values in the place of the averages; a second call undoes it.</summary>
    /// <remarks>A value that is kept in bfloat16 is the average rounded to nearest meanwhile; the average itself stays exact.</remarks>
    public void Swap()
    {
        foreach ((Parameter parameter, MovingAverage average) in all)
        {
            if (parameter.IsStored)
            {
                stored.With(parameter, value => SwapStored(parameter, average, value.Span), changed: true);
            }
            else
            {
                average.Swap();
            }
        }
        foreach (Trainee trainee in trainees)
        {
            trainee.Adapter?.ForgetForms();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (MovingAverage average in all.Values)
        {
            average.Dispose();
        }
    }

    /// <summary>Takes the values after a step in.</summary>
    internal void Add()
    {
        foreach ((Parameter parameter, MovingAverage average) in all)
        {
            stored.With(parameter, _ => average.Add());
        }
    }

    /// <summary>The average of a parameter, for checkpoints.</summary>
    /// <returns>Null: the parameter does not train.</returns>
    internal MovingAverage? Of(Parameter parameter) => all.GetValueOrDefault(parameter);

    private void SwapStored(Parameter parameter, MovingAverage average, Span<float> value)
    {
        if (held.Remove(parameter, out byte[]? bits))
        {
            Casting.ToSingle(bits, ElementType.BF16, value);
            return;
        }
        bits = new byte[2 * value.Length];
        Casting.FromSingle(value, ElementType.BF16, bits);
        held.Add(parameter, bits);
        byte[] rounded = new byte[bits.Length];
        Casting.FromSingle(average.Value.Span, ElementType.BF16, rounded);
        Casting.ToSingle(rounded, ElementType.BF16, value);
    }
}
