using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Commands;

/// <summary>Training in two processes that mpirun starts.</summary>
[Collection("console")]
public sealed class MpiTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public MpiTests() => File.WriteAllText(
        folder["text.txt"], string.Concat(Enumerable.Range(0, 120).Select(i => $"{i * 7919 % 997}. The rain in Spain stays mainly in the plain.\n\n")));

    [MpiTheory]
    // Sequences are shared; whole batches are shared; one sequence a batch leaves a rank without work.
    [InlineData(4, 1)]
    [InlineData(2, 4)]
    [InlineData(1, 1)]
    public void Two_processes_have_the_losses_of_one(int batch, int accumulate)
    {
        string[] options = ["--batch", $"{batch}", "--accumulate", $"{accumulate}"];
        Assert.Equal(0, Finish(Start(1, Train("one", options))).Code);
        CliResult two = Finish(Start(2, Train("two", options)));
        Assert.True(two.Code == 0, two.Output + two.Error);
        Assert.Contains("2 processes share every step", two.Output, StringComparison.Ordinal);
        Assert.Equal(0, Finish(Start(2, Train("again", options))).Code);
        (int Step, double Loss)[] one = Losses("one"), both = Losses("two");
        Assert.Equal(one.Select(l => l.Step), both.Select(l => l.Step));
        Assert.All(one.Zip(both), p => Assert.True(Math.Abs(p.First.Loss - p.Second.Loss) <= 2e-5 * p.First.Loss, $"step {p.First.Step}: {p.First.Loss} and {p.Second.Loss}"));
        Assert.Equal(File.ReadAllBytes(folder["two/adapter_model.safetensors"]), File.ReadAllBytes(folder["again/adapter_model.safetensors"]));
    }

    [MpiTheory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_process_that_is_killed_ends_the_other_and_the_run_goes_on_later(int rank)
    {
        Process mpirun = Start(2, Train("run", ["--steps", "2000", "--checkpoint-every", "10"]));
        string checkpoints = folder["run/checkpoints"];
        await Wait.UntilAsync(() => mpirun.HasExited || (Directory.Exists(checkpoints) && Directory.EnumerateDirectories(checkpoints, "step-*").Any()), "a checkpoint stands");
        Assert.False(mpirun.HasExited, "it ended before it could be killed");
        using (Process victim = Process.GetProcessById(int.Parse(File.ReadAllText(folder[$"pid.{rank}"]), CultureInfo.InvariantCulture)))
        {
            victim.Kill();
        }
        CliResult result = Finish(mpirun);
        Assert.NotEqual(0, result.Code);
        Assert.False(File.Exists(folder["run/adapter_model.safetensors"]));
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        string newest = Directory.EnumerateDirectories(checkpoints, "step-*").Max()!;
        // The one that is left says what it kept, unless mpirun was faster.
        if (result.Error.Contains("is gone", StringComparison.Ordinal))
        {
            Assert.Contains("--resume", result.Error, StringComparison.Ordinal);
        }
        Assert.True(File.Exists(Path.Combine(newest, "training.json")), newest);
        Training.TrainingRun.Resume(folder["run"]).Dispose();
    }

    [MpiFact]
    public async Task A_run_of_two_processes_goes_on_in_one_or_two()
    {
        string[] options = ["--ema", "0.9", "--eval-every", "4"];
        Assert.Equal(0, Finish(Start(2, Train("whole", options))).Code);
        // Stopped as an operator would: the processes end after the same step.
        Process mpirun = Start(2, Train("stopped", [.. options, "--steps", "3000", "--checkpoint-every", "5"]));
        await Wait.UntilAsync(() => mpirun.HasExited || (File.Exists(folder["stopped/metrics.jsonl"]) && File.ReadAllLines(folder["stopped/metrics.jsonl"]).Length > 12), "twelve lines are written");
        Assert.False(mpirun.HasExited, "it ended before it could be stopped");
        foreach (int rank in (int[])[0, 1])
        {
            using Process kill = Process.Start("kill", ["-TERM", File.ReadAllText(folder[$"pid.{rank}"]).Trim()]);
            await kill.WaitForExitAsync();
        }
        CliResult stopped = Finish(mpirun);
        Assert.Contains("stopped after step", stopped.Output, StringComparison.Ordinal);
        using Training.TrainingRun run = Training.TrainingRun.Resume(folder["stopped"]);
        Assert.True(run.FirstStep >= 5);
        double last = run.Run([], new CancellationToken(canceled: true)).Step;
        Assert.Equal(run.FirstStep, last);
    }

    public void Dispose() => folder.Dispose();

    private string[] Train(string to, string[] more)
    {
        if (!Directory.Exists(folder["base"]))
        {
            Assert.Equal(0, Cli.Run(
                "pretrain", "--data", folder["text.txt"], "--out", folder["base"], "--hidden", "32", "--layers", "2", "--heads", "4", "--kv-heads", "2", "--context", "32", "--steps", "2", "--no-best").Code);
        }
        return
        [
            "train", "--model", folder["base"], "--data", folder["text.txt"], "--separator", "\\n\\n", "--out", folder[to], "--context", "48", "--lr", "0.01",
            .. more.Contains("--steps") ? (string[])[] : ["--steps", "12"], .. more.Contains("--eval-every") ? (string[])[] : ["--eval-every", "5"], .. more,
        ];
    }

    private Process Start(int ranks, string[] arguments)
    {
        ProcessStartInfo start = new("mpirun") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMPI_ALLOW_RUN_AS_ROOT"] = start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        start.Environment["LORIKEET_THREADS"] = "1";
        string command = $"echo $$ > '{folder["pid"]}'.$OMPI_COMM_WORLD_RANK; exec \"$0\" \"$@\"";
        foreach (string argument in (string[])["--oversubscribe", "--bind-to", "none", "-np", $"{ranks}", "sh", "-c", command, "dotnet", Path.Combine(AppContext.BaseDirectory, "lorikeet.dll"), .. arguments])
        {
            start.ArgumentList.Add(argument);
        }
        return Process.Start(start)!;
    }

    private static CliResult Finish(Process process)
    {
        using (process)
        {
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return new CliResult(process.ExitCode, output, error.Result);
        }
    }

    private (int Step, double Loss)[] Losses(string run) =>
    [
        .. File.ReadAllLines(folder[$"{run}/metrics.jsonl"]).Select(l => JsonNode.Parse(l)!)
            .Select(l => ((int)l["step"]!, (l["loss"] ?? l["held_out_loss"])!.GetValue<double>())),
    ];
}

/// <summary>A test that needs mpirun.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MpiFactAttribute : FactAttribute
{
    public MpiFactAttribute() => Skip = Missing;

    public static string? Missing { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(p => File.Exists(Path.Combine(p, "mpirun")))
            ? null
            : "mpirun is not installed (Debian: openmpi-bin)";
}

/// <summary>Tests that need mpirun.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MpiTheoryAttribute : TheoryAttribute
{
    public MpiTheoryAttribute() => Skip = MpiFactAttribute.Missing;
}
