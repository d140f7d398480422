using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>The exponential moving averages of everything that trains: kept beside the values, and put in their place to measure or save them.</summary>
public sealed class WeightAverages : IDisposable
{
    private readonly Dictionary<Parameter, MovingAverage> all = [];
    private readonly IReadOnlyList<Trainee> trainees;

    internal WeightAverages(IReadOnlyList<Trainee> trainees, double decay)
    {
        this.trainees = trainees;
        foreach (Trainee trainee in trainees)
        {
            foreach (Parameter parameter in trainee.Groups.SelectMany(g => g.Parameters))
            {
                all.Add(parameter, new MovingAverage(parameter, decay));
            }
        }
    }

    /// <summary>Puts the averages in the place of the values, and the values in the place of the averages; a second call undoes it.</summary>
    public void Swap()
    {
        foreach (MovingAverage average in all.Values)
        {
            average.Swap();
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
        foreach (MovingAverage average in all.Values)
        {
            average.Add();
        }
    }

    /// <summary>The average of a parameter, for checkpoints.</summary>
    /// <returns>Null: the parameter does not train.</returns>
    internal MovingAverage? Of(Parameter parameter) => all.GetValueOrDefault(parameter);
}
