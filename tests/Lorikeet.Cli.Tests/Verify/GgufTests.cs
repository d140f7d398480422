using Lorikeet.Cli.Verify;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Verify;

public sealed class GgufTests
{
    [SharedTheory("parity/gguf")]
    [InlineData("blocks", 600)]
    [InlineData("llama-k", 1500)]
    [InlineData("llama-spm", 1000)]
    [InlineData("llama3-bpe", 200)]
    [InlineData("metadata", 100)]
    [InlineData("qwen2-spm", 200)]
    public void Everything_equals_the_reference(string name, int least)
    {
        CaseReport report = Assert.Single(VerifyRunner.Run(SharedFiles.Path($"parity/gguf/{name}")!, CancellationToken.None));
        Assert.All(report.Comparisons, c => Assert.True(c.Verdict == Verdict.Pass, $"{c.What}: {c.Note}"));
        Assert.True(report.Comparisons.Count > least, $"{report.Comparisons.Count} comparisons");
    }

    [SharedTheory("parity/gguf")]
    [InlineData("metadata", "align32.gguf.json", "\"alignment\": 32", "\"alignment\": 64")]
    [InlineData("metadata", "align32.gguf.json", "60000", "60001")]
    [InlineData("llama-spm", "case.json", "269", "270")]
    [InlineData("llama-spm", "lora-case.json", "\"alpha\": 10", "\"alpha\": 11")]
    [InlineData("blocks", "case.json", "\"bytes_per_block\": 18", "\"bytes_per_block\": 19")]
    [InlineData("blocks", "case.json", "0.284947", "0.2")]
    public void A_changed_reference_value_fails(string name, string file, string old, string fresh)
    {
        using TemporaryFolder folder = new("gguf");
        Copy(SharedFiles.Path($"parity/gguf/{name}")!, folder.Path);
        TinyFiles.ChangeText(folder[file], old, fresh);
        Assert.Equal(Verdict.Fail, Assert.Single(VerifyRunner.Run(folder.Path, CancellationToken.None)).Verdict);
    }

    [SharedTheory("parity/gguf")]
    [InlineData("llama3-bpe", "golden.safetensors", "f16.logits.s17")]
    [InlineData("llama-spm", "lora-golden.safetensors", "half.logits.s17")]
    public void A_changed_golden_number_fails(string name, string file, string tensor)
    {
        using TemporaryFolder folder = new("gguf");
        Copy(SharedFiles.Path($"parity/gguf/{name}")!, folder.Path);
        TinyFiles.Change(folder[file], tensor, 11, v => v + 0.01f);
        Assert.Contains(Assert.Single(VerifyRunner.Run(folder.Path, CancellationToken.None)).Comparisons, c => c.Verdict == Verdict.Fail && c.What.EndsWith(tensor, StringComparison.Ordinal));
    }

    private static void Copy(string from, string to)
    {
        foreach (string path in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target, overwrite: true);
        }
    }
}
