using Lorikeet.Cli.Verify;
using Lorikeet.Testing;
using Xunit.Abstractions;

namespace Lorikeet.Cli.Tests.Verify;

/// <summary>PEFT's adapter folders: the cards' checks LoRA 4 (files), 5 (matching), 6 (mixed batches), DoRA 6, FLoRA 4 (HiRA).</summary>
public sealed class AdaptersTests(ITestOutputHelper output)
{
    [SharedTheory("parity/adapters")]
    [Trait("Card", "LoRA 4")]
    [Trait("Card", "LoRA 5")]
    [Trait("Card", "LoRA 6")]
    [Trait("Card", "DoRA 6")]
    [Trait("Card", "FLoRA 4")]
    [InlineData("lora")]
    [InlineData("hira")]
    [InlineData("wild")]
    [InlineData("bad")]
    [InlineData("combine")]
    [InlineData("matching")]
    [InlineData("init")]
    public void Every_case_of_a_kind_meets_its_values_or_is_refused_by_name(string kind)
    {
        List<Comparison> all = Run("parity/adapters/" + kind);
        Assert.Contains(all, c => c.Verdict == Verdict.Pass);
        Assert.DoesNotContain(all, c => c.Verdict == Verdict.Fail);
    }

    [SharedTheory("parity/adapters/base-mixtral")]
    [InlineData("base-mixtral")]
    [InlineData("lora/experts-both")]
    [InlineData("lora/experts-gate-up")]
    [InlineData("lora/experts-router")]
    [InlineData("wild/experts-as-linears")]
    public void Adapters_of_experts_meet_every_value(string name) =>
        Assert.All(Run("parity/adapters/" + name), comparison => Assert.True(comparison.Verdict == Verdict.Pass, comparison.ToString()));

    [SharedFact("parity/adapters")]
    public void Nothing_fails_in_the_whole_area() => Assert.DoesNotContain(Run("parity/adapters"), c => c.Verdict == Verdict.Fail);

    private List<Comparison> Run(string path)
    {
        List<Comparison> all = [.. VerifyRunner.Run(SharedFiles.Path(path)!, CancellationToken.None).SelectMany(r => r.Comparisons)];
        foreach (Comparison comparison in all.Where(c => c.Verdict != Verdict.Pass))
        {
            output.WriteLine(comparison.ToString());
        }
        output.WriteLine($"{all.Count(c => c.Verdict == Verdict.Pass)} comparisons pass");
        return all;
    }
}
