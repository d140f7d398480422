using System.Text;
using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>The tools of a request and how they may be called.</summary>
internal sealed record ToolPlan
{
    public static ToolPlan None { get; } = new();

    public ToolMode Mode { get; init; }

    /// <summary>The tools that may be called.</summary>
    public IReadOnlyList<Tool> Tools { get; init; } = [];

    /// <summary>The array for the template, as <c>{"type": "function", "function": ...}</c>; null: none.</summary>
    public JsonElement? ForTemplate { get; init; }

    public bool Parallel { get; init; } = true;

    /// <summary>Whether the answer uses the old member <c>function_call</c>.</summary>
    public bool OldForm { get; init; }

    /// <summary>Reads tools, tool_choice, parallel_tool_calls and the old forms.</summary>
    public static ToolPlan Read(in Fields body, ServerLimits limits)
    {
        if (body.Has("functions"))
        {
            return Old(body, limits);
        }
        if (body.Has("function_call"))
        {
            throw ApiException.Value("function_call", "function_call needs functions");
        }
        bool parallel = body.Flag("parallel_tool_calls") ?? true;
        if (body.Array("tools") is not { } array)
        {
            return body.TryGet("tool_choice", out JsonElement choice) && !(choice.ValueKind == JsonValueKind.String && choice.GetString() == "none")
                ? throw ApiException.Value("tool_choice", "tool_choice needs tools")
                : None;
        }
        List<Tool> tools = [];
        foreach (JsonElement item in Bounded(array, "tools", limits).EnumerateArray())
        {
            string place = $"tools[{tools.Count}]";
            Fields tool = Fields.Of(item, place);
            string type = tool.RequiredText("type");
            if (type != "function")
            {
                throw ApiException.Unsupported($"{place}.type", $"tools of the type '{Short(type)}' are not offered; expected function");
            }
            tools.Add(ReadFunction(tool.Object("function") ?? throw tool.Absent("function", "an object"), tools));
        }
        (ToolMode mode, IReadOnlyList<Tool> allowed) = Choice(body, tools);
        return new ToolPlan { Mode = mode, Tools = allowed, ForTemplate = mode == ToolMode.None ? null : array, Parallel = parallel };
    }

    private static ToolPlan Old(in Fields body, ServerLimits limits)
    {
        if (body.Has("tools"))
        {
            throw ApiException.Value("functions", "functions and tools do not go together");
        }
        JsonElement array = Bounded(body.Array("functions")!.Value, "functions", limits);
        List<Tool> tools = [];
        foreach (JsonElement item in array.EnumerateArray())
        {
            tools.Add(ReadFunction(Fields.Of(item, $"functions[{tools.Count}]"), tools));
        }
        JsonElement wrapped = JsonText.Element(json =>
        {
            json.WriteStartArray();
            foreach (JsonElement item in array.EnumerateArray())
            {
                json.WriteStartObject();
                json.WriteString("type", "function");
                json.WritePropertyName("function");
                item.WriteTo(json);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        });
        ToolPlan plan = new() { Mode = ToolMode.Auto, Tools = tools, ForTemplate = wrapped, Parallel = false, OldForm = true };
        if (!body.TryGet("function_call", out JsonElement call))
        {
            return plan;
        }
        if (call.ValueKind == JsonValueKind.String)
        {
            return call.GetString() switch
            {
                "auto" => plan,
                "none" => plan with { Mode = ToolMode.None, ForTemplate = null },
                _ => throw ApiException.Value("function_call", "function_call is none, auto or {\"name\"}"),
            };
        }
        string name = Fields.Of(call, "function_call").RequiredText("name");
        return plan with { Mode = ToolMode.Named, Tools = [Find(tools, name, "function_call.name")] };
    }

    private static Tool ReadFunction(Fields function, List<Tool> before)
    {
        string name = function.RequiredText("name");
        if (name.Length is 0 or > 64 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.'))
        {
            throw ApiException.Value(function.Place("name"), "a function's name has 1 to 64 letters, digits, '_', '-' and '.'");
        }
        if (before.Any(t => t.Name == name))
        {
            throw ApiException.Value(function.Place("name"), $"there are two functions '{name}'");
        }
        _ = function.Text("description");
        return new Tool(name, function.Object("parameters")?.Element, function.Flag("strict") ?? false, function.Path);
    }

    private static (ToolMode Mode, IReadOnlyList<Tool> Allowed) Choice(in Fields body, List<Tool> tools)
    {
        if (!body.TryGet("tool_choice", out JsonElement choice))
        {
            return (ToolMode.Auto, tools);
        }
        if (choice.ValueKind == JsonValueKind.String)
        {
            return (ParseMode(choice.GetString()!, "tool_choice"), tools);
        }
        Fields fields = Fields.Of(choice, "tool_choice");
        switch (fields.RequiredText("type"))
        {
            case "function":
                Fields function = fields.Object("function") ?? throw fields.Absent("function", "an object with name");
                return (ToolMode.Named, [Find(tools, function.RequiredText("name"), "tool_choice.function.name")]);
            case "allowed_tools":
                Fields allowed = fields.Object("allowed_tools") ?? throw fields.Absent("allowed_tools", "an object with mode and tools");
                string mode = allowed.RequiredText("mode");
                JsonElement list = allowed.Array("tools") ?? throw allowed.Absent("tools", "an array");
                List<Tool> kept = [];
                foreach (JsonElement item in list.EnumerateArray())
                {
                    string place = $"tool_choice.allowed_tools.tools[{kept.Count}]";
                    Fields named = Fields.Of(item, place).Object("function") ?? throw ApiException.Missing($"{place}.function", $"{place}.function is missing");
                    kept.Add(Find(tools, named.RequiredText("name"), $"{place}.function.name"));
                }
                return mode is not ("auto" or "required") ? throw ApiException.Value("tool_choice.allowed_tools.mode", "mode is auto or required")
                    : kept.Count == 0 ? throw ApiException.Value("tool_choice.allowed_tools.tools", "tools is empty; expected at least one")
                    : (ParseMode(mode, "tool_choice.allowed_tools.mode"), kept);
            default:
                throw ApiException.Value("tool_choice.type", "tool_choice.type is function or allowed_tools");
        }
    }

    private static ToolMode ParseMode(string text, string place) => text switch
    {
        "none" => ToolMode.None,
        "auto" => ToolMode.Auto,
        "required" => ToolMode.Required,
        _ => throw ApiException.Value(place, $"{place} is '{Short(text)}'; expected none, auto, required or an object"),
    };

    private static Tool Find(List<Tool> tools, string name, string place) =>
        tools.Find(t => t.Name == name) ?? throw ApiException.Value(place, $"there is no tool '{Short(name)}'");

    private static JsonElement Bounded(JsonElement array, string field, ServerLimits limits)
    {
        int count = array.GetArrayLength();
        if (count == 0)
        {
            throw ApiException.Value(field, $"{field} is empty; expected at least one, or no {field}");
        }
        if (count > limits.Tools)
        {
            throw ApiException.Limit(field, count, limits.Tools, $"there are too many {field}");
        }
        int bytes = Encoding.UTF8.GetByteCount(array.GetRawText());
        return bytes <= limits.ToolBytes ? array : throw ApiException.Limit(field, bytes, limits.ToolBytes, $"the schemas of {field} are too long (bytes)");
    }

    private static string Short(string text) => text.Length <= 60 ? text : text[..60] + "...";
}
