using System.Text;
using System.Text.Json;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>One choice as it comes: its text, tokens, scores, and why it ended.</summary>
internal sealed class ChoiceState(int index, CallReader reader)
{
    private readonly List<ScoredToken> pending = [];
    private readonly List<int> pendingIds = [];
    private readonly List<AnswerPart> parts = [];

    public int Index => index;

    public CallReader Reader => reader;

    /// <summary>The text outside calls.</summary>
    public StringBuilder Text { get; } = new();

    /// <summary>The calls: id, name, arguments.</summary>
    public List<(string Id, string Name, StringBuilder Arguments)> Calls { get; } = [];

    public List<ScoredToken> Scores { get; } = [];

    public List<int> Ids { get; } = [];

    public FinishReason Finish { get; private set; }

    public string? StopText { get; private set; }

    /// <summary>The token of the request's stop_token_ids that ended it, or null.</summary>
    public int? StopToken { get; private set; }

    public bool Opened { get; set; }

    public bool IsEnded => Finish != FinishReason.None;

    /// <summary>Takes an event.</summary>
    /// <param name="next">The event.</param>
    /// <param name="scored">Whether scores are kept.</param>
    /// <param name="stopIds">The request's own stop tokens.</param>
    /// <returns>What clients see of it: parts, and the scores and ids of the tokens that they hold.</returns>
    public Piece Take(in GenerationEvent next, bool scored, IReadOnlyList<int> stopIds)
    {
        if (next.Token >= 0)
        {
            Ids.Add(next.Token);
            pendingIds.Add(next.Token);
            if (scored)
            {
                ScoredToken token = new(next.Token, next.LogProbability, next.Top ?? []);
                Scores.Add(token);
                pending.Add(token);
            }
        }
        parts.Clear();
        reader.Push(next.Text, parts);
        if (next.Finish != FinishReason.None)
        {
            Finish = next.Finish;
            StopText = next.StopText;
            StopToken = next.Finish == FinishReason.Stop && next.StopText is null && next.Token >= 0 && stopIds.Contains(next.Token) ? next.Token : null;
            reader.Close(parts);
        }
        foreach (AnswerPart part in parts)
        {
            if (part.Call < 0)
            {
                Text.Append(part.Text);
            }
            else if (part.Name is not null)
            {
                Calls.Add((part.Id!, part.Name, new StringBuilder()));
            }
            else
            {
                Calls[part.Call].Arguments.Append(part.Text);
            }
        }
        if (parts.Count == 0 && !IsEnded)
        {
            // A token without text of its own rides with the next.
            return new Piece([], [], []);
        }
        Piece piece = new([.. parts], [.. pending], [.. pendingIds]);
        pending.Clear();
        pendingIds.Clear();
        return piece;
    }

    /// <summary>Why it ended, in OpenAI's words.</summary>
    /// <param name="plan">The request's tools.</param>
    /// <param name="namedFinish">What a named call ends with.</param>
    public string? Reason(ToolPlan plan, string namedFinish) => Finish switch
    {
        FinishReason.None => null,
        FinishReason.Length => "length",
        _ when Calls.Count == 0 => "stop",
        _ when plan.OldForm => "function_call",
        _ => plan.Mode == ToolMode.Named ? namedFinish : "tool_calls",
    };

    /// <summary>Writes vLLM's <c>stop_reason</c>: the text or the token that ended it, or null.</summary>
    public void WriteStop(Utf8JsonWriter json)
    {
        if (StopToken is { } token)
        {
            json.WriteNumber("stop_reason", token);
        }
        else
        {
            json.WriteString("stop_reason", StopText);
        }
    }

    /// <summary>A piece of the answer.</summary>
    internal readonly record struct Piece(IReadOnlyList<AnswerPart> Parts, IReadOnlyList<ScoredToken> Scores, IReadOnlyList<int> Ids);
}

/// <summary>A token with its score and the likeliest at its place.</summary>
internal readonly record struct ScoredToken(int Token, float LogProbability, IReadOnlyList<TokenScore> Top);
