using Lorikeet.Cli.Verify;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Verify;

public sealed class ChatTemplatesTests
{
    [SharedFact("parity/chat-templates/templates")]
    public void Every_case_is_equal()
    {
        CaseReport[] reports = [.. VerifyRunner.Run(SharedFiles.Path("parity/chat-templates")!, CancellationToken.None)];
        Assert.Equal(101, reports.Length);
        Assert.All(reports.SelectMany(r => r.Comparisons), c => Assert.True(c.Verdict == Verdict.Pass, $"{c.Case}: {c.What}: {c.Note}"));
        Assert.True(reports.Sum(r => r.Comparisons.Count) > 3500);
    }

    [SharedTheory("parity/chat-templates/templates")]
    [InlineData("chatml", "\"rendered\":\"", "\"rendered\":\"x", "rendered")]
    [InlineData("own-generation", "\"assistant_spans\":[[", "\"assistant_spans\":[[1", "assistant_spans")]
    [InlineData("own-error-28", "\"kind\":\"runtime\"", "\"kind\":\"undefined\"", "error")]
    [InlineData("own-error-19", "\"message\":\"Only user", "\"message\":\"only user", "message")]
    public void A_changed_value_fails(string name, string old, string fresh, string what)
    {
        using TemporaryFolder folder = new("chat-templates");
        string source = SharedFiles.Path("parity/chat-templates/templates")!;
        File.Copy(Path.Combine(source, name + ".jinja"), folder[name + ".jinja"]);
        string cases = File.ReadAllText(Path.Combine(source, name + ".cases.json"));
        int at = cases.IndexOf(old, StringComparison.Ordinal);
        File.WriteAllText(folder[name + ".cases.json"], string.Concat(cases.AsSpan(0, at), fresh, cases.AsSpan(at + old.Length)));
        CaseReport report = Assert.Single(VerifyRunner.Run(folder.Path, CancellationToken.None));
        Comparison failed = Assert.Single(report.Comparisons, c => c.Verdict == Verdict.Fail);
        Assert.EndsWith(": " + what, failed.What, StringComparison.Ordinal);
    }
}
