using System.Text.Json.Nodes;

namespace Lorikeet.Training.Tests.Runs;

/// <summary>Step rules, per-layer steps, LoRA+ and LoRA-FA as a user asks for them: by the settings of a run.</summary>
public sealed class StepRuleRunTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-rule-runs").FullName;
    private readonly string text;

    public StepRuleRunTests()
    {
        text = In("text.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 200).Select(i => $"{i}. The rain in Spain stays mainly in the plain.\n")));
    }

    [Theory]
    [InlineData("lisa", "adamw", false, null)]
    [InlineData("owlore", "galore", true, null)]
    [InlineData("lisa", "adamw", true, "bf16")]
    [InlineData(null, "gradnormlorp", true, null)]
    public void A_run_that_is_stopped_goes_on_to_the_same_bytes(string? rule, string optimizer, bool perLayer, string? type)
    {
        RunSettings Settings(string to) => Pretrain(to) with
        {
            StepRule = rule,
            StepRuleOptions = rule is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["layers"] = "1", ["interval"] = "4" },
            Optimizer = optimizer,
            OptimizerOptions = optimizer == "adamw" ? new Dictionary<string, string>() : new Dictionary<string, string> { ["rank"] = "4", ["period"] = "3" },
            PerLayer = perLayer,
            Clip = 0,
            TrainType = type,
        };
        using (TrainingRun run = TrainingRun.Start(Settings(In("whole"))))
        {
            Assert.True(run.Run().Finished);
        }
        using (TrainingRun run = TrainingRun.Start(Settings(In("stopped"))))
        {
            using CancellationTokenSource stop = new();
            Assert.Equal(11, run.Run([new RunObserver(e => { if (e.Step == 11) { stop.Cancel(); } })], stop.Token).Step);
        }
        using (TrainingRun run = TrainingRun.Resume(In("stopped")))
        {
            Assert.True(run.Run().Finished);
        }
        Assert.Equal(File.ReadAllBytes(In("whole/model.safetensors")), File.ReadAllBytes(In("stopped/model.safetensors")));
    }

    [Fact]
    public void Per_layer_steps_change_nothing_in_the_result()
    {
        foreach (bool perLayer in (bool[])[false, true])
        {
            using TrainingRun run = TrainingRun.Start(Pretrain(In($"{perLayer}")) with { Clip = 0, PerLayer = perLayer });
            run.Run();
        }
        Assert.Equal(File.ReadAllBytes(In("False/model.safetensors")), File.ReadAllBytes(In("True/model.safetensors")));
    }

    [Fact]
    public void Adapters_learn_with_faster_B_with_A_frozen_and_in_a_subspace()
    {
        using (TrainingRun run = TrainingRun.Start(Pretrain(In("base"))))
        {
            run.Run();
        }
        RunSettings plain = Train("plain"), plus = Train("plus") with { OptimizerOptions = new Dictionary<string, string> { ["loraplus"] = "16" }, Rate = 1e-3 };
        RunSettings frozen = Train("frozen") with { Optimizer = "lora-fa" }, galore = Train("galore") with { Optimizer = "galore", OptimizerOptions = new Dictionary<string, string> { ["rank"] = "2", ["scale"] = "1" } };
        long whole = 0;
        foreach (RunSettings settings in (RunSettings[])[plain, plus, frozen, galore])
        {
            using TrainingRun run = TrainingRun.Start(settings);
            RunResult result = run.Run();
            whole = settings == plain ? run.TrainedCount : whole;
            // B has half of a pair's numbers, a little more or less by the layer's shape.
            Assert.InRange((double)run.TrainedCount / whole, settings == frozen ? 0.3 : 1, settings == frozen ? 0.7 : 1);
            double[] losses = [.. run.History.Steps[0].Select(p => p.Loss)];
            Assert.True(losses[^1] < losses[0] - 0.02, $"{settings.Out}: the loss went from {losses[0]:F3} to {losses[^1]:F3}");
            Assert.True(result.Finished);
        }
    }

    [Fact]
    public void What_cannot_be_meant_is_refused()
    {
        Refused("clip", Pretrain(In("a")) with { PerLayer = true });
        Refused("step-rule", Pretrain(In("a")) with { StepRuleOptions = new Dictionary<string, string> { ["layers"] = "1" } });
        Refused("layers", Pretrain(In("a")) with { StepRule = "lisa", StepRuleOptions = new Dictionary<string, string> { ["layers"] = "9" } });
        Refused("interval", Pretrain(In("a")) with { StepRule = "lisa", StepRuleOptions = new Dictionary<string, string> { ["interval"] = "often" } });
        Refused("lora-fa", Pretrain(In("a")) with { Optimizer = "lora-fa" });
        Refused("loraplus", Pretrain(In("a")) with { OptimizerOptions = new Dictionary<string, string> { ["loraplus"] = "4" } });
        Refused("method", Train("a") with { StepRule = "lisa" });
        Assert.Contains("sorcery", Assert.Throws<NotSupportedException>(() => TrainingRun.Start(Pretrain(In("a")) with { StepRule = "sorcery" })).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(In("a")));

        static void Refused(string name, RunSettings settings) =>
            Assert.Contains(name, Assert.Throws<ArgumentException>(() => TrainingRun.Start(settings)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private RunSettings Pretrain(string to) => new()
    {
        Shape = new NewModel { Hidden = 32, Layers = 2, Heads = 4, KeyHeads = 2, FeedForward = 64 },
        Method = "full",
        Data = [text],
        Out = to,
        Context = 32,
        Batch = 4,
        Steps = 24,
        EvalEvery = 0,
        CheckpointEvery = 7,
        SaveAs = "f32",
    };

    private RunSettings Train(string to) => new()
    {
        Model = In("base"),
        Method = "lora",
        MethodOptions = new JsonObject { ["r"] = 4, ["target_modules"] = "all-linear" },
        Data = [text],
        Out = In(to),
        Context = 32,
        Batch = 4,
        Steps = 40,
        Rate = 0.01,
        EvalEvery = 0,
    };

    private string In(string name) => Path.Combine(folder, name);
}
