using System.Text.Json.Nodes;

namespace Lorikeet.Cli.Tests.Commands;

[Collection("console")]
public sealed class CompareCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public CompareCommandTests()
    {
        File.WriteAllText(folder["text.txt"], string.Concat(Enumerable.Range(0, 80).Select(i => $"{i * 7919 % 997}. The rain in Spain stays mainly in the plain.\n")));
        Cli.Run("pretrain", "--data", folder["text.txt"], "--out", folder["base"], "--hidden", "32", "--layers", "2", "--heads", "4", "--kv-heads", "2", "--context", "32", "--steps", "2", "--no-best").Done();
        File.WriteAllLines(folder["rows.jsonl"], Enumerable.Range(0, 6).Select(i => $"{{\"question\": \"The rain {i}\", \"answer\": \"in Spain\"}}"));
        File.WriteAllText(folder["task.json"], """{"about": "rain", "kind": "loss", "data": "rows.jsonl", "prompt": "{question}", "answer": " {answer}"}""");
    }

    [Fact]
    public void Methods_stand_side_by_side_in_table_page_and_json()
    {
        CliResult result = Compare("out", "--methods", "lora:r=2,flora:r=1", "nola").Done();
        string[] lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("method", lines[0], StringComparison.Ordinal);
        Assert.Equal(["lora:r=2", "flora:r=1", "nola"], lines[1..4].Select(l => l.Split(' ')[0]));
        JsonArray methods = JsonNode.Parse(File.ReadAllText(folder["out/comparison.json"]))!["methods"]!.AsArray();
        Assert.Equal(3, methods.Count);
        Assert.All(methods, m => Assert.True(m!["held_out_loss"]!.GetValue<double>() > 0));
        Assert.True(File.Exists(folder["out/report.html"]));
        Assert.True(File.Exists(folder["out/lora-r=2/adapter_model.safetensors"]));
        // What is finished is not trained again.
        CliResult again = Cli.Run("compare", "--resume", "--out", folder["out"]).Done();
        Assert.Equal(lines[0..4], again.Output.Split('\n')[0..4]);
        Assert.Equal("", again.Error);
    }

    [Fact]
    public void Results_are_measured_with_tasks()
    {
        CliResult result = Compare("tasks", "--methods", "lora:r=2", "full:lr=0.01", "--tasks", folder["task.json"]).Done();
        Assert.Contains("task loss", result.Output.Split('\n')[0], StringComparison.Ordinal);
        double[] losses = [.. JsonNode.Parse(File.ReadAllText(folder["tasks/comparison.json"]))!["methods"]!.AsArray().Select(m => m!["tasks"]!["task loss"]!.GetValue<double>())];
        Assert.Equal(2, losses.Distinct().Count());
        CliResult eval = Cli.Run("eval", "--model", folder["base"], "--no-base", "--adapter", folder["tasks/lora-r=2"], "--tasks", folder["task.json"], "--context", "32", "--json").Done();
        JsonNode measures = JsonNode.Parse(eval.Output.Split('\n')[0])!["measures"]!;
        Assert.Equal(losses[0], measures["loss"]!.GetValue<double>());
    }

    [Fact]
    public void What_cannot_be_meant_is_said_before_anything_is_trained()
    {
        Assert.Contains("methods must be", Compare("out").Refused(2), StringComparison.Ordinal);
        Assert.Contains("lorra", Compare("out", "--methods", "lorra").Refused(), StringComparison.Ordinal);
        Assert.Contains("budget", Compare("out", "--methods", "lora", "--budget", "money=3").Refused(2), StringComparison.Ordinal);
        Assert.Contains("no-such-task", Compare("out", "--methods", "lora", "--tasks", "no-such-task").Refused(), StringComparison.Ordinal);
        Assert.Contains("compare.json", Cli.Run("compare", "--resume", "--out", folder["nowhere"]).Refused(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["out"]));
    }

    public void Dispose() => folder.Dispose();

    private CliResult Compare(string to, params string[] more) => Cli.Run(
    [
        "compare", "--model", folder["base"], "--data", folder["text.txt"], "--out", folder[to], "--context", "32", "--steps", "4", "--eval-every", "2", .. more,
    ]);
}
