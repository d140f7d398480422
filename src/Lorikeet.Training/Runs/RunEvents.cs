namespace Lorikeet.Training;

/// <summary>A step is done.</summary>
/// <param name="Step">Steps that are done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Numbers">Loss, gradient norm, rate and tokens of each trainee.</param>
/// <param name="Seconds">How long the step took.</param>
/// <param name="TokensPerSecond">Tokens through the model each second, over the last steps.</param>
/// <param name="Remaining">The time that is left, by the last steps.</param>
/// <param name="PeakBytes">The most bytes of step memory in use at once.</param>
public readonly record struct StepEvent(
    int Step, int Steps, IReadOnlyList<StepNumbers> Numbers, double Seconds, double TokensPerSecond, TimeSpan Remaining, long PeakBytes)
{
    /// <summary>The mean loss over all trainees.</summary>
    public double Loss
    {
        get
        {
            double sum = 0;
            for (int i = 0; i < Numbers.Count; i++)
            {
                sum += Numbers[i].Loss;
            }
            return sum / Numbers.Count;
        }
    }
}

/// <summary>Held-out data was measured.</summary>
/// <param name="Step">Steps that are done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Losses">The held-out loss of each trainee; NaN: it has no held-out data.</param>
/// <param name="Averaged">The same with the moving averages in the parameters' place; empty: none are kept.</param>
public readonly record struct MeasuredEvent(int Step, int Steps, IReadOnlyList<double> Losses, IReadOnlyList<double> Averaged)
{
    /// <summary>The mean held-out loss over all trainees that have one.</summary>
    public double Loss => Mean(Losses);

    /// <summary>The same of the averages; NaN: none are kept.</summary>
    public double AveragedLoss => Mean(Averaged);

    private static double Mean(IReadOnlyList<double> losses)
    {
        double[] known = [.. losses.Where(l => !double.IsNaN(l))];
        return known.Length > 0 ? known.Sum() / known.Length : double.NaN;
    }
}

/// <summary>What a run wrote.</summary>
public enum SavedKind
{
    /// <summary>A checkpoint to resume from.</summary>
    Checkpoint,

    /// <summary>The result with the lowest held-out loss so far.</summary>
    Best,

    /// <summary>The moving average at the end.</summary>
    Averaged,

    /// <summary>The last result.</summary>
    Result,
}

/// <summary>Something was written.</summary>
/// <param name="Kind">What.</param>
/// <param name="Folder">Where.</param>
/// <param name="Step">Steps that were done.</param>
public readonly record struct SavedEvent(SavedKind Kind, string Folder, int Step);

/// <summary>How a run ended.</summary>
/// <param name="Finished">True: training is over and the results are saved. False: it was stopped and can be resumed.</param>
/// <param name="Step">Steps that are done.</param>
/// <param name="HeldOutLoss">The last held-out losses, one for each trainee; NaN: none.</param>
/// <param name="Folders">What was written: the adapters' folders, the model's, or the checkpoint.</param>
/// <param name="PeakBytes">The most bytes of step memory in use at once.</param>
/// <param name="ProcessPeakBytes">The most memory that the process has had resident.</param>
public sealed record RunResult(bool Finished, int Step, IReadOnlyList<double> HeldOutLoss, IReadOnlyList<string> Folders, long PeakBytes, long ProcessPeakBytes)
{
    /// <summary>The best measurement of each trainee that has one, by its number.</summary>
    public IReadOnlyList<BestResult> Best { get; init; } = [];

    /// <summary>Training ended before its last step, because the held-out loss no longer fell.</summary>
    public bool StoppedEarly { get; init; }
}

/// <summary>The lowest held-out loss of a trainee.</summary>
/// <param name="Loss">The loss; NaN: nothing was measured after a step.</param>
/// <param name="Step">After which step.</param>
/// <param name="Averaged">It is that of the moving average.</param>
public sealed record BestResult(double Loss, int Step, bool Averaged);
