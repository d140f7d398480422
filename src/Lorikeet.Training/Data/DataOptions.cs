namespace Lorikeet.Training;

/// <summary>What rows of data are for.</summary>
public enum DataTask
{
    /// <summary>Text that is foretold: whole texts, completions of prompts, answers of conversations.</summary>
    Text,

    /// <summary>Texts with a class.</summary>
    Classify,

    /// <summary>Prompts with a chosen and a rejected answer.</summary>
    Prefer,
}

/// <summary>Which parts of a row stand for what; part of a run's settings.</summary>
public sealed record DataOptions
{
    /// <summary>What the rows are for.</summary>
    public DataTask Task { get; init; }

    /// <summary>What stands between two documents of a plain text; null: a file is one document.</summary>
    public string? Separator { get; init; }

    /// <summary>The names of the columns of a .csv or .tsv file without a first row of names; null: it has one.</summary>
    public IReadOnlyList<string>? Columns { get; init; }

    /// <summary>The field of the prompt; null: <c>prompt</c>.</summary>
    public string? PromptField { get; init; }

    /// <summary>The field of the completion, which is learnt; null: <c>completion</c>, or the last field of <see cref="Template"/>.</summary>
    public string? CompletionField { get; init; }

    /// <summary>The field of a text that is foretold from its beginning, or classified; null: <c>text</c>.</summary>
    public string? TextField { get; init; }

    /// <summary>The field of a class; null: <c>label</c>.</summary>
    public string? LabelField { get; init; }

    /// <summary>Text with fields in braces, <c>"{question}\n{answer}"</c>: what comes before the completion's field is read, the rest learnt. Null: none.</summary>
    public string? Template { get; init; }

    /// <summary>Refuses settings that contradict each other.</summary>
    /// <exception cref="ArgumentException">Two settings do not go together, or a template is not well formed.</exception>
    public void Check()
    {
        if (Template is not null && (PromptField is not null || TextField is not null))
        {
            throw new ArgumentException("a template says itself where fields stand: leave --prompt-field and --text-field out");
        }
        if (TextField is not null && (PromptField is not null || CompletionField is not null))
        {
            throw new ArgumentException("--text-field is for whole texts, --prompt-field and --completion-field for pairs: give one or the other");
        }
        if (Columns is { } names && (names.Count == 0 || names.Distinct(StringComparer.Ordinal).Count() != names.Count))
        {
            throw new ArgumentException("--columns must be different names, at least one");
        }
        if (Template is { } template)
        {
            _ = new RowTemplate(template);
        }
    }
}
