using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text.Templates;

/// <summary>What Transformers does around a template: the messages it is given, and the end of a text that is to be continued.</summary>
internal sealed class Conversation
{
    private const string Tag = "CONTINUE_FINAL_MESSAGE_TAG ";
    private static readonly string[] ReasoningFields = ["reasoning_content", "thinking", "reasoning"];

    private readonly ChatRequest request;
    private readonly List<Value> messages;
    private string? continued;

    private Conversation(ChatRequest request, List<Value> messages)
    {
        this.request = request;
        this.messages = messages;
    }

    public static Conversation Read(ChatRequest request, string template)
    {
        if (request.Messages.ValueKind != JsonValueKind.Array)
        {
            throw new TemplateException(TemplateErrorKind.Runtime, $"the messages are {SafeJson.Describe(request.Messages.ValueKind)}; expected an array of {{\"role\", \"content\"}}");
        }
        if (request.Messages.GetArrayLength() == 0)
        {
            throw new TemplateException(TemplateErrorKind.EmptyConversation, "Cannot apply chat template to an empty conversation. Provide at least one message.");
        }
        if (request.ContinueFinalMessage is not null && request.AddGenerationPrompt)
        {
            throw Cannot("continue_final_message and add_generation_prompt are not compatible. Use continue_final_message when you want the model to continue the final message, "
                + "and add_generation_prompt when you want to add a header that will prompt it to start a new assistant message instead.");
        }
        Conversation conversation = new(request, [.. request.Messages.EnumerateArray().Select(m => WithoutNulls(JsonValues.Read(m)))]);
        if (request.ContinueFinalMessage is { } field)
        {
            conversation.MarkEnd(field, template);
        }
        for (int i = 0; i < conversation.messages.Count; i++)
        {
            conversation.messages[i] = WithReasoning(conversation.messages[i]);
        }
        return conversation;
    }

    /// <summary>The template's variables, later ones over earlier ones.</summary>
    public IEnumerable<KeyValuePair<string, Value>> Variables(IEnumerable<KeyValuePair<string, Value>> tokens)
    {
        yield return new("messages", new ListValue(messages));
        yield return new("tools", Optional(request.Tools));
        yield return new("documents", Optional(request.Documents));
        yield return new("add_generation_prompt", BoolValue.Of(request.AddGenerationPrompt));
        foreach (KeyValuePair<string, Value> token in tokens)
        {
            yield return token;
        }
        foreach ((string name, JsonElement value) in request.Variables)
        {
            yield return new(name, JsonValues.Read(value));
        }
    }

    /// <summary>The text up to where the final message is continued.</summary>
    public string Cut(string text)
    {
        if (continued is null)
        {
            return text;
        }
        int at = text.LastIndexOf(Tag.TrimEnd(), StringComparison.Ordinal);
        if (at < 0 || !text.Contains(StringText.Strip(continued, null, true, true), StringComparison.Ordinal))
        {
            throw Cannot("continue_final_message is set but the final message does not appear in the chat after applying the chat template! This can happen if the chat template "
                + "deletes portions of the final message. Please verify the chat template and final message in your chat to ensure they are compatible.");
        }
        bool kept = string.CompareOrdinal(text, at, Tag, 0, Tag.Length) == 0;
        return kept ? text[..at] : StringText.Strip(text[..at], null, false, true);
    }

    private static Value Optional(JsonElement? element) => element is { } given ? JsonValues.Read(given) : NoneValue.None;

    private static TemplateException Cannot(string reason) => new(TemplateErrorKind.ContinueFinalMessage, reason);

    private static Value WithoutNulls(Value message)
    {
        if (message is not DictValue dict || !dict.Values.Any(v => v is NoneValue))
        {
            return message;
        }
        DictValue kept = new();
        foreach ((Value key, Value value) in dict.Entries)
        {
            if (value is not NoneValue)
            {
                kept.Set(key, value);
            }
        }
        return kept;
    }

    private static Value WithReasoning(Value message)
    {
        if (message is not DictValue dict || ReasoningFields.Select(dict.Get).FirstOrDefault(v => v is not null) is not { } reasoning)
        {
            return message;
        }
        DictValue with = new(dict);
        with.Set(new StringValue("reasoning_content"), reasoning);
        if (with.Get("thinking") is null)
        {
            with.Set(new StringValue("thinking"), reasoning);
        }
        return with;
    }

    // Appends the tag to the text that is to be continued.
    private void MarkEnd(string field, string template)
    {
        bool reasoning = ReasoningFields.Contains(field);
        if (!(reasoning ? ReasoningFields : [field]).Any(name => template.Contains(name, StringComparison.Ordinal)))
        {
            throw Cannot($"continue_final_message is set to \"{field}\" but this is not an accepted field in the chat_template");
        }
        if (messages[^1] is not DictValue last || last.Get(field) is not { } value)
        {
            throw Cannot($"continue_final_message is set but the final message has no \"{field}\" to continue!");
        }
        DictValue marked = new(last);
        marked.Set(new StringValue(field), Marked(value));
        messages[^1] = marked;
    }

    private Value Marked(Value value)
    {
        if (value is StringValue text)
        {
            continued = text.Text;
            return new StringValue(text.Text + Tag);
        }
        if (value is ListValue parts)
        {
            for (int i = parts.Items.Count - 1; i >= 0; i--)
            {
                if (parts.Items[i] is DictValue part && part.Get("text") is StringValue last)
                {
                    continued = last.Text;
                    DictValue marked = new(part);
                    marked.Set(new StringValue("text"), new StringValue(last.Text + Tag));
                    return new ListValue([.. parts.Items.Take(i), marked, .. parts.Items.Skip(i + 1)]);
                }
            }
        }
        throw Cannot("continue_final_message is set but we could not find any text to continue in the final message!");
    }
}
