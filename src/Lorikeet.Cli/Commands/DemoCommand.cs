using System.CommandLine;
using System.Runtime.CompilerServices;
using Lorikeet.Adapters;
using Lorikeet.Cli.Demo;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet demo</c>: the starter model and its eight adapters, one prompt, eight languages in one batch.</summary>
internal static class DemoCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        Option<string> prompt = new("--prompt") { Description = "What every row begins with", DefaultValueFactory = _ => "return" };
        Option<int> tokens = new("--tokens") { Description = "Tokens of each answer", DefaultValueFactory = _ => 40 };
        Option<ulong> seed = new("--seed") { Description = "Seed of what is drawn", DefaultValueFactory = _ => 10 };
        Option<string> to = new("--out") { Description = "Where the page is written", DefaultValueFactory = _ => Path.Combine("runs", "demo.html") };
        Command command = new(
            "demo",
            "Eight rows with one prompt in one batch, each with an adapter for another language, none of which the base model ever saw; what that costs; and how well each adapter knows each language.\n\n" +
            "Examples:\n  lorikeet demo\n  lorikeet demo --prompt \"print\" --tokens 100 --seed 7")
        {
            prompt, tokens, seed, to,
        };
        // On a thread of its own: Ctrl-C is listened for once the action has returned its task.
        command.SetAction((parsed, stop) => Task.Run(
            () => RunAsync(parsed.GetValue(prompt)!, parsed.GetValue(tokens), parsed.GetValue(seed), parsed.GetValue(to)!, stop), stop));
        return command;
    }

    private static async Task<int> RunAsync(string prompt, int tokens, ulong seed, string page, CancellationToken stop)
    {
        if (prompt.Length == 0 || tokens < 1)
        {
            throw new UsageException("--prompt must not be empty, and --tokens must be at least 1");
        }
        using LanguageModel model = ModelLoader.Load(BundledFolder.Starter);
        Tokenizer tokenizer = Tokenizer.Load(ModelLocation.Resolve(BundledFolder.Starter));
        TrainedAdapter[] adapters = [.. StarterLanguage.All.Select(l => AdapterFolder.Load(l.Adapter, model, l.Name))];
        Array.ForEach(adapters, adapter => adapter.Factors = FactorStorage.Int8);
        int[] ids = tokenizer.Encode(prompt);
        if (ids.Length + tokens > model.Config.MaxPositions)
        {
            throw new UsageException($"the prompt has {ids.Length} tokens; with {tokens} more at most {model.Config.MaxPositions} fit");
        }
        GenerationRequest[] requests =
        [
            .. adapters.Select(adapter => new GenerationRequest
            {
                Prompt = ids,
                Adapter = adapter,
                MaxTokens = tokens,
                EndIds = [],
                Sampling = new SamplingOptions { Temperature = 0.7, TopP = 0.9, Seed = seed },
            }),
        ];
        Console.WriteLine($"One prompt, eight rows of one batch, each with its own adapter. The base model ({model.ParameterCount / 1e6:F1} M numbers) never saw these languages.");
        SideBySide view = new(StarterLanguage.All.Select((l, i) => $"{l.Title} ({adapters[i].Method.Name})"), adapters.Select(_ => prompt));
        using (TextGenerator generator = new(model, tokenizer))
        {
            await view.ShowAsync(Pieces(generator, requests, stop));
        }
        DemoRates rates = DemoRates.Measure(model, requests, stop);
        Console.WriteLine(rates.Line);
        Console.WriteLine();
        // What they know is measured to the bit.
        Array.ForEach(adapters, adapter => adapter.Factors = FactorStorage.Exact);
        using DemoProgress progress = new("measuring eight adapters on eight languages");
        HeatMap map = HeatMap.Measure(model, tokenizer, adapters, progress.Show, stop);
        progress.Clear();
        DemoTable table = new(adapters, map);
        Console.Write(table.Text());
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(page))!);
        AtomicFile.WriteText(page, DemoPage.Write(model, prompt, view.Texts, rates, table, map));
        Console.WriteLine();
        Console.WriteLine($"the own adapter is the best in {map.Wins} of {StarterLanguage.All.Count} languages: heat map in {page}");
        Console.WriteLine("next: lorikeet generate --model starter --adapter starter/rust --prompt \"fn main() {\"");
        foreach (TrainedAdapter adapter in adapters)
        {
            adapter.Dispose();
        }
        return 0;
    }

    private static async IAsyncEnumerable<(int Answer, string Text)> Pieces(TextGenerator generator, GenerationRequest[] requests, [EnumeratorCancellation] CancellationToken stop)
    {
        await foreach (GenerationEvent next in generator.GenerateAsync(requests, stop))
        {
            yield return (next.Id, next.Text);
        }
    }
}
