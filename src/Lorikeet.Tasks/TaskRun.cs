using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Tasks;

/// <summary>A task that runs: its rows, who answers, and what they are told.</summary>
internal sealed class TaskRun(
    string name,
    TaskFile file,
    string? folder,
    LanguageModel model,
    Tokenizer tokenizer,
    IReadOnlyList<Adapter?> adapters,
    EvaluationOptions options,
    Action<EvaluationProgress>? progress,
    CancellationToken stop)
{
    private readonly HashSet<string> notes = [];

    public string Name => name;

    public TaskFile File => file;

    public LanguageModel Model => model;

    public Tokenizer Tokenizer => tokenizer;

    public IReadOnlyList<Adapter?> Adapters => adapters;

    public EvaluationOptions Options => options;

    public bool Stopped => stop.IsCancellationRequested;

    /// <summary>The task's rows, not more than were asked for.</summary>
    public IEnumerable<DataRow> Rows() => options.Limit is { } most ? DataFile.Rows(Place(file.Data), file.Rows).Take(most) : DataFile.Rows(Place(file.Data), file.Rows);

    /// <summary>All rows, whatever the limit.</summary>
    public IEnumerable<DataRow> AllRows() => DataFile.Rows(Place(file.Data), file.Rows);

    /// <summary>The solved examples that stand before each question, and what parts them from it.</summary>
    /// <param name="solve">The text of a solved example.</param>
    public string Shots(Func<DataRow, string> solve)
    {
        if (options.Shots == 0)
        {
            return "";
        }
        List<DataRow> all = [.. DataFile.Rows(Place(file.ShotsData ?? throw new ArgumentException($"the task {name} names no shots_data to draw solved examples from; leave --shots out")), file.Rows)];
        if (all.Count < options.Shots)
        {
            throw new ArgumentException($"the task {name} has {all.Count} solved examples; {options.Shots} were asked for");
        }
        // The first numbers of a shuffle that only the seed and the task decide.
        CounterRandom random = new CounterRandom((ulong)options.Seed).Named("shots of " + name);
        for (int i = 0; i < options.Shots; i++)
        {
            int j = i + random.Integer((ulong)i, all.Count - i);
            (all[i], all[j]) = (all[j], all[i]);
        }
        return string.Concat(all.Take(options.Shots).Select(row => solve(row) + file.Between));
    }

    /// <summary>A question as tokens; its beginning is left out where the model's sequences end too early.</summary>
    /// <param name="text">The question.</param>
    /// <param name="room">Tokens that must fit after it.</param>
    public int[] Ask(string text, int room)
    {
        int[] ids = tokenizer.Encode(Laid(text), addSpecialTokens: options.Template is null);
        if (ids.Length == 0)
        {
            ids = tokenizer.BosId is { } begin ? [begin] : tokenizer.EosId is { } end ? [end] : throw new BadFileException($"the task {name} has an empty question, which no token stands for.");
        }
        return Fit(ids, room);
    }

    /// <summary>The question as the model reads it.</summary>
    public string Laid(string text)
    {
        if (options.Template is not { } template)
        {
            return text;
        }
        JsonArray talk = [new JsonObject { ["role"] = "user", ["content"] = text }];
        using JsonDocument json = JsonDocument.Parse(talk.ToJsonString());
        return template.Render(new ChatRequest { Messages = json.RootElement, AddGenerationPrompt = true }).Text;
    }

    /// <summary>The last tokens that leave room.</summary>
    public int[] Fit(int[] ids, int room)
    {
        int most = Math.Max(1, model.Config.MaxPositions - room);
        if (ids.Length <= most)
        {
            return ids;
        }
        Note($"texts longer than the model's {model.Config.MaxPositions} positions lost their beginning");
        return ids[^most..];
    }

    /// <summary>A line for the results.</summary>
    public void Note(string line) => notes.Add(line);

    public void Report(int done, int total, long rows) => progress?.Invoke(new EvaluationProgress(name, done, total, rows));

    public void Answered(int adapter, int example, string prompt, string output, IReadOnlyList<string> expected) =>
        options.Answered?.Invoke(new EvaluationAnswer(name, adapters[adapter]?.Name, example, prompt, output, expected));

    public EvaluationResult Result(int adapter, IReadOnlyList<EvaluationMeasure> measures, int done, int total) =>
        new(name, adapters[adapter]?.Name, measures, done, total, [.. notes]);

    private string Place(string path)
    {
        if (Path.IsPathRooted(path))
        {
            return path;
        }
        string place = Path.Combine(folder ?? throw new ArgumentException($"the task {name} reads {path}: say where with --data-dir"), path);
        return Path.Exists(place) ? place : throw new BadFileException($"{place} is not there; the task {name} reads it. Is the data folder right?");
    }
}
