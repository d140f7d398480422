using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Training.Tests.Runs;

public sealed class TrainingRunTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-runs").FullName;

    [Fact]
    public void A_new_model_is_trained_adapted_and_measured()
    {
        string text = Text();
        RunSettings pretrain = Pretrain(text, "base");
        using (TrainingRun run = TrainingRun.Start(pretrain))
        {
            RunResult result = run.Run();
            Assert.True(result.Finished);
            Assert.True(result.HeldOutLoss[0] < 5.4, $"held-out loss {result.HeldOutLoss[0]}");
        }
        string model = In("base");
        Assert.Equal(
            ["README.md", "best", "config.json", "loss.svg", "metrics.jsonl", "model.safetensors", "report.html", "run.json", "tokenizer.json", "tokenizer_config.json"],
            Directory.EnumerateFileSystemEntries(model).Select(Path.GetFileName).Where(n => !n!.Contains("tfevents", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        string[] lines = File.ReadAllLines(Path.Combine(model, "metrics.jsonl"));
        Assert.Equal(30, lines.Count(l => l.Contains("\"loss\"", StringComparison.Ordinal)));
        Assert.All(lines, l => JsonDocument.Parse(l).Dispose());
        string jsonl = Path.Combine(folder, "tones.jsonl");
        File.WriteAllLines(jsonl, Enumerable.Range(0, 40).Select(i => $"{{\"prompt\": \"say {i}: \", \"completion\": \"aaaaaaaaaaaa\"}}"));
        RunSettings train = Train(model, jsonl, "adapter");
        using (TrainingRun run = TrainingRun.Start(train))
        {
            Assert.True(run.Run().Finished);
        }
        using LanguageModel loaded = ModelLoader.Load(model);
        using TrainedAdapter adapter = AdapterFolder.Load(In("adapter"), loaded);
        IReadOnlyList<Batch> batches = DocumentTokens.InOrder(DocumentTokens.Encode(DataFile.Read(jsonl), Tokenizer.Load(model), 32).All(), 128);
        double bare = Evaluator.Run(loaded, null, batches).Loss, adapted = Evaluator.Run(loaded, adapter, batches).Loss;
        Assert.True(adapted < bare - 0.1, $"the loss is {bare:F3} bare and {adapted:F3} with the adapter");
    }

    [Fact]
    public void A_run_that_is_stopped_goes_on_to_the_same_bytes()
    {
        string text = Text();
        using (TrainingRun run = TrainingRun.Start(Pretrain(text, "whole")))
        {
            run.Run();
        }
        RunSettings settings = Pretrain(text, "stopped");
        using (TrainingRun run = TrainingRun.Start(settings))
        {
            using CancellationTokenSource stop = new();
            RunResult result = run.Run([new RunObserver(e => { if (e.Step == 11) { stop.Cancel(); } })], stop.Token);
            Assert.False(result.Finished);
            Assert.Equal(11, result.Step);
        }
        Assert.False(File.Exists(Path.Combine(settings.Out, "model.safetensors")));
        Assert.Contains("--resume", Assert.Throws<ArgumentException>(() => TrainingRun.Start(settings)).Message, StringComparison.Ordinal);
        // A line that was half written when the process ended.
        File.AppendAllText(Path.Combine(settings.Out, "metrics.jsonl"), "{\"step\":12,\"lo");
        using (TrainingRun run = TrainingRun.Resume(settings.Out))
        {
            Assert.Equal(11, run.FirstStep);
            Assert.True(run.Run().Finished);
        }
        Assert.Equal(File.ReadAllBytes(In("whole/model.safetensors")), File.ReadAllBytes(In("stopped/model.safetensors")));
        Assert.Equal(Losses("whole"), Losses("stopped"));
        Assert.Contains("finished", Assert.Throws<BadFileException>(() => TrainingRun.Resume(settings.Out)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_does_not_go_on_with_other_data()
    {
        string text = Text();
        using (TrainingRun run = TrainingRun.Start(Pretrain(text, "run")))
        {
            using CancellationTokenSource stop = new();
            run.Run([new RunObserver(_ => stop.Cancel())], stop.Token);
        }
        File.AppendAllText(text, "more");
        Assert.Contains("has changed", Assert.Throws<BadFileException>(() => TrainingRun.Resume(In("run"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_diverges_saves_no_model()
    {
        using TrainingRun run = TrainingRun.Start(Pretrain(Text(), "run") with { Rate = 1e30, Warmup = 0 });
        Assert.Throws<TrainingDivergedException>(() => run.Run());
        Assert.False(File.Exists(In("run/model.safetensors")));
    }

    [Theory]
    [InlineData("context", 0)]
    [InlineData("batch", -1)]
    [InlineData("steps", 0)]
    public void Settings_that_cannot_be_meant_are_refused_by_name(string name, int value)
    {
        RunSettings settings = Pretrain(Text(), "run");
        settings = name switch
        {
            "context" => settings with { Context = value },
            "batch" => settings with { Batch = value },
            _ => settings with { Steps = value },
        };
        Assert.Contains(name, Assert.Throws<ArgumentException>(() => TrainingRun.Start(settings)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(settings.Out));
    }

    [Fact]
    public void Settings_survive_their_file()
    {
        RunSettings settings = Train("m", "d", "o") with { Rate = 0.1, EvalData = "e", DataHashes = ["x"] };
        string path = In("run.json");
        settings.Save(path);
        RunSettings read = RunSettings.Load(path);
        Assert.Equal(settings.MethodOptions.ToJsonString(), read.MethodOptions.ToJsonString());
        Assert.Equal(File.ReadAllText(path), Saved(read));

        string Saved(RunSettings again)
        {
            again.Save(In("again.json"));
            return File.ReadAllText(In("again.json"));
        }
    }

    [Fact]
    public void A_setting_that_is_null_where_none_can_be_is_refused()
    {
        string path = In("run.json");
        File.WriteAllText(path, """{"data": null}""");
        Assert.Throws<BadFileException>(() => RunSettings.Load(path));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private RunSettings Pretrain(string text, string to) => new()
    {
        Shape = new NewModel { Hidden = 32, Layers = 2, Heads = 4, KeyHeads = 2, FeedForward = 64 },
        Method = "full",
        Data = [text],
        Out = In(to),
        Context = 32,
        Batch = 4,
        Steps = 30,
        EvalEvery = 10,
        CheckpointEvery = 7,
        SaveAs = "f32",
    };

    private RunSettings Train(string model, string data, string to) => new()
    {
        Model = model,
        Method = "lora",
        MethodOptions = new JsonObject { ["r"] = 4, ["target_modules"] = "all-linear" },
        Data = [data],
        Out = In(to),
        Context = 32,
        Batch = 4,
        Steps = 40,
        Rate = 0.02,
    };

    private string Text()
    {
        string path = In("text.txt");
        File.WriteAllText(path, string.Concat(Enumerable.Range(0, 200).Select(i => $"{i}. The rain in Spain stays mainly in the plain.\n")));
        return path;
    }

    private double[] Losses(string run) =>
    [
        .. File.ReadAllLines(In($"{run}/metrics.jsonl")).Select(l => JsonNode.Parse(l)!["loss"]).Where(l => l is not null).Select(l => l!.GetValue<double>()),
    ];

    private string In(string name) => Path.Combine(folder, name);
}
