using System.Diagnostics;
using System.Text.Json;

namespace Lorikeet.Cli.Bench;

/// <summary>Reads the events of a streamed answer and when they came.</summary>
internal sealed class AnswerReader
{
    private readonly List<double> gaps = [];
    private readonly AnswerText? whole;
    private double first = double.NaN, last = double.NaN;
    private int pieces;
    private int? input, output;

    /// <summary>A reader.</summary>
    /// <param name="whole">Takes all that the answer says; null: only when it says it is noted.</param>
    public AnswerReader(AnswerText? whole = null) => this.whole = whole;

    /// <summary>Reads to the end; what went wrong, or null.</summary>
    public async Task<string?> ReadAsync(Stream stream, Stopwatch clock, CancellationToken stop)
    {
        using StreamReader lines = new(stream);
        while (await lines.ReadLineAsync(stop) is { } line)
        {
            if (!line.StartsWith("data:", StringComparison.Ordinal))
            {
                continue;
            }
            string data = line["data:".Length..].Trim();
            if (data == "[DONE]")
            {
                return pieces > 0 || output > 0 ? null : "no tokens";
            }
            using JsonDocument json = JsonDocument.Parse(data);
            if (Take(json.RootElement, clock.Elapsed.TotalSeconds) is { } error)
            {
                return error;
            }
        }
        return "cut off";
    }

    /// <summary>What was seen.</summary>
    public RequestOutcome Outcome(PlannedRequest request, double end) => new()
    {
        Request = request,
        First = first,
        Last = last,
        End = end,
        InputTokens = input ?? 0,
        OutputTokens = output ?? pieces,
        Gaps = gaps,
    };

    /// <summary>The code, else the type, of an error object; empty: there is none.</summary>
    public static string Kind(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("error", out JsonElement error) || error.ValueKind != JsonValueKind.Object)
        {
            return "";
        }
        foreach (string name in (string[])["code", "type"])
        {
            if (error.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String)
            {
                return value.GetString()!;
            }
        }
        return "";
    }

    private string? Take(JsonElement root, double now)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            return "no JSON";
        }
        if (root.TryGetProperty("error", out _))
        {
            return $"stream: {Kind(root)}";
        }
        if (root.TryGetProperty("usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.Object)
        {
            input = Number(usage, "prompt_tokens") ?? input;
            output = Number(usage, "completion_tokens") ?? output;
        }
        if (!root.TryGetProperty("choices", out JsonElement choices) || choices.ValueKind != JsonValueKind.Array)
        {
            return null;
        }
        if (whole is not null && choices.GetArrayLength() > 0 && choices[0].ValueKind == JsonValueKind.Object)
        {
            whole.Add(choices[0]);
        }
        if (choices.EnumerateArray().Any(HasText))
        {
            if (pieces++ == 0)
            {
                first = now;
            }
            else
            {
                gaps.Add(now - last);
            }
            last = now;
        }
        return null;
    }

    // An answer may begin with a role, and end with a reason, that are no tokens. What is only an end counts where nothing came before.
    private bool HasText(JsonElement choice) =>
        choice.ValueKind == JsonValueKind.Object
        && (Text(choice, "text")
        || (choice.TryGetProperty("delta", out JsonElement delta) && delta.ValueKind == JsonValueKind.Object && (Text(delta, "content") || Text(delta, "reasoning_content") || delta.TryGetProperty("tool_calls", out _)))
        || (pieces == 0 && Text(choice, "finish_reason")));

    private static bool Text(JsonElement at, string name) => at.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String && value.GetString()!.Length > 0;

    private static int? Number(JsonElement at, string name) => at.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number : null;
}
