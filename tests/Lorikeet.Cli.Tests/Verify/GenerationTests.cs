using Lorikeet.Cli.Verify;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Verify;

public sealed class GenerationTests
{
    [SharedTheory("parity/models")]
    [InlineData("sampling", 250)]
    [InlineData("stop", 100)]
    [InlineData("generate", 20)]
    public void The_reference_values_are_met(string kind, int least)
    {
        CaseReport report = Assert.Single(VerifyRunner.Run(SharedFiles.Path("parity/models/" + kind)!, CancellationToken.None));
        Assert.True(report.Comparisons.Count >= least, $"only {report.Comparisons.Count} comparisons");
        Assert.All(report.Comparisons, comparison => Assert.True(comparison.Verdict == Verdict.Pass, comparison.ToString()));
    }
}
