using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.Runs;

public sealed class FactoredRunTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-factored").FullName;

    [Theory]
    [InlineData("sltrain", false)]
    [InlineData("sltrain", true)]
    [InlineData("low-rank", false)]
    public void A_model_of_factors_is_stopped_resumed_saved_loaded_and_merged(string kind, bool learned)
    {
        NewWeights weights = new() { Kind = kind, Rank = 6, Delta = 0.1, Alpha = 4, TrainableScaling = learned };
        using (TrainingRun whole = TrainingRun.Start(Settings("whole", weights)))
        {
            Assert.True(whole.Run().Finished);
        }
        using (TrainingRun stopped = TrainingRun.Start(Settings("stopped", weights)))
        {
            using CancellationTokenSource stop = new();
            stopped.Run([new RunObserver(e => { if (e.Step == 7) { stop.Cancel(); } })], stop.Token);
        }
        using (TrainingRun again = TrainingRun.Resume(In("stopped")))
        {
            Assert.Equal(7, again.FirstStep);
            again.Run();
        }
        Assert.Equal(File.ReadAllBytes(In("whole/model.safetensors")), File.ReadAllBytes(In("stopped/model.safetensors")));

        using LanguageModel model = ModelLoader.Load(In("whole")), dense = ModelLoader.Load(In("whole"), new ModelLoadOptions { ConvertTo = WeightFormat.Of(ElementType.F32) });
        FactoredWeight[] factored = [.. model.Sites.OfType<LinearSite>().Where(s => !s.IsHead).Select(s => Assert.IsType<FactoredWeight>(s.Weight))];
        Assert.All(factored, w => Assert.Equal((kind == "sltrain", learned), (w.Sparse is not null, w.Scaling is not null)));
        if (!learned)
        {
            Assert.All(factored, w => Assert.Equal(4f / 6f, w.Scale, 1e-6f));
        }
        Assert.True(model.ParameterCount < dense.ParameterCount);
        Assert.All(dense.Sites.OfType<LinearSite>(), s => Assert.IsType<DenseWeight>(s.Weight));
        float[] a = Logits(model), b = Logits(dense);
        float largest = b.Max(Math.Abs);
        Assert.All(a, (v, i) => Assert.Equal(b[i], v, 1e-4f * largest));

        ModelWriter.Save(dense, In("merged"));
        Assert.DoesNotContain(FactoredFiles.ConfigKey, File.ReadAllText(In("merged/config.json")), StringComparison.Ordinal);
        ModelWriter.Save(model, In("copy"));
        using LanguageModel copy = ModelLoader.Load(In("copy"));
        Assert.Equal(a, Logits(copy));
        copy.MakeTrainable();
        Assert.Equal(factored.Sum(w => w.Count), copy.Sites.OfType<LinearSite>().Where(s => !s.IsHead).Sum(s => s.Weight.Parameters.Sum(p => p.Value.Shape.Length)));
        Assert.Equal(a, Logits(copy), (x, y) => Math.Abs(x - y) <= 1e-4f * largest);
    }

    [Fact]
    public void Files_that_contradict_themselves_are_refused_by_name()
    {
        using (TrainingRun run = TrainingRun.Start(Settings("m", new NewWeights { Rank = 3, Delta = 0.1 }) with { Steps = 1 }))
        {
            run.Run();
        }
        string config = In("m/config.json"), text = File.ReadAllText(config);
        foreach (string alpha in (string[])["\"32\"", "1e400", "null", "[]"])
        {
            File.WriteAllText(config, text.Replace("\"alpha\": 32", $"\"alpha\": {alpha}", StringComparison.Ordinal));
            Assert.Throws<BadFileException>(() => ModelLoader.Load(In("m")).Dispose());
        }
        File.WriteAllText(config, text);
        byte[] bytes = File.ReadAllBytes(In("m/model.safetensors"));
        using (SafetensorsFile file = SafetensorsFile.Open(In("m/model.safetensors")))
        {
            foreach (string part in (string[])["lora_B", "sparse_index", "sparse_value"])
            {
                string name = "model.layers.1.mlp.up_proj." + part;
                SafetensorsWriter.Write(In("without"), new Dictionary<string, string>(), file.Tensors.Where(t => t.Name != name).Select(t => new TensorToWrite(t.Name, t.Type, t.Shape, to => to.Write(file.Bytes(t)))).ToList());
                Refused(part == "sparse_value" ? null : name);
            }
            foreach ((string part, int number) in new[] { ("sparse_index", -1), ("sparse_index", int.MaxValue), ("sparse_index", 0) })
            {
                string name = "model.layers.1.mlp.up_proj." + part;
                SafetensorsWriter.Write(In("without"), new Dictionary<string, string>(), file.Tensors.Select(t => new TensorToWrite(t.Name, t.Type, t.Shape, to =>
                {
                    byte[] own = file.Bytes(t).ToArray();
                    if (t.Name == name)
                    {
                        BitConverter.TryWriteBytes(own.AsSpan(8), number);
                    }
                    to.Write(own);
                })).ToList());
                Refused(name);
            }
        }

        void Refused(string? name)
        {
            File.WriteAllBytes(In("m/model.safetensors"), File.ReadAllBytes(In("without")));
            if (name is null)
            {
                // Without values there are no entries: a product of two factors.
                ModelLoader.Load(In("m")).Dispose();
            }
            else
            {
                BadFileException e = Assert.Throws<BadFileException>(() => ModelLoader.Load(In("m")).Dispose());
                Assert.Contains(name, e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', e.Message);
            }
            File.WriteAllBytes(In("m/model.safetensors"), bytes);
        }
    }

    [Theory]
    [InlineData("rank", "0")]
    [InlineData("rank", "x")]
    [InlineData("alpha", "-1")]
    [InlineData("delta", "1")]
    [InlineData("delta", "NaN")]
    [InlineData("depth", "3")]
    public void Options_that_cannot_be_meant_are_refused_by_name(string name, string value) =>
        Assert.Contains(name, Assert.Throws<ArgumentException>(() => NewWeights.Read("sltrain", new Dictionary<string, string> { [name] = value })).Message, StringComparison.Ordinal);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static float[] Logits(LanguageModel model)
    {
        int[] ids = [.. Enumerable.Range(0, 20).Select(i => 65 + (i * 7 % 26))];
        using ModelRun run = new() { Rows = new Rows(ids.Length) };
        return model.Logits(run, model.Forward(run, Input.Of(ids))).Span.ToArray();
    }

    private RunSettings Settings(string name, NewWeights weights)
    {
        string text = In("text.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 400).Select(i => $"{i} and {i + 1} are {(2 * i) + 1}.\n")));
        return new RunSettings
        {
            Method = "full",
            Data = [text],
            Out = In(name),
            Context = 32,
            Batch = 2,
            Steps = 12,
            EvalEvery = 0,
            CheckpointEvery = 0,
            SaveAs = "f32",
            Shape = new NewModel { Hidden = 32, Layers = 2, Heads = 4, KeyHeads = 2, FeedForward = 48, Weights = weights },
        };
    }

    private string In(string name) => Path.Combine(folder, name);
}
