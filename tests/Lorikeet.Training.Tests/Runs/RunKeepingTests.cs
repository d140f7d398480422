using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;
using Lorikeet.Training.Tests.Runs.Report;

namespace Lorikeet.Training.Tests.Runs;

/// <summary>What a run keeps beside its last values: averages, the best result, its reports; and when it ends early.</summary>
public sealed class RunKeepingTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-keeping").FullName;

    [Fact]
    public void An_average_is_measured_and_saved_beside_the_result()
    {
        string model = Model();
        using (TrainingRun run = TrainingRun.Start(Settings(model, "run") with { Ema = 0.9 }))
        {
            Assert.True(run.Run().Finished);
            Assert.All(run.History.HeldOut[0].Where(h => h.Step > 0), h => Assert.True(double.IsFinite(h.Averaged) && h.Averaged != h.Loss));
            Assert.True(double.IsNaN(run.History.HeldOut[0][0].Averaged));
        }
        using LanguageModel loaded = ModelLoader.Load(model);
        using TrainedAdapter last = AdapterFolder.Load(In("run"), loaded), average = AdapterFolder.Load(In("run/ema"), loaded);
        Assert.NotEqual(Tiny.Values(last), Tiny.Values(average));
    }

    [Theory]
    [InlineData("lora", "adamw")]
    [InlineData("lora", "adamw8bit")]
    [InlineData("lora", "muon")]
    [InlineData("lora", "lion")]
    [InlineData("full", "sgd")]
    [InlineData("full", "adamax")]
    [InlineData("full", "rmsprop")]
    [InlineData("full", "adafactor")]
    [InlineData("full", "sm3")]
    [InlineData("full", "galore")]
    [InlineData("full", "natural-galore")]
    [InlineData("full", "online-galore")]
    [InlineData("full", "fira")]
    [InlineData("full", "frugal")]
    [InlineData("full", "adamw", "bf16")]
    [InlineData("full", "galore", "bf16")]
    public void A_run_with_averages_and_patience_goes_on_to_the_same_bytes_from_any_step(string method, string optimizer, string? type = null)
    {
        string model = Model();
        RunSettings settings = Settings(model, "whole") with { Ema = 0.8, Patience = 3, Optimizer = optimizer, EvalEvery = 3, TrainType = type };
        if (method == "full")
        {
            settings = settings with { Method = method, MethodOptions = [], Rate = 0.003 };
        }
        if (optimizer.Contains("galore", StringComparison.Ordinal) || optimizer is "fira" or "frugal")
        {
            settings = settings with { OptimizerOptions = new Dictionary<string, string> { ["rank"] = "4", ["period"] = "3" } };
        }
        using (TrainingRun run = TrainingRun.Start(settings))
        {
            run.Run();
        }
        for (int at = 4; at <= 7; at += 3)
        {
            string name = $"stopped{at}";
            using (TrainingRun run = TrainingRun.Start(settings with { Out = In(name) }))
            {
                using CancellationTokenSource stop = new();
                Assert.False(run.Run([new RunObserver(e => { if (e.Step == at) { stop.Cancel(); } })], stop.Token).Finished);
            }
            using (TrainingRun run = TrainingRun.Resume(In(name)))
            {
                Assert.Equal(at, run.FirstStep);
                Assert.True(run.Run().Finished);
            }
            foreach (string part in (string[])["", "ema", "best"])
            {
                Assert.Equal(Bytes("whole", part), Bytes(name, part));
            }
            Assert.Equal(Numbers("whole"), Numbers(name));
        }
    }

    [Fact]
    public void Rounded_weights_are_the_same_whether_they_step_together_or_inside_backward()
    {
        string model = Model();
        RunSettings settings = Settings(model, "together") with { Method = "full", MethodOptions = [], Rate = 0.003, Clip = 0, TrainType = "bf16", KeepBest = false };
        foreach (RunSettings own in (RunSettings[])[settings, settings with { Out = In("inside"), PerLayer = true }])
        {
            using TrainingRun run = TrainingRun.Start(own);
            Assert.True(run.Run().Finished);
        }
        Assert.Equal(Bytes("together", ""), Bytes("inside", ""));
    }

    [Fact]
    public void Training_ends_when_the_held_out_loss_no_longer_falls()
    {
        string model = Model();
        RunSettings settings = Settings(model, "run") with { Rate = 0.3, Schedule = "constant", Warmup = 0, Steps = 200, EvalEvery = 2, Patience = 3 };
        using TrainingRun run = TrainingRun.Start(settings);
        RunResult result = run.Run();
        Assert.True(result.Finished && result.StoppedEarly, $"{result.Step} steps");
        BestResult best = result.Best[0];
        Assert.Equal(best.Step + (settings.Patience * settings.EvalEvery), result.Step);
        Assert.Equal(run.History.HeldOut[0].Where(h => h.Step > 0).Min(h => h.Loss), best.Loss);
        using LanguageModel loaded = ModelLoader.Load(model);
        using TrainedAdapter kept = AdapterFolder.Load(In("run/best"), loaded), last = AdapterFolder.Load(In("run"), loaded);
        Assert.NotEqual(Tiny.Values(last), Tiny.Values(kept));
    }

    [Fact]
    public void The_best_result_is_that_of_its_step()
    {
        string model = Model();
        RunSettings settings = Settings(model, "run") with { Rate = 0.3, Schedule = "constant", Warmup = 0, Steps = 20, EvalEvery = 2 };
        int best;
        using (TrainingRun run = TrainingRun.Start(settings))
        {
            best = run.Run().Best[0].Step;
        }
        Assert.InRange(best, 1, 19);
        using (TrainingRun run = TrainingRun.Start(settings with { Out = In("short"), Steps = best, KeepBest = false }))
        {
            run.Run();
        }
        Assert.Equal(Bytes("short", ""), Bytes("run", "best"));
        Assert.False(Directory.Exists(In("short/best")));
    }

    [Fact]
    public void Patience_without_anything_to_measure_is_refused() =>
        Assert.Contains("patience", Assert.Throws<ArgumentException>(() => Settings("m", "o") with { EvalShare = 0, Patience = 2 } is var s ? TrainingRun.Start(s) : null).Message, StringComparison.Ordinal);

    [Fact]
    public void The_event_file_holds_every_step_once_even_after_a_stop()
    {
        string model = Model();
        RunSettings settings = Settings(model, "run") with { Steps = 12, EvalEvery = 4 };
        using (TrainingRun run = TrainingRun.Start(settings))
        {
            using CancellationTokenSource stop = new();
            run.Run([new RunObserver(e => { if (e.Step == 5) { stop.Cancel(); } })], stop.Token);
        }
        using (TrainingRun run = TrainingRun.Resume(settings.Out))
        {
            run.Run();
        }
        List<TensorBoardEvent> events = TensorBoardEvent.ReadAll(Assert.Single(Directory.EnumerateFiles(settings.Out, "events.out.tfevents.*")));
        List<(long Step, float Value)> losses = [.. events.SelectMany(e => e.Scalars.Where(s => s.Tag == "train/loss").Select(s => (e.Step, s.Value)))];
        Assert.Equal(Enumerable.Range(1, 12).Select(i => (long)i), losses.Select(l => l.Step));
        Assert.Equal(Steps("run").Select(l => (float)l), losses.Select(l => l.Value));
        HashSet<string> tags = [.. events.SelectMany(e => e.Scalars).Select(s => s.Tag)];
        Assert.Equal(["eval/loss", "memory/resident", "memory/step", "train/grad_norm", "train/loss", "train/lr", "train/tokens_per_second"], tags.Order(StringComparer.Ordinal));
        Assert.Equal([0L, 4, 8, 12], events.Where(e => e.Scalars.Any(s => s.Tag == "eval/loss")).Select(e => e.Step).Order());
    }

    [Fact]
    public void Page_and_card_say_what_was_done()
    {
        string model = Model();
        RunSettings settings = Settings(model, "run") with { Ema = 0.9 };
        using (TrainingRun run = TrainingRun.Start(settings))
        {
            run.Run();
        }
        string page = File.ReadAllText(In("run/report.html")), card = File.ReadAllText(In("run/README.md"));
        foreach (string chart in (string[])["Loss", "Learning rate", "Gradient norm", "Memory", "Speed"])
        {
            Assert.Contains($"aria-label=\"{chart}\"", page, StringComparison.Ordinal);
        }
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http", page.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.StartsWith("---\nbase_model: \"", card, StringComparison.Ordinal);
        Assert.Contains("library_name: peft", card, StringComparison.Ordinal);
        Assert.Contains("`ema/`", card, StringComparison.Ordinal);
        Assert.Contains("lora", card, StringComparison.Ordinal);
        System.Xml.Linq.XDocument.Load(In("run/loss.svg"));
    }

    [Fact]
    public void Progress_survives_its_file_and_a_broken_one_is_refused()
    {
        RunProgress progress = new(2);
        Assert.False(progress.Note(0, 0, 1.0, double.NaN));
        Assert.True(progress.Note(0, 2, 3.0, double.NaN));
        Assert.True(progress.Note(0, 4, 3.0, 2.5));
        Assert.False(progress.Note(0, 6, 2.7, 2.6));
        Assert.False(progress.IsOver(2));
        Assert.False(progress.Note(0, 8, 2.7, 2.6));
        Assert.True(progress.IsOver(2));
        Assert.False(progress.IsOver(0));
        Assert.Equal(new BestResult(2.5, 4, true), progress.Best[0]);
        string path = In("progress.json");
        progress.Save(path);
        RunProgress read = new(2);
        read.Load(path);
        Assert.Equal(progress.Best, read.Best);
        Assert.True(read.IsOver(2));
        Assert.Throws<BadFileException>(() => new RunProgress(1).Load(path));
        File.WriteAllText(path, """{"best": [{"loss": "x"}]}""");
        Assert.Throws<BadFileException>(() => new RunProgress(1).Load(path));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string Model()
    {
        string path = In("model");
        using LanguageModel model = ModelLoader.Create(
            new ModelConfig { HiddenSize = 32, IntermediateSize = 48, Layers = 2, Heads = 4, KeyHeads = 2, HeadDim = 8, VocabularySize = 257, MaxPositions = 64 }, new CounterRandom(7));
        ModelWriter.Save(model, path);
        File.WriteAllText(In("text.txt"), string.Concat(Enumerable.Range(0, 40).Select(i => $"{i}. The rain in Spain stays mainly in the plain.\n")));
        return path;
    }

    private RunSettings Settings(string model, string to) => new()
    {
        Model = model,
        Tokenizer = "byte",
        Method = "lora",
        MethodOptions = new JsonObject { ["r"] = 3, ["target_modules"] = "all-linear", ["lora_dropout"] = 0.1 },
        Data = [In("text.txt")],
        Out = In(to),
        Context = 24,
        Batch = 2,
        Steps = 12,
        Rate = 0.02,
        EvalShare = 0.2,
        EvalEvery = 4,
        CheckpointEvery = 0,
    };

    private byte[] Bytes(string run, string part) => File.ReadAllBytes(
        new[] { "adapter_model.safetensors", "model.safetensors" }.Select(name => In(Path.Combine(run, part, name))).First(File.Exists));

    private double[] Steps(string run) => [.. Lines(run).Select(l => l["loss"]).Where(l => l is not null).Select(l => l!.GetValue<double>())];

    private string[] Numbers(string run) => [.. Lines(run).Select(l => $"{l["step"]} {l["loss"]} {l["held_out_loss"]} {l["held_out_loss_ema"]} {l["lr"]}")];

    private IEnumerable<JsonNode> Lines(string run) => File.ReadAllLines(In($"{run}/metrics.jsonl")).Select(l => JsonNode.Parse(l)!);

    private string In(string name) => Path.Combine(folder, name);
}
