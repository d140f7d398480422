namespace Lorikeet.Training;

/// <summary>report.html: a run on one page.</summary>
internal static class RunPage
{
    /// <summary>The page.</summary>
    /// <param name="run">The run.</param>
    /// <param name="result">How it ended; null: it goes on.</param>
    public static string Write(TrainingRun run, RunResult? result) => new HtmlPage(RunFacts.Title(run.Settings))
        .Note(State(result))
        .Tiles(RunFacts.Numbers(run, result))
        .Charts(RunCharts.All(run.History))
        .Table("Settings", ["setting", "value"], RunFacts.Settings(run).Select(s => (IReadOnlyList<string>)[s.Name, s.Value]))
        .ToString();

    private static string State(RunResult? result) => result switch
    {
        null => "Running.",
        { Finished: false } => $"Stopped after step {result.Step}; it can be resumed.",
        { StoppedEarly: true } => $"Finished early, after step {result.Step}: the held-out loss no longer fell.",
        _ => "Finished.",
    };
}
