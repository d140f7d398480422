using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>Rewrites <c>tools</c> and <c>tool_choice</c> of <c>/v1/responses</c>, which are flat, into a chat's.</summary>
internal static class ResponseTools
{
    public static void Write(Utf8JsonWriter json, in Fields body)
    {
        if (body.Array("tools") is { } tools)
        {
            WriteTools(json, tools);
        }
        if (body.TryGet("tool_choice", out JsonElement choice))
        {
            json.WritePropertyName("tool_choice");
            if (choice.ValueKind == JsonValueKind.Object)
            {
                WriteChoice(json, new Fields(choice, "tool_choice"));
            }
            else
            {
                choice.WriteTo(json);
            }
        }
    }

    private static void WriteTools(Utf8JsonWriter json, JsonElement tools)
    {
        // Clients send an empty list where a chat's have none.
        if (tools.GetArrayLength() == 0)
        {
            return;
        }
        json.WriteStartArray("tools");
        int index = 0;
        foreach (JsonElement item in tools.EnumerateArray())
        {
            Fields tool = Fields.Of(item, $"tools[{index++}]");
            string type = tool.RequiredText("type");
            if (type != "function")
            {
                throw ApiException.Unsupported(tool.Place("type"), $"tools of the type '{(type.Length <= 60 ? type : type[..60])}' are not offered; expected function");
            }
            json.WriteStartObject();
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            foreach (JsonProperty member in item.EnumerateObject())
            {
                if (member.Name != "type")
                {
                    member.WriteTo(json);
                }
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteChoice(Utf8JsonWriter json, Fields choice)
    {
        string type = choice.RequiredText("type");
        json.WriteStartObject();
        json.WriteString("type", type);
        switch (type)
        {
            case "function":
                WriteFunction(json, choice);
                break;
            case "allowed_tools":
                json.WriteStartObject("allowed_tools");
                json.WriteString("mode", choice.RequiredText("mode"));
                json.WriteStartArray("tools");
                int index = 0;
                foreach (JsonElement item in (choice.Array("tools") ?? throw choice.Absent("tools", "an array")).EnumerateArray())
                {
                    json.WriteStartObject();
                    WriteFunction(json, Fields.Of(item, $"tool_choice.tools[{index++}]"));
                    json.WriteEndObject();
                }
                json.WriteEndArray();
                json.WriteEndObject();
                break;
            default:
                throw ApiException.Unsupported("tool_choice.type", $"'{(type.Length <= 60 ? type : type[..60])}' is not offered; expected function or allowed_tools");
        }
        json.WriteEndObject();
    }

    private static void WriteFunction(Utf8JsonWriter json, Fields choice)
    {
        json.WriteStartObject("function");
        json.WriteString("name", choice.RequiredText("name"));
        json.WriteEndObject();
    }
}
