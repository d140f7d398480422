using Lorikeet.Models.Text;
using Lorikeet.Testing;

namespace Lorikeet.Models.Tests.Text;

/// <summary>What real tokenizer.json files say beside their cases, which <c>lorikeet verify</c> and its tests compare.</summary>
public sealed class TokenizerParityTests
{
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
}
