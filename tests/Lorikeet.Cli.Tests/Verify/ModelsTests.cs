using Lorikeet.Cli.Verify;
using Lorikeet.Testing;
using Xunit.Abstractions;

namespace Lorikeet.Cli.Tests.Verify;

public sealed class ModelsTests(ITestOutputHelper output)
{
    [SharedTheory("parity/models")]
    [InlineData("llama2")]
    [InlineData("llama31")]
    [InlineData("llama32")]
    [InlineData("llama-bias")]
    [InlineData("llama-dynamic")]
    [InlineData("llama-linear")]
    [InlineData("llama-yarn")]
    [InlineData("smollm2")]
    [InlineData("smollm3")]
    [InlineData("mistral-full")]
    [InlineData("mistral-window")]
    [InlineData("qwen2")]
    [InlineData("qwen2-tied-window")]
    [InlineData("qwen3")]
    [InlineData("qwen3-yarn")]
    [InlineData("gpt2")]
    [InlineData("gpt2-noscale")]
    [InlineData("gpt2-options")]
    [InlineData("gpt-bigcode")]
    [InlineData("gpt-bigcode-mha")]
    [InlineData("later/bloom")]
    [InlineData("later/bloom-post")]
    [InlineData("later/falcon-7b")]
    [InlineData("later/falcon-40b")]
    [InlineData("later/falcon-rw")]
    [InlineData("later/gpt-neox")]
    [InlineData("later/gpt-neox-seq")]
    [InlineData("later/gptj")]
    [InlineData("later/opt")]
    [InlineData("later/opt-350m")]
    [InlineData("later/phi")]
    [InlineData("later/phi-qk")]
    [InlineData("later/starcoder2")]
    [InlineData("later/cohere")]
    [InlineData("later/gemma")]
    [InlineData("later/gemma2")]
    [InlineData("later/gemma3")]
    [InlineData("later/granite")]
    [InlineData("later/mixtral")]
    [InlineData("later/olmo2")]
    [InlineData("later/phi3")]
    [InlineData("later/phi3-longrope")]
    [InlineData("later/qwen2-moe")]
    [InlineData("later/qwen3-moe")]
    [InlineData("later/stablelm")]
    [InlineData("later/stablelm-parallel")]
    public void The_reference_values_are_met(string name)
    {
        CaseReport report = Assert.Single(VerifyRunner.Run(SharedFiles.Path("parity/models/" + name)!, CancellationToken.None));
        foreach (Comparison comparison in report.Comparisons)
        {
            output.WriteLine(comparison.ToString());
        }
        Assert.All(report.Comparisons, comparison => Assert.True(comparison.Verdict == Verdict.Pass, comparison.ToString()));
    }

    [SharedFact("parity/models")]
    public void What_is_not_built_is_refused_by_name_and_nothing_fails()
    {
        List<Comparison> all = [.. VerifyRunner.Run(SharedFiles.Path("parity/models")!, CancellationToken.None).SelectMany(r => r.Comparisons)];
        foreach (Comparison refused in all.Where(c => c.Verdict == Verdict.Unsupported))
        {
            output.WriteLine($"{refused.Case}: {refused.Note}");
            Assert.Contains("not built", refused.Note, StringComparison.Ordinal);
        }
        Assert.DoesNotContain(all, comparison => comparison.Verdict == Verdict.Fail);
    }

    [SharedTheory("parity/models/llama-bias")]
    [InlineData("golden.safetensors")]
    [InlineData("grads.safetensors")]
    [InlineData("model.safetensors")]
    [InlineData("greedy.json")]
    public void A_changed_reference_value_fails(string file)
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory("lorikeet-");
        try
        {
            string folder = root.CreateSubdirectory("models").CreateSubdirectory("changed").FullName;
            foreach (string from in Directory.EnumerateFiles(SharedFiles.Path("parity/models/llama-bias")!))
            {
                File.Copy(from, Path.Combine(folder, Path.GetFileName(from)));
            }
            Change(Path.Combine(folder, file));
            CaseReport report = Assert.Single(VerifyRunner.Run(folder, CancellationToken.None));
            Assert.Contains(report.Comparisons, comparison => comparison.Verdict == Verdict.Fail);
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    /// <summary>The last token of a list, or the last number of a tensor file.</summary>
    private static void Change(string path)
    {
        if (Path.GetExtension(path) == ".json")
        {
            string text = File.ReadAllText(path);
            int at = text.LastIndexOf("\"tokens\": [", StringComparison.Ordinal) + "\"tokens\": [".Length;
            File.WriteAllText(path, string.Concat(text.AsSpan(0, at), "1", text.AsSpan(at)));
            return;
        }
        byte[] bytes = File.ReadAllBytes(path);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - sizeof(float)), 3.5f);
        File.WriteAllBytes(path, bytes);
    }
}
