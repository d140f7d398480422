using Lorikeet.Cli.Verify;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Verify;

public class TrainingTests
{
    public static TheoryData<string> Built =>
    [
        "lora-adamw", "dora-adamw", "hira-adamw", "full-adamw", "lora-masked-tokens", "lora-masked-micro", "lora-bf16-base", "packed", "text-lora",
        "text-flora-residual", "text-full", "sst2-lora-head", "gpt2-lora-c-attn", "losses",
        "data-e2e", "data-e2e-held-out", "data-e2e-text", "data-shakespeare", "data-sst2",
    ];

    [SharedTheory("parity/training")]
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
    public void Optimisers_schedules_and_clipping_equal_the_reference()
    {
        string[] built =
        [
            "adam", "adamw", "adamw-betas-eps-schedule", "clip", "ema", "lion", "lion-betas-schedule", "schedules", "sgd-decay", "sgd-momentum", "sgd-nesterov",
        ];
        HashSet<string> passed = [];
        foreach (CaseReport report in VerifyRunner.Run(SharedFiles.Path("parity/optimizers")!, CancellationToken.None))
        {
            Assert.All(report.Comparisons, c => Assert.True(c.Verdict != Verdict.Fail, $"{c.Case}: {c.What} {c.Note}"));
            if (report.Comparisons.All(c => c.Verdict == Verdict.Pass))
            {
                passed.Add(report.Comparisons[0].Case);
            }
        }
        Assert.Superset(built.ToHashSet(), passed);
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
