using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Training;

namespace Lorikeet.Tasks;

/// <summary>What a task's file says.</summary>
internal sealed record TaskFile
{
    private static readonly string[] Known =
    [
        "about", "kind", "data", "shots_data", "columns", "separator", "prompt", "answer", "text", "label", "labels", "choices", "choices_field", "correct", "group",
        "stop", "max_tokens", "metrics", "between",
    ];

    public string About { get; private init; } = "";

    public required string Kind { get; init; }

    public required string Data { get; init; }

    public string? ShotsData { get; private init; }

    public required DataOptions Rows { get; init; }

    public RowTemplate? Prompt { get; private init; }

    public RowTemplate? Answer { get; private init; }

    public RowTemplate? Text { get; private init; }

    public RowTemplate? Label { get; private init; }

    /// <summary>Classes and the words that stand for them.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Labels { get; private init; } = [];

    public IReadOnlyList<RowTemplate> Choices { get; private init; } = [];

    public string? ChoicesField { get; private init; }

    public RowTemplate? Correct { get; private init; }

    /// <summary>Rows with one prompt are one example with several answers.</summary>
    public bool Group { get; private init; }

    public IReadOnlyList<string> Stop { get; private init; } = [];

    public int MaxTokens { get; private init; } = 128;

    public IReadOnlyList<Metric> Metrics { get; private init; } = [];

    /// <summary>What stands between two solved examples.</summary>
    public string Between { get; private init; } = "\n\n";

    /// <summary>Reads a task's file.</summary>
    /// <param name="root">Its object.</param>
    /// <param name="path">What to call it in messages.</param>
    public static TaskFile Read(JsonElement root, string path)
    {
        TaskFields fields = new(root, path);
        fields.Refuse(Known);
        string kind = fields.Need("kind");
        TaskFile file = new()
        {
            About = fields.Text("about") ?? "",
            Kind = TaskKinds.All.ContainsKey(kind) ? kind : throw new NotSupportedException($"{path}: there is no kind of tasks '{kind}'; there are {string.Join(", ", TaskKinds.All.Keys)}"),
            Data = fields.Need("data"),
            ShotsData = fields.Text("shots_data"),
            Rows = new DataOptions { Columns = fields.Texts("columns"), Separator = fields.Text("separator") },
            Prompt = fields.Template("prompt"),
            Answer = fields.Template("answer"),
            Text = fields.Template("text"),
            Label = fields.Template("label"),
            Labels = fields.Pairs("labels"),
            Choices = [.. (fields.Texts("choices") ?? []).Select(c => fields.Template("choices", c))],
            ChoicesField = fields.Text("choices_field"),
            Correct = fields.Template("correct"),
            Group = fields.Flag("group"),
            Stop = fields.Texts("stop") ?? [],
            MaxTokens = fields.Number("max_tokens", 128, 1, 1 << 20),
            Metrics = [.. (fields.Texts("metrics") ?? []).Select(Training.Metrics.Get)],
            Between = fields.Text("between") ?? "\n\n",
        };
        file.Check(fields);
        return file;
    }

    private void Check(TaskFields fields)
    {
        switch (Kind)
        {
            case "loss":
                fields.Require(Text is not null || (Prompt is not null && Answer is not null), "text, or prompt and answer");
                break;
            case "choose":
                fields.Require(Prompt is not null && Correct is not null, "prompt and correct");
                fields.Require(Choices.Count > 1 != (ChoicesField is not null), "choices, at least two, or choices_field");
                break;
            case "classify":
                fields.Require(Text is not null && Label is not null, "text and label");
                fields.Require(Labels.Count == 0 || Prompt is not null, "prompt beside labels: the words follow it");
                break;
            default:
                fields.Require(Prompt is not null && Answer is not null, "prompt and answer");
                fields.Require(Metrics.Count > 0, "metrics, at least one");
                fields.Require(!Stop.Contains(""), "stop texts of at least one character");
                break;
        }
    }
}
