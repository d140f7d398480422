using System.Diagnostics;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Samples;

/// <summary>The samples do what they say, each as a process of its own on a tiny model.</summary>
public sealed class SamplesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public SamplesTests()
    {
        TinyFiles.Model(folder["starter"], positions: 128);
        File.WriteAllText(folder["own.txt"], string.Concat(Enumerable.Range(0, 400).Select(i => $"The king said {i} times: a hen is a hen.\n")));
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void MixedBatch_answers_three_times()
    {
        TinyFiles.Adapter(folder["starter/rust"], folder["starter"], seed: 1);
        TinyFiles.Adapter(folder["starter/lua"], folder["starter"], "dora", seed: 2);
        Assert.NotEqual("", Run("MixedBatch", folder["starter"]).Trim());
    }

    [Fact]
    public void FineTune_trains_saves_and_speaks()
    {
        string output = Run("FineTune", folder["starter"], folder["own.txt"], folder["tuned"], "6");
        Assert.Contains("step 6: held-out loss", output, StringComparison.Ordinal);
        Assert.Contains("after:", output, StringComparison.Ordinal);
        Assert.True(File.Exists(folder["tuned/adapter_model.safetensors"]));
    }

    [Fact]
    public void OwnMethod_is_a_method_like_any_other_in_sixty_lines()
    {
        string output = Run("OwnMethod", folder["starter"], folder["own.txt"], folder["gains"], "40");
        double[] losses = [.. output.Split('\n').Where(l => l.Contains("held-out loss", StringComparison.Ordinal)).Select(l => double.Parse(l[(l.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture))];
        Assert.True(losses.Length >= 2 && losses[^1] < losses[0] - 0.01, output);
        Assert.Contains("gains:", output, StringComparison.Ordinal);
        Assert.Contains("\"peft_type\": \"GAINS\"", File.ReadAllText(folder["gains/adapter_config.json"]), StringComparison.Ordinal);
        Assert.InRange(File.ReadLines(Path.Combine(SharedFiles.Repository, "samples", "OwnMethod", "Program.cs")).Count(), 1, 60);
        // The product does not know it, and says so.
        Assert.Contains("GAINS", Cli.Child("", "inspect", folder["gains"]).Refused(), StringComparison.Ordinal);
    }

    private string Run(string sample, params string[] args)
    {
        // artifacts/bin/PROJECT/CONFIGURATION
        string own = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        string program = Path.Combine(own, "..", "..", sample, Path.GetFileName(own), sample + ".dll");
        ProcessStartInfo start = new(Environment.ProcessPath!.Contains("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath! : "dotnet", [program, .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder.Path,
        };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{sample}: exit code {process.ExitCode}\n{output}\n{error.Result}");
        return output;
    }
}
