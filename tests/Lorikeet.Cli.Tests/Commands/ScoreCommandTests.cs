using System.Text.Json;

namespace Lorikeet.Cli.Tests.Commands;

[Collection("console")]
public sealed class ScoreCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new("score");

    public ScoreCommandTests()
    {
        File.WriteAllText(folder["out.txt"], "the cat sat on the mat\na dog barks at the moon tonight\n");
        File.WriteAllText(folder["a.txt"], "the cat sat on the mat\nthe dog barks at the moon\n");
        File.WriteAllText(folder["b.txt"], "\na dog barked at the moon tonight\n");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Several_metrics_share_their_lines()
    {
        string[] lines = Cli.Run("score", "--metric", "bleu", "--metric", "chrf", "--metric", "ter", "--set", "word_order=2", "-c", folder["out.txt"], "-r", folder["a.txt"], "-r", folder["b.txt"], "--json")
            .Done().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        JsonElement[] results = [.. lines.Select(l => JsonDocument.Parse(l).RootElement)];
        Assert.Equal(["bleu", "chrf", "ter"], results.Select(r => r.GetProperty("metric").GetString()));
        // 13 of 13 words, 10 of 11 pairs, 8 of 9 triples and 6 of 7 fours are in a reference; lengths 6 and 7 have references as long.
        double bleu = 100 * Math.Exp((Math.Log(13 / 13.0) + Math.Log(10 / 11.0) + Math.Log(8 / 9.0) + Math.Log(6 / 7.0)) / 4);
        Assert.Equal("nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp", results[0].GetProperty("signature").GetString());
        Assert.Contains("|nw:2|", results[1].GetProperty("signature").GetString(), StringComparison.Ordinal);
        Assert.Equal(1, results[2].GetProperty("edits").GetDouble());
        Assert.InRange(results[0].GetProperty("value").GetDouble(), 60, bleu + 10);
    }

    [Fact]
    public void Labels_and_numbers_are_scored()
    {
        File.WriteAllText(folder["p.txt"], "1\n0\n1\n1\n");
        File.WriteAllText(folder["t.txt"], "1\n0\n0\n1\n");
        Assert.Contains("accuracy                        0.75", Cli.Run("score", "--metric", "accuracy", "-c", folder["p.txt"], "-r", folder["t.txt"]).Done().Output, StringComparison.Ordinal);
        File.WriteAllText(folder["s.txt"], "0.9\n0.1\n0.4\n0.8\n");
        Assert.Contains("roc_auc                          1", Cli.Run("score", "--metric", "auc", "-c", folder["s.txt"], "-r", folder["t.txt"]).Done().Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_metric_they_are_listed() => Assert.Contains("rouge_score", Cli.Run("score").Done().Output, StringComparison.Ordinal);

    [Fact]
    public void Failures_are_one_line()
    {
        File.WriteAllText(folder["short.txt"], "one\n");
        File.WriteAllBytes(folder["bytes.txt"], [0xFF, 0x0A]);
        Assert.Contains("has 2 lines", Cli.Run("score", "--metric", "bleu", "-c", folder["out.txt"], "-r", folder["short.txt"]).Refused(), StringComparison.Ordinal);
        Assert.Contains("not UTF-8", Cli.Run("score", "--metric", "bleu", "-c", folder["bytes.txt"], "-r", folder["short.txt"]).Refused(), StringComparison.Ordinal);
        Assert.Contains("there is no metric 'blau'", Cli.Run("score", "--metric", "blau", "-c", folder["out.txt"], "-r", folder["a.txt"]).Refused(), StringComparison.Ordinal);
        Assert.Contains("no tokeniser 'x'", Cli.Run("score", "--metric", "bleu", "--set", "tokenize=x", "-c", folder["out.txt"], "-r", folder["a.txt"]).Refused(), StringComparison.Ordinal);
        Assert.Contains("no metric has a setting 'k'", Cli.Run("score", "--metric", "bleu", "--set", "k=1", "-c", folder["out.txt"], "-r", folder["a.txt"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("expected a number", Cli.Run("score", "--metric", "correlation", "-c", folder["out.txt"], "-r", folder["a.txt"]).Refused(), StringComparison.Ordinal);
        Assert.Contains("--references", Cli.Run("score", "--metric", "bleu", "-c", folder["out.txt"]).Refused(2), StringComparison.Ordinal);
    }
}
