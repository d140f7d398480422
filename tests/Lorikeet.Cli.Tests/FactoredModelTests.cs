using Lorikeet.Cli.Verify;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

/// <summary>A model of low-rank and sparse weights through the commands, and its reference values.</summary>
[Collection("console")]
public sealed class FactoredModelTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("sltrain", "r=6 + 153 sparse")]
    [InlineData("low-rank", "r=6")]
    public void It_is_pretrained_inspected_asked_adapted_and_multiplied_out(string kind, string format)
    {
        string text = folder["text.txt"], small = folder["small"];
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 300).Select(i => $"{i} and {i + 1} are {(2 * i) + 1}.\n")));
        string[] options = kind == "sltrain" ? ["--weights-option", "rank=6", "delta=0.1", "alpha=3"] : ["--weights-option", "rank=6"];
        Cli.Run([
            "pretrain", "--data", text, "--out", small, "--hidden", "32", "--layers", "1", "--heads", "4", "--kv-heads", "4", "--ffn", "48", "--context", "32", "--batch", "2", "--steps", "4",
            "--dtype", "f32", "--weights", kind, .. options]).Done();
        Assert.Contains(format, Cli.Run("inspect", small).Done().Output, StringComparison.Ordinal);
        Assert.DoesNotContain("not used", Cli.Run("inspect", small).Done().Output, StringComparison.Ordinal);
        Cli.Run("convert", small, folder["full"], "--type", "f32").Done();
        Assert.DoesNotContain("sparse", Cli.Run("inspect", folder["full"]).Done().Output, StringComparison.Ordinal);
        string[] ask = ["generate", "--prompt", "7 and 8", "--max-tokens", "12", "--temperature", "0", "--ignore-end", "--model"];
        Assert.Equal(Cli.Run([.. ask, folder["full"]]).Done().Output, Cli.Run([.. ask, small]).Done().Output);
        Cli.Run("convert", small, folder["small.gguf"], "--type", "f32").Done();
        Assert.Equal(Cli.Run([.. ask, folder["small.gguf"]]).Done().Output, Cli.Run([.. ask, small]).Done().Output);
        Cli.Run("train", "--model", small, "--data", text, "--out", folder["adapter"], "--context", "32", "--batch", "2", "--steps", "2", "--set", "init_lora_weights=pissa_niter_2", "--set", "r=2").Done();
        Cli.Run("merge", "--model", small, "--adapter", folder["adapter"], "--out", folder["merged"]).Done();
        Cli.Run([.. ask, folder["merged"]]).Done();
    }

    [Fact]
    public void Options_without_their_kind_are_refused()
    {
        string text = folder["text.txt"];
        File.WriteAllText(text, "a");
        string[] run = ["pretrain", "--data", text, "--out", folder["x"]];
        Assert.Contains("--weights", Cli.Run([.. run, "--weights-option", "rank=3"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("rank", Cli.Run([.. run, "--weights", "sltrain", "--weights-option", "rank=none"]).Refused(2), StringComparison.Ordinal);
        Assert.Contains("sltrain", Cli.Run([.. run, "--weights", "nf4"]).Refused(2), StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["x"]));
    }

    [SharedTheory("parity/optimizers/sltrain-linear")]
    [Trait("Card", "SLTrain 3")]
    [InlineData("")]
    [InlineData("bias.dvalues")]
    [InlineData("no-bias.dA")]
    [InlineData("trainable-scale.dscaling")]
    [InlineData("trainable-scale.W")]
    public void The_reference_layers_agree_and_a_changed_value_does_not(string changed)
    {
        string copy = folder["optimizers/sltrain-linear"], from = SharedFiles.Path("parity/optimizers/sltrain-linear")!;
        Directory.CreateDirectory(copy);
        foreach (string file in Directory.EnumerateFiles(from))
        {
            File.WriteAllBytes(Path.Combine(copy, Path.GetFileName(file)), File.ReadAllBytes(file));
        }
        if (changed.Length > 0)
        {
            string file = Path.Combine(copy, "layers.safetensors");
            byte[] bytes = File.ReadAllBytes(file);
            int header = BitConverter.ToInt32(bytes);
            using System.Text.Json.JsonDocument json = System.Text.Json.JsonDocument.Parse(bytes.AsMemory(8, header));
            int at = 8 + header + json.RootElement.GetProperty(changed).GetProperty("data_offsets")[0].GetInt32();
            BitConverter.TryWriteBytes(bytes.AsSpan(at), BitConverter.ToSingle(bytes, at) + 0.01f);
            File.WriteAllBytes(file, bytes);
        }
        Comparison[] failed = [.. VerifyRunner.Run(copy, CancellationToken.None).SelectMany(r => r.Comparisons).Where(c => c.Verdict != Verdict.Pass)];
        string[] expected = changed.Length > 0 ? [changed] : [];
        Assert.Equal(expected, failed.Select(c => c.What));
    }
}
