using System.Diagnostics;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Commands;

public sealed class TrainCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string text;

    public TrainCommandTests()
    {
        text = folder["text.txt"];
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 400).Select(i => $"{i * 7919 % 997}. The rain in Spain stays mainly in the plain.\n")));
    }

    [Fact]
    public async Task A_process_that_is_killed_goes_on_to_the_same_bytes()
    {
        Assert.Equal(0, await CommandLine.RunAsync(Pretrain("whole")));
        string killed = folder["killed"];
        for (int attempt = 0; ; attempt++)
        {
            using Process child = Start(Pretrain("killed"));
            // Killed wherever it is once the first checkpoint stands.
            await Wait.UntilAsync(() => Checkpointed(killed) || child.HasExited, "a checkpoint stands");
            child.Kill();
            await child.WaitForExitAsync();
            if (!File.Exists(Path.Combine(killed, "model.safetensors")))
            {
                break;
            }
            // It came to its end while nobody looked.
            Assert.True(attempt < 20, "the process always ends before it can be killed: give it more steps");
            Directory.Delete(killed, recursive: true);
        }
        Assert.Equal(0, await CommandLine.RunAsync(["pretrain", "--resume", "--out", killed]));
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder["whole"], "model.safetensors")), File.ReadAllBytes(Path.Combine(killed, "model.safetensors")));
    }

    [Fact]
    public async Task Wrong_usage_is_2_and_a_bad_file_is_1()
    {
        string jsonl = folder["bad.jsonl"];
        File.WriteAllText(jsonl, "{\"words\": 1}\n");
        Assert.Equal(2, await CommandLine.RunAsync(["train", "--data", text, "--out", folder["a"]]));
        Assert.Equal(2, await CommandLine.RunAsync(["pretrain", "--data", text]));
        Assert.Equal(2, await CommandLine.RunAsync(["pretrain", "--out", folder["a"]]));
        Assert.Equal(2, await CommandLine.RunAsync(["pretrain", "--data", text, "--out", folder["a"], "--steps", "0"]));
        Assert.Equal(2, await CommandLine.RunAsync(["pretrain", "--data", text, "--out", folder["a"], "--hidden", "30", "--heads", "4"]));
        Assert.Equal(1, await CommandLine.RunAsync(["pretrain", "--data", jsonl, "--out", folder["a"]]));
        Assert.Equal(1, await CommandLine.RunAsync(["train", "--model", folder["none"], "--data", text, "--out", folder["a"]]));
        Assert.Equal(1, await CommandLine.RunAsync(["train", "--resume", "--out", folder["a"]]));
        Assert.Equal(2, await CommandLine.RunAsync(["train", "--resume", "--out", folder["a"], "--lr", "1"]));
        Assert.Equal(1, await CommandLine.RunAsync(["eval", "--model", folder["none"], "--data", text]));
        Assert.False(Directory.Exists(folder["a"]));
    }

    public void Dispose() => folder.Dispose();

    // Any checkpoint: a newer one takes the place of an older one.
    private static bool Checkpointed(string run)
    {
        string checkpoints = Path.Combine(run, "checkpoints");
        return Directory.Exists(checkpoints) && Directory.EnumerateDirectories(checkpoints, "step-*").Any();
    }

    private string[] Pretrain(string to) =>
    [
        "pretrain", "--data", text, "--out", folder[to], "--hidden", "48", "--layers", "2", "--heads", "4", "--kv-heads", "2", "--context", "64", "--steps", "400",
        "--checkpoint-every", "20", "--eval-every", "100", "--tokenizer", "bpe:300",
    ];

    private static Process Start(string[] arguments)
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "lorikeet.dll"));
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        Process child = Process.Start(start)!;
        child.OutputDataReceived += (_, _) => { };
        child.BeginOutputReadLine();
        child.BeginErrorReadLine();
        return child;
    }
}
