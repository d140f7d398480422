namespace Lorikeet.Training;

/// <summary>Sees what a run does while it does it: progress lines, logs and reports are observers, told one after the other.</summary>
public interface IRunObserver
{
    /// <summary>The run is ready and its folder stands; nothing is trained yet.</summary>
    /// <param name="run">The run; with <see cref="TrainingRun.FirstStep"/> above 0 it goes on from a checkpoint.</param>
    void Begin(TrainingRun run)
    {
    }

    /// <summary>A step is done.</summary>
    /// <param name="e">Its numbers; valid during the call.</param>
    void Step(in StepEvent e)
    {
    }

    /// <summary>Held-out data was measured.</summary>
    /// <param name="e">The losses.</param>
    void Measured(in MeasuredEvent e)
    {
    }

    /// <summary>Something was written that a user may want: a checkpoint, the best result so far, the result.</summary>
    /// <param name="e">What and where.</param>
    void Saved(in SavedEvent e)
    {
    }

    /// <summary>The run is over, finished or stopped; nothing more is written after it.</summary>
    /// <param name="result">How it ended.</param>
    void End(RunResult result)
    {
    }
}

/// <summary>An observer made of functions.</summary>
/// <param name="step">Told of steps, or null.</param>
/// <param name="measured">Told of measurements, or null.</param>
public sealed class RunObserver(Action<StepEvent>? step = null, Action<MeasuredEvent>? measured = null) : IRunObserver
{
    /// <inheritdoc/>
    public void Step(in StepEvent e) => step?.Invoke(e);

    /// <inheritdoc/>
    public void Measured(in MeasuredEvent e) => measured?.Invoke(e);
}
