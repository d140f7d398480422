using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.Runs;

public sealed class ComparisonTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-compare").FullName;

    [Fact]
    public void Methods_get_the_same_tokens_and_one_report()
    {
        Comparison comparison = Comparison.Start(Settings("lora:r=2", "dora:r=2:lr=0.01", "full:optimizer=sgd"));
        IReadOnlyList<ComparedMethod> done = comparison.Run((_, run) => run.Run());
        Assert.Equal(3, done.Count);
        Assert.All(done, m => Assert.True(m is { Failure: null, Steps: 6, HeldOutLoss: > 0, FirstHeldOutLoss: > 0, TokensPerSecond: > 0, PeakBytes: > 0 }, m.Name));
        Assert.Single(done.Select(m => m.Tokens).Distinct());
        // Two moments of every number; plain SGD keeps nothing.
        Assert.Equal(done[0].TrainedParameters * 8, done[0].OptimizerBytes);
        Assert.Equal(0, done[2].OptimizerBytes);
        Assert.True(done[2].TrainedParameters > done[1].TrainedParameters && done[1].TrainedParameters > done[0].TrainedParameters);
        JsonNode json = JsonNode.Parse(File.ReadAllText(In("out/comparison.json")))!;
        Assert.Equal(["lora:r=2", "dora:r=2:lr=0.01", "full:optimizer=sgd"], json["methods"]!.AsArray().Select(m => m!["name"]!.GetValue<string>()));
        string page = File.ReadAllText(In("out/report.html"));
        Assert.Contains("Held-out loss by time", page, StringComparison.Ordinal);
        Assert.Contains("dora:r=2", page, StringComparison.Ordinal);
        Assert.Contains("in use", Assert.Throws<ArgumentException>(() => Comparison.Start(Settings("lora"))).Message.Replace("already holds a comparison", "in use", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_comparison_that_is_stopped_goes_on_to_the_same_numbers()
    {
        IReadOnlyList<ComparedMethod> whole = Comparison.Start(Settings("lora:r=2", "nola")).Run((_, run) => run.Run());
        ComparisonSettings again = Settings("lora:r=2", "nola");
        again = again with { Shared = again.Shared with { Out = In("stopped") } };
        using CancellationTokenSource stop = new();
        IReadOnlyList<ComparedMethod> part = Comparison.Start(again).Run(
            (c, run) => run.Run([new RunObserver(e => { if (c.Method == "nola" && e.Step == 3) { stop.Cancel(); } })], stop.Token), stop.Token);
        Assert.Single(part);
        List<string> trained = [];
        IReadOnlyList<ComparedMethod> rest = Comparison.Resume(In("stopped")).Run((c, run) =>
        {
            trained.Add($"{c.Text} from {run.FirstStep}");
            return run.Run();
        });
        Assert.Equal(["nola from 3"], trained);
        Assert.Equal(whole.Select(m => (m.Name, m.HeldOutLoss, m.Tokens)), rest.Select(m => (m.Name, m.HeldOutLoss, m.Tokens)));
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("dora")]
    [InlineData("flora")]
    [InlineData("nola")]
    public void A_budget_of_parameters_is_used_and_kept(string method)
    {
        using LanguageModel model = Tiny.Model();
        const int budget = 6000;
        JsonObject options = ParameterFit.Options(model, Candidate.Parse($"{method}:target_modules=all-linear"), budget);
        using Adapters.TrainedAdapter adapter = Adapters.AdapterMethods.Find(method).Create("a", model, options, new CounterRandom(1));
        long count = adapter.Parameters.Where(p => p.Trainable).Sum(p => p.Value.Shape.Length);
        Assert.InRange(count, budget / 2, budget);
    }

    [Fact]
    public void A_budget_of_tokens_or_seconds_becomes_steps()
    {
        ComparisonSettings tokens = Settings("lora:r=2");
        tokens = tokens with { Budget = "tokens=500", Shared = tokens.Shared with { Steps = null } };
        ComparedMethod done = Assert.Single(Comparison.Start(tokens).Run((_, run) => run.Run()));
        Assert.InRange(done.Tokens, 450, 600);
        ComparisonSettings seconds = tokens with { Budget = "seconds=0.5", Shared = tokens.Shared with { Out = In("seconds") } };
        done = Assert.Single(Comparison.Start(seconds).Run((_, run) => run.Run()));
        Assert.InRange(done.Seconds, 0.05, 5);
        Assert.False(Directory.Exists(In("seconds/lora-r=2.trial")));
    }

    [Theory]
    [InlineData("lora:r")]
    [InlineData(":r=1")]
    [InlineData("lora:lr=x")]
    public void A_method_that_cannot_be_read_is_refused(string text) => Assert.Contains("METHOD", Assert.Throws<ArgumentException>(() => Candidate.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("seconds")]
    [InlineData("seconds=-1")]
    [InlineData("seconds=NaN")]
    [InlineData("2=3")]
    [InlineData("money=3")]
    [InlineData("")]
    public void A_budget_that_cannot_be_read_is_refused(string text) => Assert.Contains("budget", Assert.Throws<ArgumentException>(() => Budget.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_method_twice_and_one_that_does_not_exist_are_refused()
    {
        Assert.Contains("twice", Assert.Throws<ArgumentException>(() => Comparison.Start(Settings("lora", "lora"))).Message, StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => Comparison.Start(Settings("lorra")));
        Assert.False(Directory.Exists(In("out")));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private ComparisonSettings Settings(params string[] methods)
    {
        string path = In("model");
        if (!Directory.Exists(path))
        {
            using LanguageModel model = ModelLoader.Create(
                new ModelConfig { HiddenSize = 32, IntermediateSize = 48, Layers = 2, Heads = 4, KeyHeads = 2, HeadDim = 8, VocabularySize = 257, MaxPositions = 64 }, new CounterRandom(7));
            ModelWriter.Save(model, path);
            File.WriteAllText(In("text.txt"), string.Concat(Enumerable.Range(0, 40).Select(i => $"{i}. The rain in Spain stays mainly in the plain.\n")));
        }
        return new ComparisonSettings
        {
            Methods = methods,
            Shared = new RunSettings
            {
                Model = path,
                Tokenizer = "byte",
                Data = [In("text.txt")],
                Out = In("out"),
                Context = 24,
                Batch = 2,
                Steps = 6,
                EvalEvery = 3,
                CheckpointEvery = 0,
            },
        };
    }

    private string In(string name) => Path.Combine(folder, name);
}
