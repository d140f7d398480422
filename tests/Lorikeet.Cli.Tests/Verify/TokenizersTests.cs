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
    [InlineData("llama2")]
    [InlineData("mistral7b")]
    [InlineData("gemma-style")]
    [InlineData("sp-bpe-legacy")]
    [InlineData("sp-bpe-first")]
    [InlineData("sp-bpe-always")]
    [InlineData("sp-bpe-never")]
    [InlineData("unigram-albert")]
    [InlineData("unigram-t5")]
    [InlineData("unigram-t5-old")]
    [InlineData("wordpiece-cased")]
    [InlineData("wordpiece-uncased")]
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

    [SharedFact("parity/tokenizers")]
    public void Character_classes_equal_the_reference_and_a_changed_one_fails()
    {
        string source = SharedFiles.Path("parity/tokenizers/char-classes.json")!;
        CaseReport report = Assert.Single(VerifyRunner.Run(source, CancellationToken.None));
        Assert.Equal(13, report.Comparisons.Count);
        Assert.All(report.Comparisons, c => Assert.True(c.Verdict == Verdict.Pass, $"{c.What}: {c.Note}"));
        using TemporaryFolder folder = new("tokenizers");
        File.WriteAllText(folder["changed.json"], File.ReadAllText(source).Replace("\"05BE\"", "\"05BD-05BE\"", StringComparison.Ordinal));
        Assert.Equal(Verdict.Fail, Assert.Single(VerifyRunner.Run(folder.Path, CancellationToken.None)).Verdict);
    }

    [SharedFact("parity/tokenizers/bpe-training")]
    public void Training_equals_the_reference()
    {
        CaseReport[] reports = [.. VerifyRunner.Run(SharedFiles.Path("parity/tokenizers/bpe-training")!, CancellationToken.None)];
        Assert.Equal(9, reports.Length);
        Assert.All(reports.SelectMany(r => r.Comparisons), c => Assert.True(c.Verdict == Verdict.Pass, $"{c.Case}: {c.What}: {c.Note}"));
    }
}
