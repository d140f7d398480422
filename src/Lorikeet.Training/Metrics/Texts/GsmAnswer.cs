namespace Lorikeet.Training;

/// <summary>The final answer of a GSM8K solution: what stands after the first <c>#### </c>.</summary>
public static class GsmAnswer
{
    private const string Mark = "#### ";

    /// <summary>The digits, points and sign after the mark, commas removed; null: there is no such answer.</summary>
    /// <param name="solution">The solution.</param>
    public static string? Find(string solution)
    {
        ArgumentNullException.ThrowIfNull(solution);
        for (int at = solution.IndexOf(Mark, StringComparison.Ordinal); at >= 0; at = solution.IndexOf(Mark, at + 1, StringComparison.Ordinal))
        {
            int start = at + Mark.Length, end = start < solution.Length && solution[start] == '-' ? start + 1 : start, first = end;
            while (end < solution.Length && (char.IsAsciiDigit(solution[end]) || solution[end] is '.' or ','))
            {
                end++;
            }
            if (end > first)
            {
                return solution[start..end].Replace(",", "", StringComparison.Ordinal);
            }
        }
        return null;
    }

    internal static MetricResult Score(MetricInput input, MetricSettings set) =>
        MetricResult.Of(input.Candidates.Select((c, i) => Find(c) is { } answer && input.References[i].Any(r => (Find(r) ?? r.Trim()) == answer) ? 1.0 : 0).Average());
}
