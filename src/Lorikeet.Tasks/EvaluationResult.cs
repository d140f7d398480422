namespace Lorikeet.Tasks;

/// <summary>One number of a result.</summary>
/// <param name="Name">What it is: <c>bleu</c>, <c>accuracy</c>, <c>bits_per_byte</c>.</param>
/// <param name="Value">The number; NaN where it is not defined.</param>
/// <param name="Main">Whether it belongs in a short table; others are details.</param>
/// <param name="LowerIsBetter">True of losses and perplexities.</param>
public readonly record struct EvaluationMeasure(string Name, double Value, bool Main = true, bool LowerIsBetter = false)
{
    /// <summary>The standard error where the number is a mean over examples; NaN: not known.</summary>
    public double StandardError { get; init; } = double.NaN;

    /// <summary>A share of examples with its standard error, sqrt(p (1 - p) / n).</summary>
    internal static EvaluationMeasure Share(string name, double share, int examples, bool main = true) =>
        new(name, share, main) { StandardError = Math.Sqrt(share * (1 - share) / examples) };
}

/// <summary>What one adapter reached in one task.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Adapter">The adapter's name; null: the bare model.</param>
/// <param name="Measures">The numbers, the task's main one first.</param>
/// <param name="Examples">Examples they are of.</param>
/// <param name="Total">Examples that were asked for: more than <paramref name="Examples"/> where the task was stopped.</param>
/// <param name="Notes">What a reader should know, one line each.</param>
public sealed record EvaluationResult(
    string Task, string? Adapter, IReadOnlyList<EvaluationMeasure> Measures, int Examples, int Total, IReadOnlyList<string> Notes)
{
    /// <summary>False: the task was stopped, and the numbers are of the examples that were done.</summary>
    public bool Complete => Examples == Total;
}
