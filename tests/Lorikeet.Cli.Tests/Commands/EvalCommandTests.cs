using System.Text.Json;

namespace Lorikeet.Cli.Tests.Commands;

[Collection("console")]
public sealed class EvalCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string model;

    public EvalCommandTests()
    {
        string text = folder["text.txt"];
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 300).Select(i => $"{i * 7919 % 997} is {(i * 7919 % 997 % 2 == 0 ? "even" : "odd")}.\n")));
        model = folder["model"];
        Good("pretrain", "--data", text, "--out", model, "--hidden", "32", "--layers", "2", "--heads", "4", "--kv-heads", "2", "--context", "32", "--steps", "20", "--eval-every", "0");
        File.WriteAllLines(folder["train.csv"], Enumerable.Range(0, 120).Select(i => $"\"{(i % 2 == 0 ? "yes, good" : "no, bad")} {i}\",{(i % 2 == 0 ? "kind" : "rude")}").Prepend("said,how"));
        File.WriteAllText(folder["task.json"], """{"kind": "classify", "data": "train.csv", "text": "{said}", "label": "{how}", "prompt": "{said}:", "labels": {"rude": " rude", "kind": " kind"}}""");
        File.WriteAllLines(folder["pairs.jsonl"], Enumerable.Range(0, 60).Select(i => $$"""{"prompt": "{{i}} is ", "chosen": "{{(i % 2 == 0 ? "even" : "odd")}}", "rejected": "{{(i % 2 == 0 ? "odd" : "even")}}"}"""));
    }

    [Fact]
    public void A_head_is_trained_saved_and_measured_beside_words()
    {
        Good("train", "--model", model, "--data", folder["train.csv"], "--task", "classify", "--text-field", "said", "--label-field", "how",
            "--out", folder["head"], "--steps", "60", "--lr", "0.02", "--context", "32", "--eval-share", "0");
        Good("train", "--model", model, "--data", folder["pairs.jsonl"], "--loss", "dpo", "--beta", "0.2", "--out", folder["dpo"], "--steps", "5", "--context", "32");
        CliResult result = Cli.Run("eval", "--model", model, "--adapter", folder["head"], "--adapter", folder["dpo"], "--tasks", folder["task.json"], "--json", "--answers", folder["out.jsonl"], "--merged", "--limit", "40");
        Assert.True(result.Code == 0, result.Error);
        JsonElement[] lines = [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
        Assert.Equal([null, "head", "dpo", "head (merged)", "dpo (merged)"], lines.Select(l => l.GetProperty("adapter").GetString()));
        Assert.True(lines[1].GetProperty("measures").GetProperty("accuracy").GetDouble() > 0.9, result.Output);
        Assert.Contains("its classification head is no weight of the model", lines[3].GetProperty("notes")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal(5 * 40, File.ReadLines(folder["out.jsonl"]).Count());
    }

    [Fact]
    public void Runs_that_prefer_go_on_from_their_settings()
    {
        Good("train", "--model", model, "--data", folder["pairs.jsonl"], "--loss", "orpo", "--label-smoothing", "0", "--out", folder["orpo"], "--steps", "4", "--context", "32");
        using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder["orpo"], "run.json")));
        Assert.Equal("Prefer", run.RootElement.GetProperty("fields").GetProperty("task").GetString());
        Assert.Equal("orpo", run.RootElement.GetProperty("objective").GetProperty("preference").GetProperty("name").GetString());
        Assert.Equal("orpo", Training.RunSettings.Load(Path.Combine(folder["orpo"], "run.json")).Objective.Preference.Name);
    }

    [Theory]
    [InlineData(2, "give either --data", "--limit", "3")]
    [InlineData(1, "there is no task 'e3e'", "--tasks", "e3e")]
    [InlineData(1, "say where with --data-dir", "--tasks", "e2e")]
    [InlineData(1, "is not there; the task sst2 reads it", "--tasks", "sst2", "--data-dir", "nowhere")]
    [InlineData(2, "--limit must be 1 or more", "--tasks", "sst2", "--limit", "0")]
    [InlineData(2, "--tasks names a task twice", "--tasks", "sst2,sst2")]
    [InlineData(2, "a } without a {", "--data", "x.jsonl", "--template", "a}")]
    public void Wrong_use_is_one_line(int code, string expected, params string[] args) =>
        Assert.Contains(expected, Cli.Run(["eval", "--model", model, .. args]).Refused(code), StringComparison.Ordinal);

    [Fact]
    public void Bad_training_data_is_one_line()
    {
        Assert.Contains("line 2 has no field \"label\"", Refused("--task", "classify", "--text-field", "said"), StringComparison.Ordinal);
        Assert.Contains("has no field \"chosen\" (found: said, how)", Refused("--loss", "ipo"), StringComparison.Ordinal);
        Assert.Contains("task must be classify with an adapter", Refused("--task", "classify", "--method", "full"), StringComparison.Ordinal);

        string Refused(params string[] args)
        {
            CliResult result = Cli.Run(["train", "--model", model, "--data", folder["train.csv"], "--out", folder["bad"], .. args]);
            Assert.NotEqual(0, result.Code);
            return Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }
    }

    public void Dispose() => folder.Dispose();

    private static void Good(params string[] args)
    {
        CliResult result = Cli.Run(args);
        Assert.True(result.Code == 0, result.Error);
    }
}
