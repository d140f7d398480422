using System.CommandLine;
using Lorikeet.Cli.Eval;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Tasks;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet eval</c>: how well a model does, bare and with adapters, side by side: on text, or in tasks with right answers.</summary>
internal static class EvalCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        Option<string?> model = new("--model", "-m") { Description = "The model: a folder, or org/name in the local Hugging Face cache" };
        Option<string[]> adapters = new("--adapter", "-a") { Description = "An adapter's folder; several are shown side by side" };
        Option<string?> data = new("--data", "-d") { Description = "A .jsonl, .csv, .tsv or text file or a folder, as for train: measures its likelihood" };
        Option<string?> tokenizer = new("--tokenizer") { Description = "byte, or a folder with tokenizer.json; default: the model's own" };
        Option<string?> weights = WeightsOption.Create();
        Option<bool> coded = new("--coded") { Description = "Code activations to 8 bits at quantised weights, as generating does; default: float32, as in training" };
        Option<bool> bare = new("--no-base") { Description = "Leave the bare model out" };
        Option<bool> json = new("--json") { Description = "One JSON object a line instead of a table" };
        Option<int> context = new("--context") { Description = "The most tokens in a window of text", DefaultValueFactory = _ => 256 };
        Option<int> batch = new("--batch") { Description = "Contexts that go through the model together", DefaultValueFactory = _ => 4 };
        DataFlags fields = new();
        TaskFlags tasks = new();
        Command command = new(
            "eval",
            "Measures a model, bare and with adapters, side by side; all rows of a batch run with their own adapter.\n\n" +
            "Examples:\n" +
            "  lorikeet eval --model base --adapter reviews --adapter style --data held-out.txt\n" +
            "  lorikeet eval --model base --adapter e2e --tasks e2e,e2e-loss --data-dir ../shared/data --limit 50\n" +
            "  lorikeet eval --model base --adapter mine --tasks my-task.json --shots 3 --answers out.jsonl --json\n" +
            "  lorikeet eval --list-tasks\n" +
            "With --data: loss in nats a token, perplexity, bits per byte. With --tasks: what the task measures. Ctrl-C ends a task and shows what is done.")
        {
            model, adapters, data, weights, coded, bare, json, tokenizer, context, batch,
        };
        tasks.AddTo(command);
        fields.AddTo(command);
        command.SetAction((parsed, stop) => Task.Run(() => Measure(parsed, stop), CancellationToken.None));
        return command;

        int Measure(ParseResult parsed, CancellationToken stop)
        {
            int window = parsed.GetValue(context), together = parsed.GetValue(batch);
            if (window is < 1 or > 1 << 20 || together is < 1 or > 1 << 16)
            {
                throw new UsageException("--context must be from 1 to 1048576, --batch from 1 to 65536");
            }
            if ((long)together * window > 1 << 24)
            {
                throw new UsageException("--batch x --context must be at most 16777216 tokens");
            }
            if (tasks.Listed(parsed))
            {
                return 0;
            }
            if ((parsed.GetValue(data) is null) == !tasks.Asked(parsed))
            {
                throw new UsageException("give either --data, for the likelihood of text, or --tasks (--list-tasks shows what there is)");
            }
            string named = parsed.GetValue(model) ?? throw new UsageException("--model is missing: name a model's folder");
            // What can be wrong in a command line is found before a model is loaded.
            IReadOnlyList<EvaluationTask> asked = tasks.Read(parsed);
            DataOptions options = fields.Read(parsed);
            string folder = ModelLocation.Resolve(named);
            Tokenizer own = parsed.GetValue(tokenizer) switch { null => Tokenizer.Load(folder), "byte" => new ByteTokenizer(), string other => Tokenizer.Load(other) };
            using LanguageModel loaded = ModelLoader.Load(folder, WeightsOption.Load(parsed.GetValue(weights)));
            using EvaluatedAdapters who = EvaluatedAdapters.Load(loaded, parsed.GetValue(adapters) ?? [], parsed.GetValue(bare));
            if (parsed.GetValue(data) is { } path)
            {
                using TokenDocuments documents = TokenCache.Load(path, options, own, window, DataFlags.TemplateOf(own));
                return TextTable.Measure(loaded, who, documents, path, together * window, parsed.GetValue(coded), parsed.GetValue(json), stop);
            }
            EvaluationOptions how = tasks.Options(parsed, own) with
            {
                Context = window,
                BatchTokens = Math.Max(together * window, 1),
                CodedActivations = parsed.GetValue(coded),
            };
            return TaskTable.Run(asked, loaded, own, who, how, tasks.Merged(parsed), tasks.Answers(parsed), parsed.GetValue(json), stop);
        }
    }
}
