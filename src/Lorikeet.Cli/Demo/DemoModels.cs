using System.Diagnostics;
using System.Reflection;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;
using Lorikeet.Training;

namespace Lorikeet.Cli.Demo;

/// <summary>Makes the demo's base model and adapters: the same runs that <c>pretrain</c> and <c>train</c> do.</summary>
/// <param name="folder">Where texts, model and adapters are kept.</param>
internal sealed class DemoModels(string folder)
{
    private const string BaseText = "base";

    /// <summary>The base model's folder.</summary>
    public string Base => Path.Combine(folder, "base");

    /// <summary>A style's adapter folder.</summary>
    /// <param name="style">The style.</param>
    public string Adapter(DemoStyle style) => Path.Combine(folder, style.Name + "-" + style.Method);

    /// <summary>A style's text.</summary>
    /// <param name="name">The style, or <c>base</c>.</param>
    public string Text(string name) => Path.Combine(folder, "texts", name + ".txt");

    /// <summary>Trains what is not there yet.</summary>
    /// <param name="steps">Steps of the base model's pre-training.</param>
    /// <param name="adapterSteps">Steps of each adapter's training.</param>
    /// <param name="stop">Stops between steps; what is finished stays.</param>
    public void Make(int steps, int adapterSteps, CancellationToken stop)
    {
        foreach (string name in DemoStyle.All.Select(s => s.Name).Append(BaseText))
        {
            Unpack(name);
        }
        Train(
            "base model on the Jargon File",
            Base,
            new RunSettings
            {
                Method = "full",
                Shape = new NewModel { Hidden = 192, Layers = 4, Heads = 6, KeyHeads = 2, FeedForward = 512 },
                Tokenizer = "bpe:1024",
                Data = [Text(BaseText)],
                Context = 128,
                Batch = 16,
                Steps = steps,
                Rate = 4e-3,
                EvalShare = 0.02,
                EvalEvery = 0,
                CheckpointEvery = 0,
            },
            stop);
        foreach (DemoStyle style in DemoStyle.All)
        {
            Train(
                $"{style.Method} adapter on {style.Title}",
                Adapter(style),
                new RunSettings
                {
                    Model = Base,
                    Method = style.Method,
                    MethodOptions = (JsonObject)style.Options.DeepClone(),
                    Data = [Text(style.Name)],
                    Context = 128,
                    Batch = 8,
                    Steps = adapterSteps,
                    Rate = style.Rate,
                    EvalShare = 0.05,
                    EvalEvery = 0,
                    CheckpointEvery = 0,
                },
                stop);
        }
    }

    private static void Train(string what, string to, RunSettings settings, CancellationToken stop)
    {
        if (File.Exists(Path.Combine(to, "metrics.jsonl")) && Directory.EnumerateFiles(to, "*.safetensors").Any())
        {
            Console.WriteLine($"{what}: there already");
            return;
        }
        if (Directory.Exists(to))
        {
            // An earlier demo was stopped half way; this folder is the demo's own.
            Directory.Delete(to, recursive: true);
        }
        long began = Stopwatch.GetTimestamp();
        using TrainingRun run = TrainingRun.Start(settings with { Out = to });
        using DemoProgress progress = new(what, run.Steps);
        double first = double.NaN, last = double.NaN;
        run.Run(
            [
                new RunObserver(
                    progress.Show,
                    e =>
                    {
                        first = double.IsNaN(first) ? e.Loss : first;
                        last = e.Loss;
                    }),
            ],
            stop);
        stop.ThrowIfCancellationRequested();
        progress.Finish($"held-out loss {first:F2} -> {last:F2}, {run.TrainedCount:N0} numbers trained, {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s");
    }

    private void Unpack(string name)
    {
        if (File.Exists(Text(name)))
        {
            return;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(Text(name))!);
        using Stream from = Assembly.GetExecutingAssembly().GetManifestResourceStream($"demo/{name}.txt")
            ?? throw new InvalidDataException($"the text {name} is missing in this build");
        AtomicFile.Write(Text(name), from.CopyTo);
    }
}
