using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lorikeet.Server;

/// <summary>The OpenAPI 3.1 document of the routes, made from the tables that they are served by.</summary>
internal static partial class OpenApiDocument
{
    private static readonly HashSet<string> Numbers =
        ["temperature", "top_p", "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty", "length_penalty", "scale"];

    private static readonly HashSet<string> Integers =
        ["n", "max_tokens", "max_completion_tokens", "seed", "top_k", "top_logprobs", "min_tokens", "prompt_logprobs", "best_of", "dimensions", "truncate_prompt_tokens", "stream_interval", "priority", "lora_int_id"];

    private static readonly HashSet<string> Flags =
        ["stream", "ignore_eos", "include_stop_str_in_output", "skip_special_tokens", "spaces_between_special_tokens", "echo", "add_generation_prompt", "continue_final_message", "add_special_tokens",
            "parallel_tool_calls", "store", "return_token_ids", "return_tokens_as_token_ids", "use_beam_search", "normalize", "return_token_strs", "load_inplace", "pinned"];

    private static readonly HashSet<string> Arrays =
        ["messages", "tools", "functions", "stop_token_ids", "allowed_token_ids", "bad_words", "documents", "tokens", "adapters", "lora", "modalities"];

    private static readonly HashSet<string> Objects =
        ["stream_options", "logit_bias", "response_format", "structured_outputs", "chat_template_kwargs", "metadata", "merged_adapters", "limits"];

    public static void Write(Utf8JsonWriter json, IReadOnlyList<Routes.Route> routes, string version)
    {
        json.WriteStartObject();
        json.WriteString("openapi", "3.1.0");
        json.WriteStartObject("info");
        json.WriteString("title", "Lorikeet");
        json.WriteString("version", version);
        json.WriteString("description", "One base model, an adapter for every request. The inference routes are OpenAI's with vLLM's extensions.");
        json.WriteEndObject();
        json.WriteStartObject("paths");
        foreach (IGrouping<string, Routes.Route> path in routes.GroupBy(r => CatchAll().Replace(r.Path, "{")))
        {
            json.WriteStartObject(path.Key);
            foreach (Routes.Route route in path)
            {
                WriteRoute(json, route);
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteStartObject("components");
        json.WriteStartObject("securitySchemes");
        json.WriteStartObject("key");
        json.WriteString("type", "http");
        json.WriteString("scheme", "bearer");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("schemas");
        json.WritePropertyName("Error");
        json.WriteRawValue("""{"type":"object","required":["error"],"properties":{"error":{"type":"object","required":["message","type","param","code"],"properties":{"message":{"type":"string"},"type":{"type":"string"},"param":{"type":["string","null"]},"code":{"type":["string","integer","null"]}}}}}""");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteRoute(Utf8JsonWriter json, Routes.Route route)
    {
        json.WriteStartObject(route.Method.ToLowerInvariant());
        json.WriteString("summary", route.Summary);
        json.WriteString("operationId", route.Method.ToLowerInvariant() + OperationId().Replace(route.Path, "_"));
        json.WriteStartArray("tags");
        json.WriteStringValue(route.Tag);
        json.WriteEndArray();
        json.WriteStartArray("parameters");
        foreach (Match parameter in Parameters().Matches(route.Path))
        {
            json.WriteStartObject();
            json.WriteString("name", parameter.Groups[1].Value);
            json.WriteString("in", "path");
            json.WriteBoolean("required", true);
            json.WritePropertyName("schema");
            json.WriteRawValue("""{"type":"string"}""");
            json.WriteEndObject();
        }
        json.WriteEndArray();
        if (route.Fields.Count > 0)
        {
            WriteBody(json, route.Fields);
        }
        json.WritePropertyName("responses");
        json.WriteRawValue("""{"200":{"description":"done"},"default":{"description":"refused","content":{"application/json":{"schema":{"$ref":"#/components/schemas/Error"}}}}}""");
        if (route.Scope is not null)
        {
            json.WritePropertyName("security");
            json.WriteRawValue("""[{"key":[]}]""");
            json.WriteString("description", $"With keys on it needs the scope {route.Scope}.");
        }
        json.WriteEndObject();
    }

    private static void WriteBody(Utf8JsonWriter json, IReadOnlyList<string> fields)
    {
        json.WriteStartObject("requestBody");
        json.WriteStartObject("content");
        json.WriteStartObject("application/json");
        json.WriteStartObject("schema");
        json.WriteString("type", "object");
        json.WriteStartObject("properties");
        foreach (string field in fields.Order(StringComparer.Ordinal))
        {
            json.WriteStartObject(field);
            string? type = Numbers.Contains(field) ? "number" : Integers.Contains(field) ? "integer" : Flags.Contains(field) ? "boolean" : Arrays.Contains(field) ? "array" : Objects.Contains(field) ? "object" : null;
            if (type is not null)
            {
                json.WriteStartArray("type");
                json.WriteStringValue(type);
                json.WriteStringValue("null");
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    [GeneratedRegex(@"\{\*+")]
    private static partial Regex CatchAll();

    [GeneratedRegex(@"\{\**(\w+)\}")]
    private static partial Regex Parameters();

    [GeneratedRegex(@"\W+")]
    private static partial Regex OperationId();
}
