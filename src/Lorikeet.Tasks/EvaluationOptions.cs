using Lorikeet.Models.Text;

namespace Lorikeet.Tasks;

/// <summary>How tasks are run.</summary>
public sealed record EvaluationOptions
{
    /// <summary>The folder that built-in tasks' data lies in; for a task's own file, null means the file's folder.</summary>
    public string? DataFolder { get; init; }

    /// <summary>The most examples of a task, the first ones; null: all.</summary>
    public int? Limit { get; init; }

    /// <summary>Solved examples before each question; 0 unless set. Drawn from the task's <c>shots_data</c>, the same for all questions.</summary>
    public int Shots { get; init; }

    /// <summary>Decides which solved examples are drawn; 1 unless set.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Lays questions out as what a user says; null: plain text.</summary>
    public ChatTemplate? Template { get; init; }

    /// <summary>The most tokens of a forward pass over texts that are scored; 2048 unless set.</summary>
    public int BatchTokens { get; init; } = 2048;

    /// <summary>The most answers that are generated at once; 64 unless set.</summary>
    public int BatchAnswers { get; init; } = 64;

    /// <summary>The most tokens in a window of text whose likelihood is measured; 256 unless set.</summary>
    public int Context { get; init; } = 256;

    /// <summary>Code activations at quantised weights to 8 bits where texts are scored, as generating does; false: float32.</summary>
    public bool CodedActivations { get; init; }

    /// <summary>Told of every answer, in the order of examples and then of adapters; null: nobody.</summary>
    public Action<EvaluationAnswer>? Answered { get; init; }
}

/// <summary>How far a task is.</summary>
/// <param name="Task">Its name.</param>
/// <param name="Done">Examples that all adapters have answered.</param>
/// <param name="Total">Examples in all.</param>
/// <param name="Rows">Rows (tokens) that went through the model so far.</param>
public readonly record struct EvaluationProgress(string Task, int Done, int Total, long Rows);

/// <summary>What one adapter answered to one example.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Adapter">The adapter's name; null: the bare model.</param>
/// <param name="Example">The example's number, from 0.</param>
/// <param name="Prompt">What it was asked.</param>
/// <param name="Output">What it answered, or the choice or class it took.</param>
/// <param name="Expected">What would have been right: one answer or several.</param>
public sealed record EvaluationAnswer(string Task, string? Adapter, int Example, string Prompt, string Output, IReadOnlyList<string> Expected);
