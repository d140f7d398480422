using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.Runs;

/// <summary>Adapters learn through bases of 16, 8 and 4 bits (QLoRA), and the base takes the memory that its format says.</summary>
public sealed class FrozenFormatTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-frozen").FullName;

    [Theory]
    [InlineData("bf16", 16.0)]
    [InlineData("q8_0", 8.5)]
    [InlineData("nf4", 4.5)]
    [InlineData("nf4-double", 4.14)]
    public void The_loss_falls_through_a_frozen_base_of_any_format(string format, double bits)
    {
        string text = Path.Combine(folder, "text.txt"), model = Path.Combine(folder, "base");
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 400).Select(i => $"{i} and {i + 1} are {(2 * i) + 1}.\n")));
        RunSettings shared = new() { Data = [text], Context = 32, Batch = 4, EvalEvery = 0, CheckpointEvery = 0 };
        using (TrainingRun run = TrainingRun.Start(shared with
        {
            Method = "full",
            Out = model,
            Steps = 10,
            SaveAs = "bf16",
            Shape = new NewModel { Hidden = 128, Layers = 2, Heads = 4, KeyHeads = 4, FeedForward = 256 },
        }))
        {
            run.Run();
        }
        using (LanguageModel quantised = ModelLoader.Load(model, new ModelLoadOptions { ConvertTo = WeightFormat.Find(format) }))
        {
            Weight[] linear = [.. quantised.Sites.OfType<LinearSite>().Where(s => !s.IsHead).Select(s => s.Weight)];
            // Books of 16 and 256 numbers belong to each matrix: of small ones they are half a bit a number.
            Assert.InRange(linear.Sum(w => w.Bytes) * 8.0 / linear.Sum(w => w.Count), bits - 0.02, bits + 0.6);
        }
        RunSettings train = shared with
        {
            Model = model,
            Weights = format,
            Out = Path.Combine(folder, "adapter"),
            Steps = 30,
            Rate = 5e-3,
            MethodOptions = new JsonObject { ["r"] = 8, ["lora_alpha"] = 16, ["target_modules"] = "all-linear" },
        };
        using (TrainingRun run = TrainingRun.Start(train))
        {
            List<double> losses = [];
            RunResult result = run.Run([new RunObserver(e => losses.Add(e.Loss))]);
            Assert.True(result.Finished);
            Assert.True(losses[^1] < losses[0] - 0.3, $"{format}: the loss went from {losses[0]:F3} to {losses[^1]:F3}");
        }
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
