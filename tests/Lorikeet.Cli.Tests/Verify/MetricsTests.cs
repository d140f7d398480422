using Lorikeet.Cli.Verify;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Verify;

public sealed class MetricsTests
{
    [SharedFact("parity/metrics")]
    public void Every_value_is_the_originals()
    {
        CaseReport report = Assert.Single(VerifyRunner.Run(SharedFiles.Path("parity/metrics")!, CancellationToken.None));
        Assert.All(report.Comparisons, c => Assert.True(c.Verdict == Verdict.Pass, $"{c.What}: {c.Note}"));
        Assert.True(report.Comparisons.Count > 4500);
    }

    [SharedTheory("parity/metrics")]
    [InlineData("\"score\": 21.923821490218497", "\"score\": 21.923821590218497", "bleu_corpus 0 e2e-single: score")]
    [InlineData("\"num_edits\": 138", "\"num_edits\": 139", "ter 0 e2e-single: num_edits")]
    [InlineData("\"cider\": 2.3161587387568123", "\"cider\": 2.31615875", "coco_cider_rouge 0 e2e-single: cider")]
    [InlineData("\"spearman\": 0.9749999999999999", "\"spearman\": 0.97501", "correlation 0 noise: spearman")]
    [InlineData("\"answer\": \"1234\"", "\"answer\": \"1235\"", "gsm8k_answer 1: answer")]
    public void A_changed_value_fails(string old, string fresh, string what)
    {
        using TemporaryFolder folder = new("metrics");
        string source = SharedFiles.Path("parity/metrics")!;
        File.Copy(Path.Combine(source, "perplexity.safetensors"), folder["perplexity.safetensors"]);
        string cases = File.ReadAllText(Path.Combine(source, "cases.json"));
        int at = cases.IndexOf(old, StringComparison.Ordinal);
        at = at >= 0 ? at : cases.IndexOf(old = old.Replace(": ", ":", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.True(at >= 0, $"{old} is not there");
        File.WriteAllText(folder["cases.json"], string.Concat(cases.AsSpan(0, at), fresh, cases.AsSpan(at + old.Length)));
        CaseReport report = Assert.Single(VerifyRunner.Run(folder.Path, CancellationToken.None));
        Assert.Equal(what, Assert.Single(report.Comparisons, c => c.Verdict == Verdict.Fail).What);
    }
}
