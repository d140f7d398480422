using Lorikeet.Cli.Verify;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Verify;

/// <summary>Reference values of quantised weights: bitsandbytes' code books, matrices, layers, models and training through them.</summary>
public sealed class QuantisationTests
{
    [SharedTheory("parity/quantisation")]
    [InlineData("bnb-4bit", 80)]
    [InlineData("bnb-layers", 50)]
    [InlineData("normalfloat", 4)]
    [InlineData("qlora", 90)]
    public void Every_value_of_a_built_kind_agrees(string kind, int comparisons)
    {
        CaseReport report = Assert.Single(VerifyRunner.Run(SharedFiles.Path("parity/quantisation/" + kind)!, CancellationToken.None));
        Assert.DoesNotContain(report.Comparisons, c => c.Verdict != Verdict.Pass);
        Assert.True(report.Comparisons.Count >= comparisons, $"{report.Comparisons.Count} comparisons");
    }

    [SharedFact("parity/quantisation")]
    public void Other_kinds_are_refused_by_name()
    {
        foreach (CaseReport report in VerifyRunner.Run(SharedFiles.Path("parity/quantisation")!, CancellationToken.None))
        {
            Assert.NotEqual(Verdict.Fail, report.Verdict);
            Assert.All(report.Comparisons.Where(c => c.Verdict == Verdict.Unsupported), c => Assert.Contains("not built yet", c.Note, StringComparison.Ordinal));
        }
    }

    [SharedTheory("parity/quantisation")]
    [InlineData("bnb-4bit", "quantised.safetensors", "even.nf4.64.packed", "even.nf4.64")]
    [InlineData("bnb-4bit", "quantised.safetensors", "long.nf4.64.double.nested_absmax", "long.nf4.64.double")]
    [InlineData("bnb-4bit", "codebooks.safetensors", "dynamic8_signed", "dynamic8_signed")]
    [InlineData("bnb-layers", "values.safetensors", "nf4.dx", "nf4.dx")]
    [InlineData("normalfloat", "codebooks.safetensors", "nf3", "nf3")]
    [InlineData("qlora", "restored.safetensors", "model.layers.1.mlp.up_proj.weight", "restored: model.layers.1.mlp.up_proj.weight")]
    [InlineData("qlora", "forward.safetensors", "logits", "logits")]
    [InlineData("qlora", "adapter-final/adapter_model.safetensors", "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "final base_model")]
    public void A_changed_reference_value_fails(string kind, string file, string tensor, string what)
    {
        string root = Directory.CreateTempSubdirectory("lorikeet-quantisation-").FullName, folder = Path.Combine(root, "quantisation", kind);
        try
        {
            string from = SharedFiles.Path("parity/quantisation/" + kind)!;
            foreach (string source in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            {
                string to = Path.Combine(folder, Path.GetRelativePath(from, source));
                Directory.CreateDirectory(Path.GetDirectoryName(to)!);
                File.WriteAllBytes(to, File.ReadAllBytes(source));
            }
            Change(Path.Combine(folder, file), tensor);
            IEnumerable<Comparison> failed = VerifyRunner.Run(folder, CancellationToken.None).SelectMany(r => r.Comparisons).Where(c => c.Verdict == Verdict.Fail);
            Assert.Contains(failed, c => c.What.StartsWith(what, StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    // Adds 0.5 to the first number, or turns a bit of the first byte.
    private static void Change(string file, string tensor)
    {
        byte[] bytes = File.ReadAllBytes(file);
        int header = BitConverter.ToInt32(bytes);
        using System.Text.Json.JsonDocument json = System.Text.Json.JsonDocument.Parse(bytes.AsMemory(8, header));
        System.Text.Json.JsonElement entry = json.RootElement.GetProperty(tensor);
        int at = 8 + header + entry.GetProperty("data_offsets")[0].GetInt32();
        if (entry.GetProperty("dtype").GetString() == "U8")
        {
            bytes[at] ^= 1;
        }
        else
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(at), BitConverter.ToSingle(bytes, at) + 0.5f);
        }
        File.WriteAllBytes(file, bytes);
    }
}
