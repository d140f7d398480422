using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Server;

/// <summary>Checks the messages of a conversation and writes them as templates want them: texts as strings, arguments of calls as objects.</summary>
internal static class ChatMessages
{
    private static readonly string[] Roles = ["developer", "system", "user", "assistant", "tool", "function"];

    /// <summary>Reads the messages.</summary>
    /// <param name="body">The request.</param>
    /// <param name="limits">Budgets.</param>
    /// <param name="knowsDeveloper">Whether the template has the role developer; else it is system.</param>
    public static JsonElement Read(in Fields body, ServerLimits limits, bool knowsDeveloper)
    {
        JsonElement array = body.Array("messages") ?? throw body.Absent("messages", "an array of at least one message");
        int count = array.GetArrayLength();
        if (count == 0)
        {
            throw ApiException.Value("messages", "messages is empty; expected at least one message");
        }
        if (count > limits.Messages)
        {
            throw ApiException.Limit("messages", count, limits.Messages, "the conversation has too many messages");
        }
        return JsonText.Element(json =>
        {
            json.WriteStartArray();
            int index = 0;
            foreach (JsonElement item in array.EnumerateArray())
            {
                Write(json, Fields.Of(item, $"messages[{index++}]"), knowsDeveloper);
            }
            json.WriteEndArray();
        });
    }

    private static void Write(Utf8JsonWriter json, Fields message, bool knowsDeveloper)
    {
        string role = message.RequiredText("role");
        if (!Roles.Contains(role))
        {
            throw ApiException.Value(message.Place("role"), $"the role is '{(role.Length <= 40 ? role : role[..40])}'; expected {string.Join(", ", Roles)}");
        }
        json.WriteStartObject();
        json.WriteString("role", role == "developer" && !knowsDeveloper ? "system" : role);
        bool calls = role == "assistant" && (message.Has("tool_calls") || message.Has("function_call"));
        string? content = Content(message, role);
        if (content is null && !calls)
        {
            throw message.Absent("content", "a string or an array of parts");
        }
        json.WriteString("content", content ?? "");
        foreach (string name in (string[])["name", "reasoning_content", "reasoning"])
        {
            if (message.Text(name) is { } text)
            {
                json.WriteString(name, text);
            }
        }
        if (role == "tool")
        {
            json.WriteString("tool_call_id", message.RequiredText("tool_call_id"));
        }
        if (calls)
        {
            WriteCalls(json, message);
        }
        json.WriteEndObject();
    }

    private static string? Content(Fields message, string role)
    {
        if (!message.TryGet("content", out JsonElement content))
        {
            return null;
        }
        if (content.ValueKind == JsonValueKind.String)
        {
            return content.GetString();
        }
        if (content.ValueKind != JsonValueKind.Array)
        {
            throw Fields.Wrong(message.Place("content"), content, "a string or an array of parts");
        }
        List<string> texts = [];
        foreach (JsonElement item in content.EnumerateArray())
        {
            string place = $"{message.Place("content")}[{texts.Count}]";
            Fields part = Fields.Of(item, place);
            string type = part.RequiredText("type");
            texts.Add(type switch
            {
                "text" => part.RequiredText("text"),
                "refusal" when role == "assistant" => part.RequiredText("refusal"),
                _ => throw ApiException.Unsupported($"{place}.type", $"parts of the type '{(type.Length <= 40 ? type : type[..40])}' are not offered by this model; expected text"),
            });
        }
        return string.Join('\n', texts);
    }

    private static void WriteCalls(Utf8JsonWriter json, Fields message)
    {
        json.WriteStartArray("tool_calls");
        if (message.Object("function_call") is { } old)
        {
            WriteCall(json, old, null);
        }
        int index = 0;
        foreach (JsonElement item in message.Array("tool_calls")?.EnumerateArray() ?? default)
        {
            Fields call = Fields.Of(item, $"{message.Place("tool_calls")}[{index++}]");
            if (call.Text("type") is { } type && type != "function")
            {
                throw ApiException.Unsupported(call.Place("type"), "calls other than of functions are not offered");
            }
            WriteCall(json, call.Object("function") ?? throw call.Absent("function", "an object with name and arguments"), call.Text("id"));
        }
        json.WriteEndArray();
    }

    private static void WriteCall(Utf8JsonWriter json, Fields function, string? id)
    {
        json.WriteStartObject();
        if (id is not null)
        {
            json.WriteString("id", id);
        }
        json.WriteString("type", "function");
        json.WriteStartObject("function");
        json.WriteString("name", function.RequiredText("name"));
        json.WritePropertyName("arguments");
        string arguments = function.RequiredText("arguments");
        try
        {
            using JsonDocument parsed = SafeJson.Parse(System.Text.Encoding.UTF8.GetBytes(arguments.Length == 0 ? "{}" : arguments), "the arguments");
            parsed.RootElement.WriteTo(json);
        }
        catch (BadFileException e)
        {
            throw ApiException.Value(function.Place("arguments"), e.Message);
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
