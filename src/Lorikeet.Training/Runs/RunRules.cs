namespace Lorikeet.Training;

/// <summary>The step rules that a run's settings ask for: one line each.</summary>
internal static class RunRules
{
    /// <summary>The rules, in the order in which they are asked.</summary>
    /// <param name="parts">Model, adapters and data of the run; its trainer does not exist yet.</param>
    public static IReadOnlyList<IStepRule> Create(RunParts parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        return [];
    }
}
