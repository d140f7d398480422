using System.Diagnostics;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Tests.Commands;

/// <summary>Runs whose process is killed outright, again and again, wherever it happens to be: within a step, within a checkpoint.</summary>
[Trait("Category", "Slow")]
public sealed class KillTests : IDisposable
{
    private const int Kills = 10, Steps = 3000, Every = 4;

    // A fast machine gets no further between two kills: the last one must find the run under way.
    private const int Most = Steps / (2 * Kills);
    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData("adamw")]
    [InlineData("galore", "rank=6", "period=7")]
    [InlineData("frugal", "period=5", "density=0.3")]
    public async Task A_run_that_is_killed_ten_times_ends_with_the_weights_of_one_that_is_not(string optimizer, params string[] options)
    {
        string text = folder["text.txt"], whole = folder["whole"], killed = folder["killed"];
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 300).Select(i => $"{i * 7919 % 997}. The rain in Spain stays mainly in the plain.\n")));
        CounterRandom random = new CounterRandom(17).Named(optimizer);
        int interrupted = 0;
        for (int kill = 0; kill < Kills; kill++)
        {
            string? before = Latest(killed);
            if (before is null && Directory.Exists(killed))
            {
                // Killed before its first checkpoint: there is nothing to go on from, and the command says so.
                Assert.Equal(1, await CommandLine.RunAsync(["pretrain", "--resume", "--out", killed]));
                Directory.Delete(killed, recursive: true);
            }
            using Process child = Start(before is not null ? ["pretrain", "--resume", "--out", killed] : Pretrain(killed));
            // Its first line comes before its first step.
            await child.StandardOutput.ReadLineAsync();
            Task<string> rest = child.StandardOutput.ReadToEndAsync();
            // The first time wherever it is, then once it has gone on: a slow machine would get nowhere.
            while (kill > 0 && Latest(killed) == before && !child.HasExited)
            {
                await Task.Delay(3);
            }
            long end = Stopwatch.GetTimestamp() + (random.Integer((ulong)kill, 200) * Stopwatch.Frequency / 1000);
            while (Stopwatch.GetTimestamp() < end && StepOf(Latest(killed)) - StepOf(before) < Most)
            {
                await Task.Delay(1);
            }
            interrupted += child.HasExited ? 0 : 1;
            child.Kill();
            await child.WaitForExitAsync();
            await rest;
        }
        Assert.Equal(Kills, interrupted);
        Assert.False(File.Exists(Path.Combine(killed, "model.safetensors")));
        Assert.Equal(0, await CommandLine.RunAsync(["pretrain", "--resume", "--out", killed]));
        Assert.Equal(0, await CommandLine.RunAsync(Pretrain(whole)));
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, "model.safetensors")), File.ReadAllBytes(Path.Combine(killed, "model.safetensors")));

        string[] Pretrain(string to) =>
        [
            "pretrain", "--data", text, "--out", to, "--hidden", "32", "--layers", "2", "--heads", "4", "--kv-heads", "2", "--context", "32", "--batch", "2", "--steps", $"{Steps}",
            "--checkpoint-every", $"{Every}", "--eval-every", "0", "--dtype", "f32", "--optimizer", optimizer, .. options.SelectMany(o => (string[])["--optimizer-option", o]),
        ];
    }

    public void Dispose() => folder.Dispose();

    private static string? Latest(string run)
    {
        string checkpoints = Path.Combine(run, "checkpoints");
        return Directory.Exists(checkpoints) ? Directory.EnumerateDirectories(checkpoints, "step-*").Max(StringComparer.Ordinal) : null;
    }

    // Of a checkpoint's folder, which ends in it.
    private static int StepOf(string? checkpoint) => checkpoint is null ? 0 : int.Parse(checkpoint.AsSpan(checkpoint.LastIndexOf('-') + 1), System.Globalization.CultureInfo.InvariantCulture);

    private static Process Start(string[] arguments)
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "lorikeet.dll"));
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        return Process.Start(start)!;
    }
}
