using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lorikeet.Server;

/// <summary>The OpenAPI 3.1 document of the routes, made from the table that they are served by.</summary>
internal static partial class OpenApiDocument
{
    /// <summary>Writes the document.</summary>
    public static void Write(Utf8JsonWriter json, IReadOnlyList<Routes.Route> routes, string version)
    {
        json.WriteStartObject();
        json.WriteString("openapi", "3.1.0");
        json.WriteStartObject("info");
        json.WriteString("title", "Lorikeet");
        json.WriteString("version", version);
        json.WriteString("description", "One base model, an adapter for every request. The inference routes are OpenAI's with vLLM's extensions.");
        json.WriteStartObject("license");
        json.WriteString("name", "Apache 2.0");
        json.WriteString("identifier", "Apache-2.0");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("paths");
        foreach (IGrouping<string, Routes.Route> path in routes.GroupBy(r => PathOf(r.Path)))
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
        Raw(json, "securitySchemes", """{"key":{"type":"http","scheme":"bearer"}}""");
        Raw(json, "headers", OpenApiSchemas.Headers);
        Raw(json, "responses", OpenApiSchemas.Responses);
        Raw(json, "schemas", OpenApiSchemas.Schemas);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>A route's path in the document: a parameter that takes slashes is one like others there.</summary>
    public static string PathOf(string pattern) => CatchAll().Replace(pattern, "{");

    private static void WriteRoute(Utf8JsonWriter json, Routes.Route route)
    {
        json.WriteStartObject(route.Method.ToLowerInvariant());
        json.WriteString("summary", route.Summary);
        json.WriteString("operationId", route.Method.ToLowerInvariant() + OperationId().Replace(route.Path, "_").TrimEnd('_'));
        json.WriteStartArray("tags");
        json.WriteStringValue(route.Tag);
        json.WriteEndArray();
        WriteParameters(json, route);
        if (route.Upload)
        {
            Raw(json, "requestBody", OpenApiSchemas.Upload);
        }
        else if (route.Fields.Count > 0)
        {
            WriteBody(json, route);
        }
        WriteAnswers(json, route);
        if (route.Keyed)
        {
            Raw(json, "security", """[{"key":[]}]""");
            json.WriteString("description", route.Scope is { } scope ? $"With keys on it needs the scope {scope}." : "With keys on it needs a key.");
        }
        json.WriteEndObject();
    }

    private static void WriteParameters(Utf8JsonWriter json, Routes.Route route)
    {
        json.WriteStartArray("parameters");
        foreach (Match parameter in Parameters().Matches(route.Path))
        {
            json.WriteStartObject();
            json.WriteString("name", parameter.Groups[1].Value);
            json.WriteString("in", "path");
            json.WriteBoolean("required", true);
            Raw(json, "schema", """{"type":"string"}""");
            json.WriteEndObject();
        }
        foreach (string name in route.Query)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("in", "query");
            Raw(json, "schema", OpenApiFields.OfQuery(name));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteBody(Utf8JsonWriter json, Routes.Route route)
    {
        IReadOnlyList<string> required = OpenApiFields.Required(route.Path), oneOf = OpenApiFields.OneOf(route.Path);
        json.WriteStartObject("requestBody");
        json.WriteBoolean("required", required.Count + oneOf.Count > 0);
        json.WriteStartObject("content");
        json.WriteStartObject("application/json");
        json.WriteStartObject("schema");
        json.WriteString("type", "object");
        if (required.Count > 0)
        {
            json.WriteStartArray("required");
            foreach (string name in required)
            {
                json.WriteStringValue(name);
            }
            json.WriteEndArray();
        }
        if (oneOf.Count > 0)
        {
            json.WriteStartArray("anyOf");
            foreach (string name in oneOf)
            {
                json.WriteStartObject();
                json.WriteStartArray("required");
                json.WriteStringValue(name);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteStartObject("properties");
        foreach (string field in route.Fields.Order(StringComparer.Ordinal))
        {
            Raw(json, field, OpenApiFields.Of(route.Path, field));
        }
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteAnswers(Utf8JsonWriter json, Routes.Route route)
    {
        json.WriteStartObject("responses");
        foreach (string status in route.Answer == OpenApiSchemas.Refused ? [] : route.Upload ? ["200", "201"] : (string[])[route.Created ? "201" : "200"])
        {
            json.WriteStartObject(status);
            json.WriteString("description", "done");
            Raw(json, "headers", """{"X-Request-Id":{"$ref":"#/components/headers/X-Request-Id"}}""");
            if (route.Answer.Length > 0)
            {
                json.WriteStartObject("content");
                foreach (string answer in route.Answer.Split(' '))
                {
                    (string type, string schema) = OpenApiSchemas.Content(answer);
                    json.WriteStartObject(type);
                    Raw(json, "schema", schema);
                    json.WriteEndObject();
                }
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        foreach (int status in Refusals(route))
        {
            Raw(json, status.ToString(System.Globalization.CultureInfo.InvariantCulture), status is 429 or 503 ? """{"$ref":"#/components/responses/Later"}""" : """{"$ref":"#/components/responses/Refused"}""");
        }
        json.WriteEndObject();
    }

    private static SortedSet<int> Refusals(Routes.Route route)
    {
        SortedSet<int> statuses = [500];
        if (route.Keyed)
        {
            statuses.UnionWith([401, 403]);
        }
        if (route.Fields.Count > 0 || route.Upload || route.Answer == OpenApiSchemas.Refused || route.Query.Count > 0)
        {
            statuses.Add(400);
        }
        if (route.Fields.Count > 0 || route.Upload)
        {
            statuses.UnionWith([413, 415]);
        }
        if (route.Path.Contains('{', StringComparison.Ordinal) || route.Fields.Contains("model") || route.Fields.Contains("lora_name"))
        {
            statuses.Add(404);
        }
        if (route.Upload || route.Fields.Contains("expected_version"))
        {
            statuses.Add(412);
        }
        if (route.Tag == "inference" && route.Fields.Count > 0)
        {
            statuses.UnionWith([429, 503]);
        }
        if (route.Tag is "adapters" or "keys" && route.Method != "GET")
        {
            statuses.Add(503);
        }
        return statuses;
    }

    private static void Raw(Utf8JsonWriter json, string name, string value)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(value);
    }

    [GeneratedRegex(@"\{\*+")]
    private static partial Regex CatchAll();

    [GeneratedRegex(@"\{\**(\w+)\}")]
    private static partial Regex Parameters();

    [GeneratedRegex(@"\W+")]
    private static partial Regex OperationId();
}
