using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Testing;

namespace Lorikeet.Models.Tests.Text;

public sealed class TokenizerParityTests
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
        TokenizerCases cases = new(SharedFiles.Path($"parity/tokenizers/{name}")!);
        IReadOnlyList<string> failures = cases.Run();
        Assert.True(failures.Count == 0, $"{failures.Count} of {cases.Compared} differ:\n" + string.Join('\n', failures.Take(20)));
        Assert.True(cases.Compared > 2000);
    }

    [SharedTheory("parity/tokenizers")]
    [InlineData("neox-style")]
    [InlineData("llama3-style")]
    public void A_saved_tokenizer_is_the_same(string name)
    {
        string source = SharedFiles.Path($"parity/tokenizers/{name}")!;
        using TemporaryFolder folder = new();
        Tokenizer.Load(source).Save(folder.Path);
        File.Copy(Path.Combine(source, "cases.json"), folder["cases.json"]);
        Assert.True(File.Exists(folder["tokenizer_config.json"]));
        Assert.Empty(new TokenizerCases(folder.Path).Run());
    }

    [SharedTheory("parity/tokenizers")]
    [InlineData("llama3-style", "<|begin_of_text|>", "<|eot_id|>", null)]
    [InlineData("qwen3", null, "<|im_end|>", "<|endoftext|>")]
    [InlineData("gpt2", null, null, null)]
    public void Roles_come_from_the_configuration(string name, string? bos, string? eos, string? pad)
    {
        Tokenizer tokenizer = Tokenizer.Load(SharedFiles.Path($"parity/tokenizers/{name}/tokenizer.json")!);
        Assert.Equal(bos, tokenizer.BosId is { } b ? tokenizer.TokenText(b) : null);
        Assert.Equal(eos, tokenizer.EosId is { } e ? tokenizer.TokenText(e) : null);
        Assert.Equal(pad, tokenizer.PadId is { } p ? tokenizer.TokenText(p) : null);
    }

    [SharedTheory("parity/tokenizers")]
    [InlineData("llama2")]
    [InlineData("unigram-t5")]
    [InlineData("wordpiece-cased")]
    public void Kinds_that_are_not_built_are_refused_by_name(string name)
    {
        BadFileException e = Assert.Throws<BadFileException>(() => Tokenizer.Load(SharedFiles.Path($"parity/tokenizers/{name}")!));
        Assert.Contains("not supported; supported are", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }
}
