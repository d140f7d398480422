using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Server.Tests.Service;

/// <summary>Requests of a seeded generator, mostly wrong: none ends in a fault of the server, and each refusal has the error object.</summary>
public sealed class FuzzTests(Contract.FieldTests.Host host) : IClassFixture<Contract.FieldTests.Host>
{
    private static readonly string[] Paths =
        ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize", "/detokenize", "/v1/chat/completions/render", "/lorikeet/v1/keys", "/lorikeet/v1/adapters/x/rollback", "/lorikeet/v1/adapters/x/alias"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task No_request_is_a_fault(int seed)
    {
        CounterRandomOf random = new((ulong)seed);
        string[] fields = [.. Contract.FieldCases.Chat.Concat(Contract.FieldCases.Extensions).Concat(Contract.FieldCases.Completions).Concat(Contract.FieldCases.Embeddings).Select(c => c.Field).Distinct()];
        Contract.FieldCase[] cases = [.. Contract.FieldCases.Chat, .. Contract.FieldCases.Extensions];
        for (int i = 0; i < 250; i++)
        {
            string path = random.Pick(Paths);
            JsonObject body = new()
            {
                ["messages"] = JsonNode.Parse("""[{"role":"user","content":"x"}]"""),
                ["prompt"] = "x",
                ["input"] = "x",
                ["tokens"] = new JsonArray(1),
                ["max_tokens"] = 2,
            };
            for (int changes = random.Next(5); changes >= 0; changes--)
            {
                Contract.FieldCase known = random.Pick(cases);
                body[random.Next(3) == 0 ? random.Pick(fields) : known.Field] = random.Next(3) == 0 && known.Good.Length > 0 ? JsonNode.Parse(random.Pick(known.Good)) : Value(random, 0);
            }
            string text = body.ToJsonString();
            if (random.Next(6) == 0)
            {
                int at = random.Next(text.Length);
                text = random.Next(2) == 0 ? text[..at] : text.Remove(at, 1).Insert(at, ((char)random.Next(300)).ToString());
            }
            Answer answer = await host.Server.PostAsync(path, text, null, ("X-Lorikeet-Deadline-Ms", "200000"));
            Assert.True(answer.Status < 500, $"seed {seed}, request {i}: {path} {text}\n{answer.Status}: {answer.Body}");
            Assert.DoesNotContain(answer.Status, (int[])[408, 409, 422]);
            if (answer.Status >= 400)
            {
                answer.Error(answer.Status);
            }
        }
    }

    private static JsonNode? Value(CounterRandomOf random, int depth) => random.Next(depth > 3 ? 9 : 12) switch
    {
        0 => null,
        1 => true,
        2 => JsonValue.Create(random.Next(3) - 1),
        3 => JsonValue.Create(random.Next(int.MaxValue)),
        4 => JsonValue.Create((random.Next(4000) - 2000) / 1000.0),
        5 => JsonValue.Create(1e300),
        6 => "",
        7 => new string((char)random.Next(0xD7FF), random.Next(40)),
        8 => random.Pick(["tiny", "auto", "required", "json_object", "{{ x }}", "[TOOL_CALLS]", "a,b", "../../etc/passwd", "\u0000", "\u202e", "😀", "base:x", "x@1", "(((((", "a{999}"]),
        9 => new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => Value(random, depth + 1))]),
        _ => Object(random, depth),
    };

    private static JsonObject Object(CounterRandomOf random, int depth)
    {
        JsonObject json = [];
        for (int i = random.Next(4); i > 0; i--)
        {
            json[random.Pick(["type", "function", "name", "json_schema", "schema", "properties", "a", "role", "content", "id", "weight", "ids", "regex", "json", "1", "text"])] = Value(random, depth + 1);
        }
        return json;
    }
}
