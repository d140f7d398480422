using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet eval</c>: loss, perplexity and bits per byte of a model, bare and with adapters, side by side.</summary>
internal static class EvalCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        Option<string> model = new("--model", "-m") { Description = "The model: a folder, or org/name in the local Hugging Face cache", Required = true };
        Option<string[]> adapters = new("--adapter", "-a") { Description = "An adapter's folder; several are shown side by side" };
        Option<string> data = new("--data", "-d") { Description = "A .jsonl or text file, as for train", Required = true };
        Option<string?> separator = new("--separator") { Description = "What stands between two documents of a plain text (\\n is a line break)" };
        Option<int> context = new("--context") { Description = "The most tokens in a sequence", DefaultValueFactory = _ => 256 };
        Option<int> batch = new("--batch") { Description = "Contexts that go through the model together", DefaultValueFactory = _ => 4 };
        Option<string?> tokenizer = new("--tokenizer") { Description = "byte, or a folder with tokenizer.json; default: the model's own" };
        Option<string?> weights = WeightsOption.Create();
        Option<bool> coded = new("--coded") { Description = "Code activations to 8 bits at quantised weights, as generating does; default: float32, as in training" };
        Option<bool> bare = new("--no-base") { Description = "Leave the bare model out" };
        Option<bool> json = new("--json") { Description = "One JSON object a line instead of a table" };
        Command command = new(
            "eval",
            "Measures how well a model, bare and with adapters, foretells text: loss in nats a token, perplexity, bits per byte.\n\n" +
            "Examples:\n" +
            "  lorikeet eval --model base --data held-out.txt\n" +
            "  lorikeet eval --model base --adapter reviews --adapter style --data held-out.jsonl --json")
        {
            model, weights, coded, adapters, data, separator, context, batch, tokenizer, bare, json,
        };
        command.SetAction((parsed, stop) => Task.Run(() => Measure(parsed, stop), CancellationToken.None));
        return command;

        int Measure(ParseResult parsed, CancellationToken stop)
        {
            if (parsed.GetValue(context) is < 1 or > 1 << 20 || parsed.GetValue(batch) is < 1 or > 1 << 16)
            {
                throw new UsageException("--context must be from 1 to 1048576, --batch from 1 to 65536");
            }
            if ((long)parsed.GetValue(batch) * parsed.GetValue(context) > 1 << 24)
            {
                throw new UsageException("--batch x --context must be at most 16777216 tokens");
            }
            string folder = ModelLocation.Resolve(parsed.GetValue(model)!);
            Tokenizer own = parsed.GetValue(tokenizer) switch { null => Tokenizer.Load(folder), "byte" => new ByteTokenizer(), string other => Tokenizer.Load(other) };
            using LanguageModel loaded = ModelLoader.Load(folder, WeightsOption.Load(parsed.GetValue(weights)));
            TokenDocuments documents = DocumentTokens.Encode(
                DataFile.Read(parsed.GetValue(data)!, parsed.GetValue(separator)?.Replace("\\n", "\n", StringComparison.Ordinal)), own, parsed.GetValue(context));
            IReadOnlyList<Batch> batches = DocumentTokens.InOrder(documents.All(), parsed.GetValue(batch) * parsed.GetValue(context));
            if (batches.Count == 0)
            {
                throw new BadFileException($"{parsed.GetValue(data)} has no token to measure; expected documents of at least two tokens.");
            }
            Run(loaded, parsed.GetValue(adapters) ?? [], parsed.GetValue(bare), parsed.GetValue(coded), batches, parsed.GetValue(json), stop);
            return 0;
        }
    }

    private static void Run(LanguageModel model, string[] adapters, bool withoutBase, bool coded, IReadOnlyList<Batch> batches, bool json, CancellationToken stop)
    {
        if (!json)
        {
            Console.WriteLine($"{"adapter",-28}{"loss",10}{"perplexity",12}{"bits/byte",11}{"targets",12}");
        }
        if (!withoutBase || adapters.Length == 0)
        {
            Print("(none)", Evaluator.Run(model, null, Until(batches, stop), coded), json);
        }
        foreach (string folder in adapters)
        {
            stop.ThrowIfCancellationRequested();
            using TrainedAdapter adapter = AdapterFolder.Load(folder, model);
            foreach (string warning in adapter.Warnings)
            {
                Console.Error.WriteLine($"note: {warning}");
            }
            Print(adapter.Name, Evaluator.Run(model, adapter, Until(batches, stop), coded), json);
        }
    }

    private static IEnumerable<Batch> Until(IReadOnlyList<Batch> batches, CancellationToken stop)
    {
        foreach (Batch batch in batches)
        {
            stop.ThrowIfCancellationRequested();
            yield return batch;
        }
    }

    private static void Print(string name, in Evaluation evaluation, bool json)
    {
        if (!json)
        {
            string bits = double.IsNaN(evaluation.BitsPerByte) ? "-" : evaluation.BitsPerByte.ToString("F4", CultureInfo.InvariantCulture);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{name,-28}{evaluation.Loss,10:F4}{evaluation.Perplexity,12:F3}{bits,11}{evaluation.Targets,12}"));
            return;
        }
        JsonObject line = new()
        {
            ["adapter"] = name == "(none)" ? null : name,
            ["loss"] = Finite(evaluation.Loss),
            ["perplexity"] = Finite(evaluation.Perplexity),
            ["bits_per_byte"] = Finite(evaluation.BitsPerByte),
            ["targets"] = evaluation.Targets,
            ["bytes"] = evaluation.Bytes,
        };
        Console.WriteLine(line.ToJsonString());
    }

    private static JsonNode? Finite(double value) => double.IsFinite(value) ? value : null;
}
