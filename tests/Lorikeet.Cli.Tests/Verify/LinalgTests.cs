using Lorikeet.Cli.Verify;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Verify;

public class LinalgTests
{
    [SharedFact("parity/linalg")]
    public void Decompositions_transforms_and_clusters_equal_the_reference()
    {
        HashSet<string> passed = [];
        foreach (CaseReport report in VerifyRunner.Run(SharedFiles.Path("parity/linalg")!, CancellationToken.None))
        {
            Assert.All(report.Comparisons, c => Assert.True(c.Verdict != Verdict.Fail, $"{c.Case}: {c.What} {c.Note}"));
            if (report.Verdict == Verdict.Pass)
            {
                passed.Add(report.Comparisons[0].Case);
            }
        }
        string[] built =
        [
            "cayley", "eigh-cholesky", "fourier", "givens-householder", "hadamard", "inverse-sqrt", "kmeans", "lu", "newton-schulz", "normal-float", "qr", "randomised-svd", "svd",
        ];
        Assert.Superset(built.ToHashSet(), passed);
    }
}
