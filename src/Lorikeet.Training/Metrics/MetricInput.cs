namespace Lorikeet.Training;

/// <summary>What a metric compares: texts, labels or numbers, one a line.</summary>
/// <param name="Candidates">What a model wrote.</param>
/// <param name="References">What it should have written: one or several for each candidate.</param>
public sealed record MetricInput(IReadOnlyList<string> Candidates, IReadOnlyList<IReadOnlyList<string>> References)
{
    /// <summary>One reference for each candidate.</summary>
    /// <param name="candidates">What a model wrote.</param>
    /// <param name="references">What it should have written.</param>
    public static MetricInput Single(IReadOnlyList<string> candidates, IReadOnlyList<string> references) =>
        new(candidates, [.. references.Select(r => (IReadOnlyList<string>)[r])]);

    internal MetricInput Checked() => Candidates.Count != References.Count
        ? throw new ArgumentException($"there are {Candidates.Count} candidates and {References.Count} references; expected as many of both")
        : Candidates.Count == 0 ? throw new ArgumentException("there is nothing to compare; expected at least one candidate")
        : this;
}
