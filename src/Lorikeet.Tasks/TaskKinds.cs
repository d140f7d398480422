namespace Lorikeet.Tasks;

/// <summary>What tasks can measure: one line a kind.</summary>
internal static class TaskKinds
{
    public static IReadOnlyDictionary<string, Func<TaskRun, IReadOnlyList<EvaluationResult>>> All { get; } =
        new Dictionary<string, Func<TaskRun, IReadOnlyList<EvaluationResult>>>(StringComparer.Ordinal)
        {
            ["loss"] = Likelihoods.Run,
            ["choose"] = Choices.Run,
            ["classify"] = Classes.Run,
            ["generate"] = Answers.Run,
        };
}
