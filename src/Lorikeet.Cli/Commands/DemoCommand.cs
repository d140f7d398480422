using System.CommandLine;
using System.Diagnostics;
using Lorikeet.Adapters;
using Lorikeet.Cli.Demo;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet demo</c>: the whole loop in a few minutes, on texts that come with it.</summary>
internal static class DemoCommand
{
    private const int AnswerTokens = 64;

    /// <summary>The command.</summary>
    public static Command Create()
    {
        Option<string> to = new("--out") { Description = "Where texts, model and adapters are kept; a second demo finds them there", DefaultValueFactory = _ => Path.Combine("runs", "demo") };
        Option<int> steps = new("--steps") { Description = "Steps of the base model's pre-training", DefaultValueFactory = _ => 700 };
        Option<int> adapterSteps = new("--adapter-steps") { Description = "Steps of each adapter's training", DefaultValueFactory = _ => 200 };
        Option<bool> fresh = new("--fresh") { Description = "Train everything again" };
        Command command = new(
            "demo",
            "Pre-trains a small model, trains four adapters of four methods on four styles of text, and streams four prompts in one batch, each with its own adapter.\n\n" +
            "Examples:\n  lorikeet demo\n  lorikeet demo --fresh --out runs/another")
        {
            to, steps, adapterSteps, fresh,
        };
        // On a thread of its own: Ctrl-C is listened for once the action has returned its task.
        command.SetAction((parsed, stop) => Task.Run(
            () => RunAsync(parsed.GetValue(to)!, parsed.GetValue(steps), parsed.GetValue(adapterSteps), parsed.GetValue(fresh), stop), stop));
        return command;
    }

    private static async Task<int> RunAsync(string folder, int steps, int adapterSteps, bool fresh, CancellationToken stop)
    {
        if (steps < 1 || adapterSteps < 1)
        {
            throw new UsageException("--steps and --adapter-steps must be at least 1");
        }
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any() && !Directory.Exists(Path.Combine(folder, "texts")))
        {
            throw new UsageException($"{folder} is not empty and holds no demo: name another folder with --out");
        }
        if (fresh && Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
        DemoModels models = new(folder);
        models.Make(steps, adapterSteps, stop);

        using LanguageModel model = ModelLoader.Load(models.Base);
        Tokenizer tokenizer = Tokenizer.Load(models.Base);
        TrainedAdapter[] adapters = [.. DemoStyle.All.Select(s => AdapterFolder.Load(models.Adapter(s), model, s.Name))];
        GenerationRequest[] requests =
        [
            .. DemoStyle.All.Select((style, i) => new GenerationRequest
            {
                Prompt = tokenizer.Encode(style.Prompt),
                Adapter = adapters[i],
                MaxTokens = AnswerTokens,
                EndIds = [],
                Sampling = new SamplingOptions { Temperature = 0.6, TopP = 0.95, Seed = 3 },
            }),
        ];
        using (TextGenerator generator = new(model, tokenizer))
        {
            Console.WriteLine();
            Console.WriteLine("Four prompts in one batch, each row with its own adapter:");
            SideBySide view = new(DemoStyle.All.Select(s => $"{s.Title} ({s.Method})"), DemoStyle.All.Select(s => s.Prompt));
            await view.ShowAsync(Pieces(generator, requests, stop));
        }
        Figures(model, tokenizer, models, adapters, requests, stop);
        foreach (TrainedAdapter adapter in adapters)
        {
            adapter.Dispose();
        }
        return 0;
    }

    private static async IAsyncEnumerable<(int Answer, string Text)> Pieces(
        TextGenerator generator, GenerationRequest[] requests, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        await foreach (GenerationEvent next in generator.GenerateAsync(requests, stop))
        {
            yield return (next.Id, next.Text);
        }
    }

    private static void Figures(
        LanguageModel model, Tokenizer tokenizer, DemoModels models, TrainedAdapter[] adapters, GenerationRequest[] requests, CancellationToken stop)
    {
        GenerationRequest[] bare = [.. requests.Select(r => r with { Adapter = null })];
        double together = Rate(model, requests, oneByOne: false, stop), alone = Rate(model, requests, oneByOne: true, stop), without = Rate(model, bare, oneByOne: false, stop);
        Console.WriteLine($"together {together:N0} tokens/s, one after another {alone:N0} tokens/s, together without adapters {without:N0} tokens/s");
        Console.WriteLine();
        Console.WriteLine($"{"adapter",-12}{"method",-8}{"numbers",9}{"bytes on disk",15}{"bits per byte on its own text",32}");
        for (int i = 0; i < adapters.Length; i++)
        {
            stop.ThrowIfCancellationRequested();
            DemoStyle style = DemoStyle.All[i];
            TokenDocuments documents = DocumentTokens.Encode(DataFile.Read(models.Text(style.Name)), tokenizer, 128);
            IReadOnlyList<Batch> held = DocumentTokens.InOrder(documents.Split(0.05).Last, 1024);
            double before = Evaluator.Run(model, null, held).BitsPerByte, after = Evaluator.Run(model, adapters[i], held).BitsPerByte;
            long bytes = Directory.EnumerateFiles(models.Adapter(style), "adapter_*").Sum(f => new FileInfo(f).Length);
            Console.WriteLine($"{style.Name,-12}{style.Method,-8}{adapters[i].ParameterCount,9:N0}{bytes,15:N0}{$"{before:F2} -> {after:F2}",32}");
        }
        Console.WriteLine();
        Console.WriteLine($"the base model has {model.ParameterCount:N0} numbers; it lies in {models.Base}, the adapters beside it:");
        Console.WriteLine($"  lorikeet generate --model {models.Base} --adapter {models.Adapter(DemoStyle.All[0])} --prompt \"In the beginning\"");
    }

    /// <summary>Tokens a second of whole answers, prompts included in the time; the best of three.</summary>
    private static double Rate(LanguageModel model, GenerationRequest[] requests, bool oneByOne, CancellationToken stop)
    {
        double best = 0;
        using Engine engine = new(model);
        for (int round = 0; round < 3; round++)
        {
            stop.ThrowIfCancellationRequested();
            long began = Stopwatch.GetTimestamp();
            int tokens = 0;
            foreach (GenerationRequest[] batch in oneByOne ? requests.Select(r => new[] { r }) : [requests])
            {
                foreach (GenerationRequest request in batch)
                {
                    engine.Add(request);
                }
                while (engine.HasWork)
                {
                    tokens += engine.Step().Length;
                }
            }
            best = Math.Max(best, tokens / Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
        return best;
    }
}
