using Lorikeet.Cli.Verify;
using Lorikeet.Models.Text;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Verify;

public sealed class TokenizersTests
{
    [SharedTheory("parity/tokenizers")]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    [InlineData("llama3-style")]
    [InlineData("qwen2-style")]
    [InlineData("qwen3")]
    [InlineData("starcoder-style")]
    [InlineData("neox-style")]
    public void Everything_equals_the_reference(string name)
    {
        CaseReport report = Assert.Single(VerifyRunner.Run(SharedFiles.Path($"parity/tokenizers/{name}")!, CancellationToken.None));
        Assert.All(report.Comparisons, c => Assert.True(c.Verdict == Verdict.Pass, $"{c.What}: {c.Note}"));
        Assert.True(report.Comparisons.Count > 5000);
    }

    [SharedTheory("parity/tokenizers")]
    [InlineData("neox-style")]
    [InlineData("llama3-style")]
    public void A_saved_tokenizer_is_the_same(string name)
    {
        string source = SharedFiles.Path($"parity/tokenizers/{name}")!;
        using TemporaryFolder folder = new("tokenizers");
        Tokenizer.Load(source).Save(folder.Path);
        File.Copy(Path.Combine(source, "cases.json"), folder["cases.json"]);
        Assert.True(File.Exists(folder["tokenizer_config.json"]));
        CaseReport report = Assert.Single(VerifyRunner.Run(folder.Path, CancellationToken.None));
        Assert.All(report.Comparisons, c => Assert.True(c.Verdict == Verdict.Pass, $"{c.What}: {c.Note}"));
    }

    [SharedFact("parity/tokenizers/bpe-training")]
    public void Training_equals_the_reference()
    {
        CaseReport[] reports = [.. VerifyRunner.Run(SharedFiles.Path("parity/tokenizers/bpe-training")!, CancellationToken.None)];
        Assert.Equal(9, reports.Length);
        Assert.All(reports.SelectMany(r => r.Comparisons), c => Assert.True(c.Verdict == Verdict.Pass, $"{c.Case}: {c.What}: {c.Note}"));
    }

    [SharedTheory("parity/tokenizers")]
    [InlineData("llama2", "Prepend")]
    [InlineData("unigram-t5", "Unigram")]
    [InlineData("wordpiece-cased", "WordPiece")]
    [InlineData("sp-bpe-first", "Metaspace")]
    public void Kinds_that_are_not_built_are_unsupported_by_name(string name, string kind)
    {
        CaseReport report = Assert.Single(VerifyRunner.Run(SharedFiles.Path($"parity/tokenizers/{name}")!, CancellationToken.None));
        Comparison only = Assert.Single(report.Comparisons);
        Assert.Equal(Verdict.Unsupported, only.Verdict);
        Assert.Contains($"'{kind}'", only.Note, StringComparison.Ordinal);
    }
}
