using System.Collections.Frozen;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lorikeet.Server;

/// <summary>Rewrites the fields of <c>/v1/responses</c> into a chat's, and the places of a chat's errors back.</summary>
internal static partial class ResponseFields
{
    private const string Stateless = "nothing is stored here; send the whole history in input";

    private static readonly string[] OfHistory = ["previous_response_id", "conversation", "prompt", "max_tool_calls", "context_management"];

    // An answer of this route has no place for what they ask for.
    private static readonly string[] WithoutPlace = ["n", "logprobs", "prompt_logprobs", "return_token_ids", "echo", "continue_final_message", "add_generation_prompt"];

    private static readonly string[] Rewritten =
    [
        "messages", "max_tokens", "max_completion_tokens", "response_format", "tools", "tool_choice", "functions", "function_call", "top_logprobs", "stream_options", "reasoning_effort", "verbosity",
        "modalities", "audio", "prediction", "web_search_options", "moderation",
    ];

    // What means the same in both.
    private static readonly FrozenSet<string> Copied = ChatEndpoint.Names.Except(WithoutPlace).Except(Rewritten).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The fields of the route.</summary>
    public static FrozenSet<string> Names { get; } = Copied.Union(OfHistory).Union(WithoutPlace).Union(
    [
        "input", "instructions", "max_output_tokens", "text", "tools", "tool_choice", "reasoning", "include", "truncation", "background", "top_logprobs", "stream_options",
    ]).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The body of the same chat.</summary>
    /// <param name="body">The request.</param>
    /// <param name="input">Receives where the chat's messages come from.</param>
    public static JsonElement ToChat(Fields body, ResponseInput input)
    {
        body.Refuse(Stateless, OfHistory);
        body.Refuse("an answer of /v1/responses has no place for it", WithoutPlace);
        if (body.Flag("background") == true)
        {
            throw ApiException.Unsupported("background", "background: true is not offered: " + Stateless);
        }
        if (body.Text("truncation") is { } truncation && truncation != "disabled")
        {
            throw truncation == "auto"
                ? ApiException.Unsupported("truncation", "truncation: auto is not offered; shorten the input")
                : ApiException.Value("truncation", "truncation is disabled or auto");
        }
        bool logprobs = Include(body);
        long? top = body.Integer("top_logprobs", 0, 20);
        bool stream = body.Flag("stream") ?? false;
        StreamOptions(body, stream);
        return JsonText.Element(json =>
        {
            json.WriteStartObject();
            foreach (JsonProperty member in body.Element.EnumerateObject())
            {
                if (Copied.Contains(member.Name))
                {
                    member.WriteTo(json);
                }
            }
            input.Write(json, body);
            if (body.Integer("max_output_tokens", 1, int.MaxValue) is { } most)
            {
                json.WriteNumber("max_completion_tokens", most);
            }
            if (logprobs || top > 0)
            {
                json.WriteBoolean("logprobs", true);
                json.WriteNumber("top_logprobs", top ?? 0);
            }
            WriteFormat(json, body);
            if (body.Object("reasoning") is { } reasoning && reasoning.Text("effort") is { } effort)
            {
                json.WriteString("reasoning_effort", effort);
            }
            ResponseTools.Write(json, body);
            json.WriteEndObject();
        });
    }

    /// <summary>Where a chat's field stands in the request.</summary>
    public static string Place(string param, ResponseInput input)
    {
        if (param == "messages")
        {
            return "input";
        }
        if (Message().Match(param) is { Success: true } message)
        {
            return input.Place(int.Parse(message.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture));
        }
        param = Function().Replace(param, "$1");
        return param switch
        {
            "max_completion_tokens" => "max_output_tokens",
            "reasoning_effort" => "reasoning.effort",
            "tool_choice.function.name" => "tool_choice.name",
            _ when param.StartsWith("response_format.json_schema", StringComparison.Ordinal) => "text.format" + param["response_format.json_schema".Length..],
            _ when param.StartsWith("response_format", StringComparison.Ordinal) => "text.format" + param["response_format".Length..],
            _ => param,
        };
    }

    private static bool Include(in Fields body)
    {
        bool logprobs = false;
        int index = 0;
        foreach (string asked in body.Strings("include", single: false))
        {
            logprobs |= asked switch
            {
                "message.output_text.logprobs" => true,
                "reasoning.encrypted_content" => false,
                _ => throw ApiException.Unsupported($"include[{index}]", $"'{(asked.Length <= 60 ? asked : asked[..60])}' is not offered; expected message.output_text.logprobs"),
            };
            index++;
        }
        return logprobs;
    }

    private static void StreamOptions(in Fields body, bool stream)
    {
        if (body.Object("stream_options") is { } options)
        {
            if (!stream && options.Element.EnumerateObject().Any())
            {
                throw ApiException.Value("stream_options", "stream_options only goes with stream: true");
            }
            _ = options.Flag("include_obfuscation");
        }
    }

    // Flatter than in a chat: the schema's members stand beside the type.
    private static void WriteFormat(Utf8JsonWriter json, in Fields body)
    {
        if (body.Object("text") is not { } text || text.Object("format") is not { } format)
        {
            return;
        }
        json.WriteStartObject("response_format");
        string type = format.RequiredText("type");
        json.WriteString("type", type);
        if (type == "json_schema")
        {
            json.WriteStartObject("json_schema");
            foreach (JsonProperty member in format.Element.EnumerateObject())
            {
                if (member.Name != "type")
                {
                    member.WriteTo(json);
                }
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    [GeneratedRegex(@"^messages\[(\d+)\]")]
    private static partial Regex Message();

    [GeneratedRegex(@"^(tools\[\d+\])\.function")]
    private static partial Regex Function();
}
