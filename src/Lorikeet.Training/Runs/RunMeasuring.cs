namespace Lorikeet.Training;

/// <summary>Measures the held-out losses of a run, of the present values and of their averages.</summary>
/// <param name="parts">The run's parts.</param>
internal sealed class RunMeasuring(RunParts parts)
{
    /// <summary>Whether there is anything to measure on.</summary>
    public bool Any { get; } = parts.Data.Any(d => d.HeldOut.Count > 0);

    /// <summary>Measures.</summary>
    public MeasuredEvent Run()
    {
        double[] losses = Losses();
        double[] averaged = [];
        // Before the first step there is no average.
        if (parts.Trainer.Averages is { } averages && parts.Trainer.Step > 0)
        {
            averages.Swap();
            try
            {
                averaged = Losses();
            }
            finally
            {
                averages.Swap();
            }
        }
        return new MeasuredEvent(parts.Trainer.Step, parts.Steps, losses, averaged);
    }

    private double[] Losses() => [.. parts.Data.Select((d, i) => d.HeldOut.Count > 0 ? parts.Trainer.Evaluate(i, d.HeldOut).Loss : double.NaN)];
}
