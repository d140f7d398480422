using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Routing;

namespace Lorikeet.Server.Tests.OpenApi;

/// <summary>The document against the routes that answer, and against the rules of OpenAPI 3.1.</summary>
public sealed partial class OpenApiTests(OpenApiTests.Host host) : IClassFixture<OpenApiTests.Host>
{
    [Fact]
    public void Every_route_is_in_the_document_and_nothing_else()
    {
        HashSet<string> served = [.. host.Server.Server.Endpoints.SelectMany(e => e.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Select(m => $"{m} {OpenApiDocument.PathOf(e.RoutePattern.RawText!)}"))];
        HashSet<string> written = [.. Operations().Select(o => $"{o.Method.ToUpperInvariant()} {o.Path}")];
        Assert.Equal(served.Order(), written.Order());
        Assert.True(served.Count > 40);
    }

    [Fact]
    public void Every_field_that_a_route_takes_is_in_its_body()
    {
        JsonElement chat = Properties("/v1/chat/completions");
        Assert.All(Contract.FieldCases.Chat.Concat(Contract.FieldCases.Extensions), c => Assert.True(chat.TryGetProperty(c.Field, out _), c.Field));
        JsonElement responses = Properties("/v1/responses");
        Assert.All(Contract.FieldCases.Responses, c => Assert.True(responses.TryGetProperty(c.Field, out _), c.Field));
        Assert.Equal("integer", Properties("/v1/completions").GetProperty("logprobs").GetProperty("type")[0].GetString());
        Assert.Equal("boolean", chat.GetProperty("logprobs").GetProperty("type")[0].GetString());

        JsonElement Properties(string path) => host.Document.GetProperty("paths").GetProperty(path).GetProperty("post").GetProperty("requestBody").GetProperty("content").GetProperty("application/json").GetProperty("schema").GetProperty("properties");
    }

    [Fact]
    public void Operations_have_what_the_rules_demand()
    {
        Assert.Equal("3.1.0", host.Document.GetProperty("openapi").GetString());
        HashSet<string> ids = [];
        foreach ((string path, string method, JsonElement operation) in Operations())
        {
            string place = $"{method} {path}";
            Assert.StartsWith("/", path, StringComparison.Ordinal);
            Assert.True(ids.Add(operation.GetProperty("operationId").GetString()!), place);
            string[] inPath = [.. operation.GetProperty("parameters").EnumerateArray().Where(p => p.GetProperty("in").GetString() == "path").Select(p => p.GetProperty("name").GetString()!)];
            Assert.Equal(Parameter().Matches(path).Select(m => m.Groups[1].Value), inPath);
            Assert.All(operation.GetProperty("parameters").EnumerateArray(), p => Assert.True(p.TryGetProperty("schema", out _), place));
            Assert.NotEmpty(operation.GetProperty("responses").EnumerateObject());
            Assert.All(operation.GetProperty("responses").EnumerateObject(), r => Assert.Matches("^[1-5][0-9][0-9]$", r.Name));
            Assert.All(operation.GetProperty("responses").EnumerateObject(), r => Assert.True(r.Value.TryGetProperty("description", out _) || r.Value.TryGetProperty("$ref", out _), place));
            Assert.True(method != "get" || !operation.TryGetProperty("requestBody", out _), place);
            // What clients would repeat, or what others mean by it, is nobody's answer.
            Assert.DoesNotContain(operation.GetProperty("responses").EnumerateObject(), r => r.Name is "408" or "409" or "422" or "501");
        }
    }

    [Fact]
    public void References_lead_somewhere_and_schemas_use_known_words()
    {
        string[] words =
        [
            "type", "properties", "required", "items", "enum", "const", "oneOf", "anyOf", "allOf", "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength", "minItems", "minProperties", "maxProperties",
            "additionalProperties", "format", "description", "contentEncoding", "contentMediaType", "$ref",
        ];
        int references = 0;
        Walk(host.Document, "");
        foreach (JsonProperty schema in host.Document.GetProperty("components").GetProperty("schemas").EnumerateObject())
        {
            Schema(schema.Value, schema.Name);
        }
        Assert.True(references > 100);

        void Walk(JsonElement element, string name)
        {
            if (element.ValueKind == JsonValueKind.Object)
            {
                foreach (JsonProperty member in element.EnumerateObject())
                {
                    if (member.Name == "$ref")
                    {
                        references++;
                        JsonElement at = host.Document;
                        foreach (string step in member.Value.GetString()!.Split('/').Skip(1))
                        {
                            Assert.True(at.TryGetProperty(step, out at), member.Value.GetString());
                        }
                    }
                    if (member.Name == "schema")
                    {
                        Schema(member.Value, name);
                    }
                    Walk(member.Value, member.Name);
                }
            }
            else if (element.ValueKind == JsonValueKind.Array)
            {
                foreach (JsonElement item in element.EnumerateArray())
                {
                    Walk(item, name);
                }
            }
        }

        void Schema(JsonElement schema, string place)
        {
            Assert.Equal(JsonValueKind.Object, schema.ValueKind);
            foreach (JsonProperty word in schema.EnumerateObject())
            {
                Assert.Contains(word.Name, words);
                switch (word.Name)
                {
                    case "properties":
                        foreach (JsonProperty property in word.Value.EnumerateObject())
                        {
                            Schema(property.Value, $"{place}.{property.Name}");
                        }
                        break;
                    case "items":
                        Schema(word.Value, place + "[]");
                        break;
                    case "oneOf" or "anyOf" or "allOf":
                        Assert.All(word.Value.EnumerateArray(), s => Schema(s, place));
                        break;
                    default:
                        break;
                }
            }
        }
    }

    /// <summary>What routes answer is what the document says of it, as far as required members go.</summary>
    [Theory]
    [InlineData("GET", "/v1/models", null)]
    [InlineData("GET", "/v1/models/{id}", null)]
    [InlineData("POST", "/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"max_tokens":2}""")]
    [InlineData("POST", "/v1/chat/completions/render", """{"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("POST", "/v1/completions", """{"prompt":"a","max_tokens":2}""")]
    [InlineData("POST", "/v1/completions/render", """{"prompt":"a"}""")]
    [InlineData("POST", "/v1/responses", """{"input":"a","max_output_tokens":2}""")]
    [InlineData("POST", "/v1/embeddings", """{"input":"a"}""")]
    [InlineData("POST", "/tokenize", """{"prompt":"a"}""")]
    [InlineData("POST", "/detokenize", """{"tokens":[97]}""")]
    [InlineData("GET", "/lora-adapters", null)]
    [InlineData("GET", "/lorikeet/v1/adapters", null)]
    [InlineData("POST", "/lorikeet/v1/keys", """{"tenant":"acme","scopes":["infer"]}""")]
    [InlineData("GET", "/lorikeet/v1/keys", null)]
    [InlineData("GET", "/version", null)]
    [InlineData("GET", "/load", null)]
    [InlineData("GET", "/tokenizer_info", null)]
    public async Task Answers_are_of_their_schema(string method, string path, string? body)
    {
        Answer answer = await host.Server.SendAsync(new HttpMethod(method), path.Replace("{id}", "tiny", StringComparison.Ordinal), body is null ? null : new StringContent(body, null, "application/json"));
        JsonElement responses = host.Document.GetProperty("paths").GetProperty(path).GetProperty(method.ToLowerInvariant()).GetProperty("responses");
        Assert.True(responses.TryGetProperty($"{answer.Status}", out JsonElement response), $"{answer.Status}: {answer.Body}");
        Check(answer.Json, response.GetProperty("content").GetProperty("application/json").GetProperty("schema"), path);
    }

    private void Check(JsonElement value, JsonElement schema, string place)
    {
        if (schema.TryGetProperty("$ref", out JsonElement reference))
        {
            Check(value, host.Document.GetProperty("components").GetProperty("schemas").GetProperty(reference.GetString()!.Split('/')[^1]), place);
            return;
        }
        foreach (JsonElement all in schema.TryGetProperty("allOf", out JsonElement parts) ? parts.EnumerateArray() : [])
        {
            Check(value, all, place);
        }
        if (schema.TryGetProperty("type", out JsonElement type))
        {
            string found = value.ValueKind switch { JsonValueKind.Object => "object", JsonValueKind.Array => "array", JsonValueKind.String => "string", JsonValueKind.Null => "null", JsonValueKind.Number => "number", _ => "boolean" };
            string[] allowed = type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray().Select(t => t.GetString()!)] : [type.GetString()!];
            Assert.True(allowed.Contains(found) || (found == "number" && allowed.Contains("integer")), $"{place} is {found}");
        }
        if (schema.TryGetProperty("const", out JsonElement constant))
        {
            Assert.Equal(constant.GetRawText(), value.GetRawText());
        }
        if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonElement name in schema.TryGetProperty("required", out JsonElement required) ? required.EnumerateArray() : [])
            {
                Assert.True(value.TryGetProperty(name.GetString()!, out _), $"{place} has no {name}");
            }
            foreach (JsonProperty property in schema.TryGetProperty("properties", out JsonElement properties) ? properties.EnumerateObject() : [])
            {
                if (value.TryGetProperty(property.Name, out JsonElement member))
                {
                    Check(member, property.Value, $"{place}.{property.Name}");
                }
            }
        }
        else if (value.ValueKind == JsonValueKind.Array && schema.TryGetProperty("items", out JsonElement items))
        {
            Assert.All(value.EnumerateArray(), item => Check(item, items, place + "[]"));
        }
    }

    private IEnumerable<(string Path, string Method, JsonElement Operation)> Operations() =>
        host.Document.GetProperty("paths").EnumerateObject().SelectMany(p => p.Value.EnumerateObject().Select(m => (p.Name, m.Name, m.Value)));

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Parameter();

    /// <summary>A server with all routes that can be switched on.</summary>
    public sealed class Host : IAsyncLifetime
    {
        public TinyServer Server { get; private set; } = null!;

        public JsonElement Document { get; private set; }

        public async Task InitializeAsync()
        {
            Server = await TinyServer.StartAsync((o, _) => o with { RuntimeLoading = true, TokenizerInfo = true });
            Document = (await Server.GetAsync("/openapi.json")).Ok();
        }

        public async Task DisposeAsync() => await Server.DisposeAsync();
    }
}
