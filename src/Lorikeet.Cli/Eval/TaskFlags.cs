using System.CommandLine;
using Lorikeet.Cli.Commands;
using Lorikeet.Models.Text;
using Lorikeet.Tasks;

namespace Lorikeet.Cli.Eval;

/// <summary>The options of <c>lorikeet eval</c> that belong to tasks.</summary>
internal sealed class TaskFlags
{
    private readonly Option<string[]> tasks = new("--tasks") { Description = "Tasks: names, or .json files; several with commas or one after another", AllowMultipleArgumentsPerToken = true };
    private readonly Option<bool> list = new("--list-tasks") { Description = "Show the tasks that come with the program, and end" };
    private readonly Option<string?> folder = new("--data-dir") { Description = "The folder that tasks' data lies in", HelpName = "FOLDER" };
    private readonly Option<int?> limit = new("--limit") { Description = "The most examples of a task, the first ones" };
    private readonly Option<int> shots = new("--shots") { Description = "Solved examples before each question", DefaultValueFactory = _ => 0 };
    private readonly Option<long> seed = new("--seed") { Description = "Decides which solved examples", DefaultValueFactory = _ => 1 };
    private readonly Option<int> answers = new("--batch-answers") { Description = "Answers that are generated at once", DefaultValueFactory = _ => 64 };
    private readonly Option<bool> chat = new("--chat") { Description = "Lay questions out as what a user says, by the model's chat template" };
    private readonly Option<bool> merged = new("--merged") { Description = "Show each adapter once more, merged into the model" };
    private readonly Option<string?> written = new("--answers") { Description = "Write every answer to a file of JSON lines", HelpName = "FILE" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[tasks, list, folder, limit, shots, seed, answers, chat, merged, written])
        {
            command.Options.Add(option);
        }
    }

    public bool Asked(ParseResult parsed) => Names(parsed).Length > 0;

    public bool Merged(ParseResult parsed) => parsed.GetValue(merged);

    public string? Answers(ParseResult parsed) => parsed.GetValue(written);

    /// <summary>Shows the list where it was asked for.</summary>
    public bool Listed(ParseResult parsed)
    {
        if (!parsed.GetValue(list))
        {
            return false;
        }
        foreach (string name in EvaluationTask.BuiltIn)
        {
            EvaluationTask task = EvaluationTask.Load(name);
            Console.WriteLine($"{name,-16}{task.Kind,-10}{task.About}");
        }
        return true;
    }

    public IReadOnlyList<EvaluationTask> Read(ParseResult parsed)
    {
        if (parsed.GetValue(limit) is < 1)
        {
            throw new UsageException("--limit must be 1 or more");
        }
        if (parsed.GetValue(shots) is < 0 or > 1000 || parsed.GetValue(answers) is < 1 or > 4096)
        {
            throw new UsageException("--shots must be from 0 to 1000, --batch-answers from 1 to 4096");
        }
        string[] names = Names(parsed);
        return names.Distinct().Count() == names.Length ? [.. names.Select(EvaluationTask.Load)] : throw new UsageException("--tasks names a task twice");
    }

    public EvaluationOptions Options(ParseResult parsed, Tokenizer tokenizer) => new()
    {
        DataFolder = parsed.GetValue(folder),
        Limit = parsed.GetValue(limit),
        Shots = parsed.GetValue(shots),
        Seed = parsed.GetValue(seed),
        BatchAnswers = parsed.GetValue(answers),
        Template = parsed.GetValue(chat) ? ChatTemplateSet.Of(tokenizer).Choose() : null,
    };

    private string[] Names(ParseResult parsed) => [.. (parsed.GetValue(tasks) ?? []).SelectMany(t => t.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
}
