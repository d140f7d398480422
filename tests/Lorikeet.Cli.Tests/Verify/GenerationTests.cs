using Lorikeet.Cli.Verify;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Verify;

public sealed class GenerationTests
{
    [SharedTheory("parity/models")]
    [InlineData("sampling", 250)]
    [InlineData("stop", 100)]
    public void The_reference_values_are_met(string kind, int least)
    {
        CaseReport report = Assert.Single(VerifyRunner.Run(SharedFiles.Path("parity/models/" + kind)!, CancellationToken.None));
        Assert.True(report.Comparisons.Count >= least, $"only {report.Comparisons.Count} comparisons");
        Assert.All(report.Comparisons, comparison => Assert.True(comparison.Verdict == Verdict.Pass, comparison.ToString()));
    }

    [SharedFact("parity/models")]
    public void Beam_searches_find_the_reference_answers_where_the_model_is_built()
    {
        CaseReport report = Assert.Single(VerifyRunner.Run(SharedFiles.Path("parity/models/generate")!, CancellationToken.None));
        Assert.True(report.Comparisons.Count(c => c.Verdict == Verdict.Pass) >= 10);
        Assert.All(report.Comparisons, comparison => Assert.True(comparison.Verdict != Verdict.Fail, comparison.ToString()));
        Assert.All(report.Comparisons.Where(c => c.Verdict == Verdict.Unsupported), c => Assert.Contains("gpt2 is not built", c.Note, StringComparison.Ordinal));
    }
}
