using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>Rewrites <c>instructions</c> and <c>input</c> into messages: calls join the assistant's message before them, their answers are messages of tools.</summary>
internal sealed class ResponseInput
{
    private readonly List<string> places = [];
    private bool inAssistant;
    private bool inCalls;

    /// <summary>Where a message comes from.</summary>
    public string Place(int message) => message < places.Count ? places[message] : "input";

    /// <summary>Writes the member <c>messages</c>.</summary>
    public void Write(Utf8JsonWriter json, Fields body)
    {
        if (!body.TryGet("input", out JsonElement input))
        {
            throw body.Absent("input", "a string or an array of items");
        }
        json.WriteStartArray("messages");
        if (body.Text("instructions") is { } instructions)
        {
            WriteText(json, "system", instructions, "instructions");
        }
        switch (input.ValueKind)
        {
            case JsonValueKind.String when input.GetString()!.Length > 0:
                WriteText(json, "user", input.GetString()!, "input");
                break;
            case JsonValueKind.Array when input.GetArrayLength() > 0:
                int index = 0;
                foreach (JsonElement item in input.EnumerateArray())
                {
                    WriteItem(json, Fields.Of(item, $"input[{index++}]"));
                }
                End(json);
                break;
            case JsonValueKind.String or JsonValueKind.Array:
                throw ApiException.Value("input", "input is empty; expected a text or at least one item");
            default:
                throw Fields.Wrong("input", input, "a string or an array of items");
        }
        json.WriteEndArray();
    }

    private void WriteItem(Utf8JsonWriter json, Fields item)
    {
        string type = item.Text("type") ?? (item.Has("role") ? "message" : throw item.Absent("type", "message, function_call or function_call_output"));
        switch (type)
        {
            case "message":
                WriteMessage(json, item);
                break;
            case "function_call":
                WriteCall(json, item);
                break;
            case "function_call_output":
                End(json);
                Begin(json, "tool", item.Path);
                json.WriteString("tool_call_id", item.RequiredText("call_id"));
                WriteContent(json, item, "output", assistant: false);
                json.WriteEndObject();
                break;
            case "reasoning":
                break;
            default:
                throw ApiException.Unsupported(item.Place("type"), $"items of the type '{(type.Length <= 60 ? type : type[..60])}' are not offered; expected message, function_call or function_call_output");
        }
    }

    private void WriteMessage(Utf8JsonWriter json, Fields item)
    {
        End(json);
        string role = item.RequiredText("role");
        Begin(json, role, item.Path);
        WriteContent(json, item, "content", role == "assistant");
        // Calls may follow, which are this message's.
        inAssistant = role == "assistant";
        if (!inAssistant)
        {
            json.WriteEndObject();
        }
    }

    private void WriteCall(Utf8JsonWriter json, Fields item)
    {
        if (!inAssistant)
        {
            Begin(json, "assistant", item.Path);
            inAssistant = true;
        }
        if (!inCalls)
        {
            json.WriteStartArray("tool_calls");
            inCalls = true;
        }
        json.WriteStartObject();
        json.WriteString("id", item.RequiredText("call_id"));
        json.WriteString("type", "function");
        json.WriteStartObject("function");
        json.WriteString("name", item.RequiredText("name"));
        json.WriteString("arguments", item.RequiredText("arguments"));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteContent(Utf8JsonWriter json, Fields item, string field, bool assistant)
    {
        if (!item.TryGet(field, out JsonElement content))
        {
            throw item.Absent(field, "a string or an array of parts");
        }
        if (content.ValueKind == JsonValueKind.String)
        {
            json.WriteString("content", content.GetString());
            return;
        }
        if (content.ValueKind != JsonValueKind.Array)
        {
            throw Fields.Wrong(item.Place(field), content, "a string or an array of parts");
        }
        json.WriteStartArray("content");
        int index = 0;
        foreach (JsonElement entry in content.EnumerateArray())
        {
            Fields part = Fields.Of(entry, $"{item.Place(field)}[{index++}]");
            string type = part.RequiredText("type");
            json.WriteStartObject();
            switch (type)
            {
                case "input_text" or "output_text" or "text":
                    json.WriteString("type", "text");
                    json.WriteString("text", part.RequiredText("text"));
                    break;
                case "refusal" when assistant:
                    json.WriteString("type", "refusal");
                    json.WriteString("refusal", part.RequiredText("refusal"));
                    break;
                default:
                    throw ApiException.Unsupported(part.Place("type"), $"parts of the type '{(type.Length <= 60 ? type : type[..60])}' are not offered by this model; expected input_text or output_text");
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteText(Utf8JsonWriter json, string role, string text, string place)
    {
        Begin(json, role, place);
        json.WriteString("content", text);
        json.WriteEndObject();
    }

    private void Begin(Utf8JsonWriter json, string role, string place)
    {
        places.Add(place);
        json.WriteStartObject();
        json.WriteString("role", role);
    }

    /// <summary>Ends the assistant's message that is open for calls.</summary>
    private void End(Utf8JsonWriter json)
    {
        if (inCalls)
        {
            json.WriteEndArray();
        }
        if (inAssistant)
        {
            json.WriteEndObject();
        }
        inCalls = inAssistant = false;
    }
}
