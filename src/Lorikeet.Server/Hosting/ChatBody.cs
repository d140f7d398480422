using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Lorikeet.Server;

/// <summary>Messages and options of Microsoft.Extensions.AI as the body of a chat request: one reader checks both.</summary>
internal static class ChatBody
{
    /// <summary>Writes the body.</summary>
    /// <exception cref="NotSupportedException">A content, tool or option is none that text models know.</exception>
    public static JsonObject Write(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        JsonArray written = [];
        if (options?.Instructions is { Length: > 0 } instructions)
        {
            written.Add(new JsonObject { ["role"] = "system", ["content"] = instructions });
        }
        foreach (ChatMessage message in messages)
        {
            Add(written, message);
        }
        JsonObject body = new() { ["messages"] = written };
        if (options is null)
        {
            return body;
        }
        foreach ((string name, object? value) in options.AdditionalProperties ?? [])
        {
            body[name] = value is JsonNode node ? node.DeepClone() : JsonSerializer.SerializeToNode(value, AIJsonUtilities.DefaultOptions);
        }
        Set("model", options.ModelId);
        Set("temperature", options.Temperature);
        Set("top_p", options.TopP);
        Set("top_k", options.TopK);
        Set("frequency_penalty", options.FrequencyPenalty);
        Set("presence_penalty", options.PresencePenalty);
        Set("max_completion_tokens", options.MaxOutputTokens);
        Set("seed", options.Seed);
        if (options.StopSequences is { Count: > 0 } stop)
        {
            body["stop"] = new JsonArray([.. stop.Select(s => (JsonNode?)s)]);
        }
        Format(body, options.ResponseFormat);
        Tools(body, options);
        return body;

        void Set(string name, JsonNode? value)
        {
            if (value is not null)
            {
                body[name] = value;
            }
        }
    }

    private static void Add(JsonArray written, ChatMessage message)
    {
        List<string> texts = [];
        JsonArray calls = [];
        string? reasoning = null;
        foreach (AIContent content in message.Contents)
        {
            switch (content)
            {
                case TextContent text:
                    texts.Add(text.Text);
                    break;
                case TextReasoningContent thought:
                    reasoning += thought.Text;
                    break;
                case FunctionCallContent call:
                    calls.Add(new JsonObject
                    {
                        ["id"] = call.CallId,
                        ["type"] = "function",
                        ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = JsonSerializer.Serialize(call.Arguments ?? new Dictionary<string, object?>(), AIJsonUtilities.DefaultOptions) },
                    });
                    break;
                case FunctionResultContent result:
                    written.Add(new JsonObject
                    {
                        ["role"] = "tool",
                        ["tool_call_id"] = result.CallId,
                        ["content"] = result.Result as string ?? JsonSerializer.Serialize(result.Result, AIJsonUtilities.DefaultOptions),
                    });
                    break;
                case UsageContent:
                    break;
                default:
                    throw new NotSupportedException($"a message has a {content.GetType().Name}; expected text, function calls and their results");
            }
        }
        if (message.Role == ChatRole.Tool && texts.Count == 0)
        {
            return;
        }
        JsonObject one = new() { ["role"] = message.Role.Value, ["content"] = string.Concat(texts) };
        if (message.AuthorName is { } author)
        {
            one["name"] = author;
        }
        if (reasoning is not null)
        {
            one["reasoning_content"] = reasoning;
        }
        if (calls.Count > 0)
        {
            one["tool_calls"] = calls;
        }
        written.Add(one);
    }

    private static void Format(JsonObject body, ChatResponseFormat? format)
    {
        if (format is ChatResponseFormatJson json)
        {
            body["response_format"] = json.Schema is { } schema
                ? new JsonObject { ["type"] = "json_schema", ["json_schema"] = new JsonObject { ["name"] = json.SchemaName ?? "answer", ["schema"] = JsonNode.Parse(schema.GetRawText()) } }
                : new JsonObject { ["type"] = "json_object" };
        }
    }

    private static void Tools(JsonObject body, ChatOptions options)
    {
        if (options.Tools is not { Count: > 0 } tools)
        {
            return;
        }
        JsonArray written = [];
        foreach (AITool tool in tools)
        {
            AIFunctionDeclaration function = tool as AIFunctionDeclaration ?? throw new NotSupportedException($"the tool {tool.Name} is a {tool.GetType().Name}; expected functions");
            written.Add(new JsonObject
            {
                ["type"] = "function",
                ["function"] = new JsonObject { ["name"] = function.Name, ["description"] = function.Description, ["parameters"] = JsonNode.Parse(function.JsonSchema.GetRawText()) },
            });
        }
        body["tools"] = written;
        body["tool_choice"] = options.ToolMode switch
        {
            NoneChatToolMode => "none",
            RequiredChatToolMode { RequiredFunctionName: { } name } => new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = name } },
            RequiredChatToolMode => "required",
            _ => "auto",
        };
        if (options.AllowMultipleToolCalls is { } several)
        {
            body["parallel_tool_calls"] = several;
        }
    }
}
