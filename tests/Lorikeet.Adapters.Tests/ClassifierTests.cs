using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests;

public sealed class ClassifierTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-head").FullName;

    public static TheoryData<string> Methods => [.. AdapterMethods.All.Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Any_method_keeps_its_head(string method)
    {
        using LanguageModel model = Model();
        using (TrainedAdapter made = AdapterMethods.Find(method).Create("made", model, new JsonObject { ["target_modules"] = "all-linear" }, new CounterRandom(3)))
        {
            Classifiers.Attach(made, ["bad", "good"], new CounterRandom(4));
            Assert.Equal(made.ExpectedParameterCount, made.ParameterCount);
            AdapterFolder.Save(made, folder);
        }
        using TrainedAdapter read = AdapterFolder.Load(folder, model);
        Assert.Equal(["bad", "good"], read.Classifier!.Labels);
        Assert.Equal(new Shape(2, 32), read.Classifier.Weight.Value.Shape);
        Assert.Equal("SEQ_CLS", (string?)read.Config["task_type"]);
        Assert.Equal(["classifier", "score"], read.Config["modules_to_save"]!.AsArray().Select(m => (string?)m));
        Assert.Contains(read.NamedParameters, p => p.Key == "base_model.model.score.weight");
        Assert.Empty(read.Warnings);
        string again = Path.Combine(folder, "again");
        AdapterFolder.Save(read, again);
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder, AdapterFolder.WeightsName)), File.ReadAllBytes(Path.Combine(again, AdapterFolder.WeightsName)));
    }

    [Fact]
    public void Labels_that_do_not_fit_are_refused()
    {
        using LanguageModel model = Model();
        using (TrainedAdapter made = AdapterMethods.Find("lora").Create("made", model, new JsonObject { ["target_modules"] = "all-linear" }, new CounterRandom(3)))
        {
            Classifiers.Attach(made, ["bad", "good"], new CounterRandom(4));
            AdapterFolder.Save(made, folder);
        }
        string labels = Path.Combine(folder, Classifiers.LabelsName);
        foreach (string text in (string[])["{}", "{\"labels\": [\"a\"]}", "{\"labels\": [\"a\", \"a\"]}", "[", "{\"labels\": 7}"])
        {
            File.WriteAllText(labels, text);
            Assert.Contains(labels, Assert.Throws<BadFileException>(() => AdapterFolder.Load(folder, model)).Message, StringComparison.Ordinal);
        }
        File.Delete(labels);
        using TrainedAdapter read = AdapterFolder.Load(folder, model);
        Assert.Equal(["0", "1"], read.Classifier!.Labels);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static LanguageModel Model() => ModelLoader.Create(
        new ModelConfig { HiddenSize = 32, IntermediateSize = 48, Layers = 2, Heads = 4, KeyHeads = 2, HeadDim = 8, VocabularySize = 61, MaxPositions = 64 },
        new CounterRandom(7));
}
