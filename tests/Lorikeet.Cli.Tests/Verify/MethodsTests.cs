using Lorikeet.Cli.Verify;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Verify;

/// <summary>Reference values of single methods: the cards' checks FLoRA 4, NOLA 5, PiSSA 5.</summary>
public sealed class MethodsTests
{
    [SharedTheory("parity/methods/flora")]
    [Trait("Card", "FLoRA 4")]
    [Trait("Card", "NOLA 5")]
    [Trait("Card", "PiSSA 5")]
    [InlineData("flora", 10, 0)]
    [InlineData("nola", 8, 1)]
    [InlineData("pissa", 9, 0)]
    public void Every_case_of_a_built_card_agrees(string card, int cases, int unsupported)
    {
        List<CaseReport> reports = [.. VerifyRunner.Run(SharedFiles.Path($"parity/methods/{card}")!, CancellationToken.None)];
        Assert.DoesNotContain(reports.SelectMany(r => r.Comparisons), c => c.Verdict == Verdict.Fail);
        Assert.True(reports.Count >= cases, $"{reports.Count} cases found");
        Assert.Equal(unsupported, reports.Count(r => r.Comparisons.Any(c => c.Verdict == Verdict.Unsupported)));
    }

    [SharedFact("parity/methods")]
    public void Other_cards_are_refused_by_name()
    {
        foreach (CaseReport report in VerifyRunner.Run(SharedFiles.Path("parity/methods/hydra")!, CancellationToken.None))
        {
            Assert.Equal("card hydra is not built yet", Assert.Single(report.Comparisons).Note);
        }
    }

    [SharedTheory("parity/methods/flora")]
    [InlineData("flora/direct-r4", "grad.A")]
    [InlineData("flora/mixed-batch", "grad.2.B")]
    [InlineData("flora/start", "y")]
    [InlineData("nola/llm", "grad.alpha")]
    [InlineData("nola/many-adapters", "expanded.B")]
    [InlineData("nola/quant-4bit", "restored")]
    [InlineData("pissa/start-tall", "product")]
    [InlineData("pissa/start-niter-16", "residual")]
    [InlineData("pissa/convert", "export.B")]
    [InlineData("pissa/convert-bf16-base", "final.A")]
    [InlineData("pissa/qpissa-5", "base")]
    public void A_changed_reference_value_fails(string path, string tensor)
    {
        using TemporaryCase copy = new(SharedFiles.Path("parity/methods/" + path)!, path);
        copy.Change(tensor);
        IEnumerable<Comparison> failed = VerifyRunner.Run(copy.Folder, CancellationToken.None).SelectMany(r => r.Comparisons).Where(c => c.Verdict == Verdict.Fail);
        Assert.Contains(failed, c => c.What.StartsWith(tensor, StringComparison.Ordinal));
    }

    /// <summary>A copy of a case below a folder named after the area, so that one value can be changed.</summary>
    private sealed class TemporaryCase : IDisposable
    {
        private readonly string root = Directory.CreateTempSubdirectory("lorikeet-methods-").FullName;

        public TemporaryCase(string from, string path)
        {
            Folder = Path.Combine(root, "methods", path);
            Directory.CreateDirectory(Folder);
            foreach (string file in Directory.EnumerateFiles(from))
            {
                File.WriteAllBytes(Path.Combine(Folder, Path.GetFileName(file)), File.ReadAllBytes(file));
            }
        }

        public string Folder { get; }

        /// <summary>Adds one to the first number of a float tensor.</summary>
        public void Change(string tensor)
        {
            string file = Path.Combine(Folder, "tensors.safetensors");
            byte[] bytes = File.ReadAllBytes(file);
            int header = BitConverter.ToInt32(bytes);
            using System.Text.Json.JsonDocument json = System.Text.Json.JsonDocument.Parse(bytes.AsMemory(8, header));
            int at = 8 + header + json.RootElement.GetProperty(tensor).GetProperty("data_offsets")[0].GetInt32();
            BitConverter.TryWriteBytes(bytes.AsSpan(at), BitConverter.ToSingle(bytes, at) + 1f);
            File.WriteAllBytes(file, bytes);
        }

        public void Dispose() => Directory.Delete(root, recursive: true);
    }
}
