using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Models.Text.Templates;

namespace Lorikeet.Training;

/// <summary>Conversations as text, by the model's own chat template; what assistants say is learnt, with the mark that ends their turn.</summary>
/// <remarks>
/// A template that marks answers itself (generation blocks) is believed. Else the text before an answer is what the template makes of the messages before it with
/// its generation prompt, as when the model answers; where a template lays earlier turns out anew (leaving out what was thought), answers are found by their content.
/// </remarks>
internal sealed class ConversationLayout(ChatTemplate? template)
{
    /// <summary>The parts of a conversation.</summary>
    /// <param name="messages">The messages.</param>
    /// <param name="tools">The tools, or null.</param>
    /// <param name="where">File and line.</param>
    /// <param name="complete">Whether special tokens are part of the text.</param>
    public IReadOnlyList<TextPart> Lay(JsonElement messages, JsonElement? tools, string where, out bool complete)
    {
        List<(string Role, string Content)> turns = Turns(messages, where);
        complete = template is not null;
        if (template is null)
        {
            return ChatLayout.Lay(turns);
        }
        try
        {
            ChatRequest request = new() { Messages = messages, Tools = tools };
            RenderedChat whole = template.Render(request);
            List<(int Start, int End)> answers = template.MarksAssistant ? Units(whole) : Find(request, turns, whole.Text, where);
            return Cut(whole.Text, answers, where);
        }
        catch (TemplateException e)
        {
            throw new BadFileException($"{where}: {e.Message}", e);
        }
    }

    private List<(int Start, int End)> Find(ChatRequest request, List<(string Role, string Content)> turns, string whole, string where)
    {
        List<(int Start, int End)> answers = [];
        int searched = 0;
        for (int i = 0; i < turns.Count; i++)
        {
            if (turns[i].Role != "assistant")
            {
                continue;
            }
            (int start, int end) = i > 0 ? ByPrompt(request, i, whole) : (-1, -1);
            if (start < searched)
            {
                (start, end) = ByContent(turns[i].Content, whole, searched);
            }
            if (start < 0)
            {
                throw new BadFileException($"{where}: the chat template leaves out or changes what message {i + 1} says, so what should be learnt is not known.");
            }
            answers.Add((start, end));
            searched = end;
        }
        return answers;
    }

    /// <summary>From the end of the prompt that asks for the message to the end of the text with it; -1: the template does not lay them out one after the other.</summary>
    private (int Start, int End) ByPrompt(ChatRequest request, int message, string whole)
    {
        string before = template!.Render(request with { Messages = First(request.Messages, message), AddGenerationPrompt = true }).Text;
        string with = message + 1 == request.Messages.GetArrayLength() ? whole : template.Render(request with { Messages = First(request.Messages, message + 1) }).Text;
        return with.StartsWith(before, StringComparison.Ordinal) && whole.StartsWith(with, StringComparison.Ordinal) && with.Length > before.Length
            ? (before.Length, with.Length)
            : (-1, -1);
    }

    /// <summary>Where the content stands, with the mark in angle brackets that follows it.</summary>
    private static (int Start, int End) ByContent(string content, string whole, int from)
    {
        string wanted = content.Trim();
        int start = wanted.Length > 0 ? whole.IndexOf(wanted, from, StringComparison.Ordinal) : -1;
        if (start < 0)
        {
            return (-1, -1);
        }
        int end = start + wanted.Length;
        if (end < whole.Length && whole[end] == '<' && whole.IndexOf('>', end) is var close and > 0 && close - end < 40)
        {
            end = close + 1;
        }
        return (start, end);
    }

    private static List<TextPart> Cut(string text, List<(int Start, int End)> answers, string where)
    {
        List<TextPart> parts = [];
        int at = 0;
        foreach ((int start, int end) in answers)
        {
            if (start > at)
            {
                parts.Add(new TextPart(text[at..start], false));
            }
            if (end > start)
            {
                parts.Add(new TextPart(text[start..end], true));
            }
            at = end;
        }
        if (at < text.Length)
        {
            parts.Add(new TextPart(text[at..], false));
        }
        return parts.Exists(p => p.Learn) ? parts : throw new BadFileException($"{where}: the chat template marks nothing that an assistant says; there is nothing to learn.");
    }

    /// <summary>Spans of code points as spans of characters.</summary>
    private static List<(int Start, int End)> Units(RenderedChat chat)
    {
        List<(int Start, int End)> spans = [];
        int unit = 0, point = 0;
        foreach ((int start, int end) in chat.AssistantSpans)
        {
            int from = Go(start);
            spans.Add((from, Go(end)));
        }
        return spans;

        int Go(int to)
        {
            for (; point < to; point++)
            {
                unit += char.IsSurrogatePair(chat.Text, unit) ? 2 : 1;
            }
            return unit;
        }
    }

    private static JsonElement First(JsonElement messages, int count)
    {
        using JsonDocument first = JsonDocument.Parse($"[{string.Join(",", messages.EnumerateArray().Take(count).Select(m => m.GetRawText()))}]");
        return first.RootElement.Clone();
    }

    /// <summary>Roles and contents; contents that are no text (tool calls, parts) are empty here, and the template's matter.</summary>
    private List<(string Role, string Content)> Turns(JsonElement messages, string where)
    {
        if (messages.ValueKind != JsonValueKind.Array || messages.GetArrayLength() == 0)
        {
            throw new BadFileException($"{where}: messages is {SafeJson.Describe(messages.ValueKind)}; expected a list of at least one {{\"role\", \"content\"}}.");
        }
        List<(string Role, string Content)> turns = [];
        foreach (JsonElement message in messages.EnumerateArray())
        {
            if (message.ValueKind != JsonValueKind.Object)
            {
                throw new BadFileException($"{where}: a message is {SafeJson.Describe(message.ValueKind)}; expected an object with role and content.");
            }
            DataRow own = new(where, message);
            string role = own.String("role");
            if (template is null && !ChatLayout.Roles.Contains(role))
            {
                throw new BadFileException($"{where}: the role {role} is not known; expected one of {string.Join(", ", ChatLayout.Roles)}.");
            }
            bool text = message.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.String;
            turns.Add((role, template is null || text ? own.String("content") : ""));
        }
        return turns.Exists(t => t.Role == "assistant")
            ? turns
            : throw new BadFileException($"{where}: no message is an assistant's; there is nothing to learn.");
    }
}
