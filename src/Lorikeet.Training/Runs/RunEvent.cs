namespace Lorikeet.Training;

/// <summary>What a run tells while it goes: a step is done, or held-out data was measured.</summary>
/// <param name="Step">Steps that are done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">The mean loss of the step over all trainees; of the last one where held-out data was measured.</param>
/// <param name="Rate">The learning rate of the first trainee.</param>
/// <param name="GradientNorm">The gradient norm of the first trainee.</param>
/// <param name="TokensPerSecond">Tokens through the model each second, over the last steps.</param>
/// <param name="Remaining">The time that is left, by the last steps.</param>
/// <param name="PeakBytes">The most bytes of step memory in use at once.</param>
/// <param name="HeldOutLoss">The mean held-out loss over all trainees; null: this event is a step.</param>
public readonly record struct RunEvent(
    int Step, int Steps, double Loss, double Rate, double GradientNorm, double TokensPerSecond, TimeSpan Remaining, long PeakBytes, double? HeldOutLoss);

/// <summary>How a run ended.</summary>
/// <param name="Finished">True: all steps are done and the results are saved. False: it was stopped and can be resumed.</param>
/// <param name="Step">Steps that are done.</param>
/// <param name="HeldOutLoss">The last held-out losses, one for each trainee; NaN: none.</param>
/// <param name="Folders">What was written: the adapters' folders, the model's, or the checkpoint.</param>
/// <param name="PeakBytes">The most bytes of step memory in use at once.</param>
/// <param name="ProcessPeakBytes">The most memory that the process has had resident.</param>
public sealed record RunResult(bool Finished, int Step, IReadOnlyList<double> HeldOutLoss, IReadOnlyList<string> Folders, long PeakBytes, long ProcessPeakBytes);
