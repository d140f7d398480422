using System.Text;
using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>Turns an answer's text into text and calls as it comes.</summary>
internal abstract class CallReader
{
    /// <summary>How many calls there were.</summary>
    public int Calls { get; private set; }

    /// <summary>The reader of a plan's answers.</summary>
    public static CallReader Of(ToolPlan plan) => plan.Mode switch
    {
        ToolMode.Named => new Named(plan.Tools[0].Name),
        ToolMode.Required => new Listed(),
        ToolMode.Auto => new Free(plan),
        _ => new Plain(),
    };

    /// <summary>Takes text; what became certain goes to the list.</summary>
    public abstract void Push(string text, List<AnswerPart> to);

    /// <summary>Ends the answer.</summary>
    public virtual void Close(List<AnswerPart> to)
    {
        // Most hold nothing back.
    }

    private int Begin(string name, List<AnswerPart> to)
    {
        to.Add(AnswerPart.Start(Calls, name));
        return Calls++;
    }

    private sealed class Plain : CallReader
    {
        public override void Push(string text, List<AnswerPart> to)
        {
            if (text.Length > 0)
            {
                to.Add(AnswerPart.Content(text));
            }
        }
    }

    // The whole text is the arguments.
    private sealed class Named(string name) : CallReader
    {
        public override void Push(string text, List<AnswerPart> to)
        {
            if (Calls == 0)
            {
                Begin(name, to);
            }
            if (text.Length > 0)
            {
                to.Add(AnswerPart.Arguments(0, text));
            }
        }

        public override void Close(List<AnswerPart> to)
        {
            if (Calls == 0)
            {
                Begin(name, to);
            }
        }
    }

    // [{"name": "f", "parameters": {...}}, ...], as the constraint writes it.
    private sealed class Listed : CallReader
    {
        private const string Head = "{\"name\": \"", Middle = "\", \"parameters\": ";
        private readonly StringBuilder held = new();
        private bool inside;
        private int depth;
        private bool quoted;
        private bool escaped;

        public override void Push(string text, List<AnswerPart> to)
        {
            held.Append(text);
            while (Advance(to))
            {
                continue;
            }
        }

        private bool Advance(List<AnswerPart> to)
        {
            string text = held.ToString();
            if (inside)
            {
                int end = End(text, out bool complete);
                if (end > 0)
                {
                    to.Add(AnswerPart.Arguments(Calls - 1, text[..end]));
                    held.Remove(0, end);
                }
                inside = !complete;
                return complete;
            }
            int head = text.IndexOf(Head, StringComparison.Ordinal);
            int middle = head < 0 ? -1 : text.IndexOf(Middle, head + Head.Length, StringComparison.Ordinal);
            if (middle < 0)
            {
                return false;
            }
            Begin(text[(head + Head.Length)..middle], to);
            held.Remove(0, middle + Middle.Length);
            (inside, depth, quoted, escaped) = (true, 0, false, false);
            return true;
        }

        private int End(string text, out bool complete)
        {
            for (int i = 0; i < text.Length; i++)
            {
                char c = text[i];
                if (quoted)
                {
                    quoted = escaped || c != '"';
                    escaped = !escaped && c == '\\';
                    continue;
                }
                quoted = c == '"';
                depth += c is '{' or '[' ? 1 : c is '}' or ']' ? -1 : 0;
                if (depth == 0 && c is '}' or ']')
                {
                    complete = true;
                    return i + 1;
                }
            }
            complete = false;
            return text.Length;
        }
    }

    // Calls between tags anywhere, or an answer that is nothing but calls in JSON. What does not parse stays text.
    private sealed class Free(ToolPlan plan) : CallReader
    {
        private readonly StringBuilder held = new();
        private bool began;
        private bool whole;

        public override void Push(string text, List<AnswerPart> to)
        {
            held.Append(text);
            if (!began)
            {
                int first = 0;
                while (first < held.Length && char.IsWhiteSpace(held[first]))
                {
                    first++;
                }
                if (first == held.Length)
                {
                    return;
                }
                began = true;
                whole = held[first] is '{' or '[';
            }
            if (!whole)
            {
                Tagged(to);
            }
        }

        public override void Close(List<AnswerPart> to)
        {
            string text = held.ToString();
            held.Clear();
            string trimmed = text.Trim();
            const string Mistral = "[TOOL_CALLS]";
            if (trimmed.StartsWith(Mistral, StringComparison.Ordinal))
            {
                trimmed = trimmed[Mistral.Length..].Trim();
            }
            if (whole && Parse(trimmed) is { Count: > 0 } calls)
            {
                Emit(calls, to);
            }
            else if (text.StartsWith(ToolConstraint.Open, StringComparison.Ordinal) && Parse(text[ToolConstraint.Open.Length..].Trim()) is { Count: > 0 } last)
            {
                // The closing tag may be the token that ended the answer.
                Emit(last, to);
            }
            else if (text.Length > 0 && (Calls == 0 || trimmed.Length > 0))
            {
                to.Add(AnswerPart.Content(text));
            }
        }

        private void Tagged(List<AnswerPart> to)
        {
            while (true)
            {
                string text = held.ToString();
                int open = text.IndexOf(ToolConstraint.Open, StringComparison.Ordinal);
                if (open < 0)
                {
                    int keep = Overlap(text, ToolConstraint.Open);
                    // White space after a call says nothing yet: another call may follow.
                    if (Calls > 0 && string.IsNullOrWhiteSpace(text[..^keep]))
                    {
                        return;
                    }
                    Content(text[..^keep], to);
                    held.Remove(0, text.Length - keep);
                    return;
                }
                if (open > 0)
                {
                    if (!string.IsNullOrWhiteSpace(text[..open]))
                    {
                        Content(text[..open], to);
                    }
                    held.Remove(0, open);
                    continue;
                }
                int close = text.IndexOf(ToolConstraint.Close, StringComparison.Ordinal);
                if (close < 0)
                {
                    return;
                }
                string inner = text[ToolConstraint.Open.Length..close].Trim();
                if (Parse(inner) is { Count: > 0 } calls)
                {
                    Emit(calls, to);
                }
                else
                {
                    Content(text[..(close + ToolConstraint.Close.Length)], to);
                }
                held.Remove(0, close + ToolConstraint.Close.Length);
            }
        }

        private void Emit(List<(string Name, string Arguments)> calls, List<AnswerPart> to)
        {
            foreach ((string name, string arguments) in calls)
            {
                if (Calls > 0 && !plan.Parallel)
                {
                    return;
                }
                int call = Begin(name, to);
                to.Add(AnswerPart.Arguments(call, arguments));
            }
        }

        private static void Content(string text, List<AnswerPart> to)
        {
            if (text.Length > 0)
            {
                to.Add(AnswerPart.Content(text));
            }
        }

        private List<(string Name, string Arguments)>? Parse(string text)
        {
            List<(string, string)> calls = [];
            JsonDocument document;
            try
            {
                document = JsonDocument.Parse(text);
            }
            catch (JsonException)
            {
                // No JSON is no call.
                return null;
            }
            using (document)
            {
                foreach (JsonElement item in document.RootElement.ValueKind == JsonValueKind.Array ? [.. document.RootElement.EnumerateArray()] : new[] { document.RootElement })
                {
                    if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("name", out JsonElement name) || name.ValueKind != JsonValueKind.String
                        || !plan.Tools.Any(t => t.Name == name.GetString()))
                    {
                        return null;
                    }
                    bool has = item.TryGetProperty("arguments", out JsonElement arguments) || item.TryGetProperty("parameters", out arguments);
                    if (has && arguments.ValueKind is not (JsonValueKind.Object or JsonValueKind.String))
                    {
                        return null;
                    }
                    calls.Add((name.GetString()!, !has ? "{}" : arguments.ValueKind == JsonValueKind.String ? arguments.GetString()! : arguments.GetRawText()));
                }
            }
            return calls;
        }

        // How much of the text's end may be the tag's beginning.
        private static int Overlap(string text, string tag)
        {
            for (int length = Math.Min(text.Length, tag.Length - 1); length > 0; length--)
            {
                if (text.EndsWith(tag[..length], StringComparison.Ordinal))
                {
                    return length;
                }
            }
            return 0;
        }
    }
}
