using Lorikeet.Cli.Verify;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Verify;

public class TrainingTests
{
    public static TheoryData<string> Built =>
    [
        "lora-adamw", "dora-adamw", "hira-adamw", "full-adamw", "lora-masked-tokens", "lora-masked-micro", "lora-bf16-base", "packed", "text-lora",
        "text-flora-residual", "text-full", "galore-adamw", "text-galore", "lisa-keep-moments", "lisa-drop-moments", "owlore", "rslora-loraplus", "lora-fa", "gradnormlorp-dora-galore",
        "text-flora-residual", "text-full", "sst2-lora-head", "gpt2-lora-c-attn", "losses",
        "data-e2e", "data-e2e-held-out", "data-e2e-text", "data-shakespeare", "data-sst2",
    ];

    [SharedTheory("parity/training")]
    [Trait("Card", "LISA 6")]
    [Trait("Card", "OwLore 1")]
    [Trait("Card", "OwLore 2")]
    [Trait("Card", "GaLore 5")]
    [Trait("Card", "GradNormLoRP 6")]
    [MemberData(nameof(Built))]
    public void A_run_equals_the_reference(string name) => Passes($"parity/training/{name}");

    [SharedFact("parity/training")]
    public void Everything_else_is_refused_by_name()
    {
        foreach (CaseReport report in VerifyRunner.Run(SharedFiles.Path("parity/training")!, CancellationToken.None).Where(r => !Built.Contains(r.Comparisons[0].Case)))
        {
            Assert.DoesNotContain(report.Comparisons, c => c.Verdict == Verdict.Fail);
        }
    }

    [SharedFact("parity/optimizers")]
    [Trait("Card", "GaLore 5")]
    [Trait("Card", "Fira 6")]
    [Trait("Card", "FRUGAL 6")]
    public void Optimisers_schedules_and_clipping_equal_the_reference()
    {
        // What is compared is all there is but inputs and a layer, which is no optimiser.
        HashSet<string> built = [.. Directory.EnumerateDirectories(SharedFiles.Path("parity/optimizers")!).Select(f => Path.GetFileName(f)!).Where(f => !f.StartsWith("inputs", StringComparison.Ordinal))];
        built.Remove("sltrain-linear");
        HashSet<string> passed = [];
        foreach (CaseReport report in VerifyRunner.Run(SharedFiles.Path("parity/optimizers")!, CancellationToken.None))
        {
            Assert.All(report.Comparisons, c => Assert.True(c.Verdict != Verdict.Fail, $"{c.Case}: {c.What} {c.Note}"));
            if (report.Comparisons.All(c => c.Verdict == Verdict.Pass))
            {
                passed.Add(report.Comparisons[0].Case);
            }
        }
        Assert.Superset(built, passed);
    }

    [SharedFact("parity/training/lora-adamw")]
    public void A_changed_reference_value_fails()
    {
        using TemporaryFolder folder = new();
        string area = Path.Combine(folder.Path, "optimizers"), from = SharedFiles.Path("parity/optimizers")!;
        foreach (string name in (string[])["schedules", "clip"])
        {
            Directory.CreateDirectory(Path.Combine(area, name));
            foreach (string file in Directory.EnumerateFiles(Path.Combine(from, name)))
            {
                File.Copy(file, Path.Combine(area, name, Path.GetFileName(file)));
            }
        }
        string changed = Path.Combine(area, "schedules", "case.json");
        File.WriteAllText(changed, File.ReadAllText(changed).Replace("0.002,", "0.0020001,", StringComparison.Ordinal));
        List<CaseReport> reports = [.. VerifyRunner.Run(area, CancellationToken.None)];
        Assert.Contains(reports, r => r.Comparisons[0].Case == "schedules" && r.Comparisons.Any(c => c.Verdict == Verdict.Fail));
        Assert.Contains(reports, r => r.Comparisons[0].Case == "clip" && r.Comparisons.All(c => c.Verdict == Verdict.Pass));
    }

    [SharedTheory("parity/training")]
    [InlineData("owlore", "\"M\": 3.0", "\"M\": 3.2")]
    [InlineData("lisa-drop-moments", "moments of resting layers are dropped", "moments of resting layers are kept")]
    [InlineData("rslora-loraplus", "\"loraplus_lr_ratio\": 16", "\"loraplus_lr_ratio\": 15")]
    [InlineData("lora-fa", "\"eps\": 1e-06", "\"eps\": 1e-05")]
    public void A_changed_setting_fails(string name, string from, string to)
    {
        using TemporaryFolder folder = new();
        string parity = SharedFiles.Path("parity/training")!, area = Path.Combine(folder.Path, "training");
        foreach (string part in (string[])[name, "bases/llama-tiny", "data-shakespeare"])
        {
            foreach (string file in Directory.EnumerateFiles(Path.Combine(parity, part), "*", SearchOption.AllDirectories))
            {
                string target = Path.Combine(area, Path.GetRelativePath(parity, file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target);
            }
        }
        string path = Path.Combine(area, name, "case.json"), text = File.ReadAllText(path);
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(from, to, StringComparison.Ordinal));
        Assert.Contains(VerifyRunner.Run(Path.Combine(area, name), CancellationToken.None).SelectMany(r => r.Comparisons), c => c.Verdict == Verdict.Fail);
    }

    private static void Passes(string relative)
    {
        List<CaseReport> reports = [.. VerifyRunner.Run(SharedFiles.Path(relative)!, CancellationToken.None)];
        Assert.NotEmpty(reports);
        foreach (Comparison comparison in reports.SelectMany(r => r.Comparisons))
        {
            Assert.True(comparison.Verdict == Verdict.Pass, $"{comparison.Case}: {comparison.What} {comparison.Error:G3} of {comparison.Tolerance:G3} {comparison.Note}");
        }
    }
}
