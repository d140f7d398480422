using System.Text.Json;

namespace Lorikeet.Server.Tests.Chat;

/// <summary>Calls that the model decides for, and texts that streams cut, with an engine that says what the test wants.</summary>
public sealed class ToolTests
{
    private const string Tools = """
        "tools":[{"type":"function","function":{"name":"get","parameters":{"type":"object"}}}]
        """;

    [Theory]
    [InlineData("<tool_call>\\n{\\\"name\\\": \\\"get\\\", \\\"arguments\\\": {\\\"a\\\": 1}}\\n</tool_call>", "tool_calls", null)]
    [InlineData("Well. <tool_call>{\\\"name\\\":\\\"get\\\",\\\"arguments\\\":{}}</tool_call>", "tool_calls", "Well. ")]
    [InlineData("no call here", "stop", "no call here")]
    [InlineData("<tool_call>{\\\"name\\\":\\\"unknown\\\"}</tool_call>", "stop", "<tool_call>{\"name\":\"unknown\"}</tool_call>")]
    public async Task Auto(string escaped, string reason, string? content)
    {
        string said = JsonDocument.Parse($"\"{escaped}\"").RootElement.GetString()!;
        await using TinyServer server = await TinyServer.StartAsync(wrap: inner => new ScriptedInference(inner, _ => said));
        string body = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":200," + Tools;
        JsonElement choice = (await server.PostAsync("/v1/chat/completions", body + "}")).Ok().GetProperty("choices")[0];
        Assert.Equal(reason, choice.GetProperty("finish_reason").GetString());
        Assert.Equal(content, choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal(reason == "tool_calls", choice.GetProperty("message").TryGetProperty("tool_calls", out JsonElement calls));
        JsonElement[] deltas = [.. (await server.PostAsync("/v1/chat/completions", body + ",\"stream\":true}")).Events().Select(e => e.GetProperty("choices")[0].GetProperty("delta"))];
        Assert.Equal(content ?? "", string.Concat(deltas.Select(d => d.TryGetProperty("content", out JsonElement c) ? c.GetString() : "")));
        if (reason == "tool_calls")
        {
            string streamed = string.Concat(deltas.Select(d => d.TryGetProperty("tool_calls", out JsonElement t) ? t[0].GetProperty("function").GetProperty("arguments").GetString() : ""));
            Assert.Equal(calls[0].GetProperty("function").GetProperty("arguments").GetString(), streamed);
        }
    }

    [Fact]
    public async Task Old_functions_answer_with_function_call()
    {
        await using TinyServer server = await TinyServer.StartAsync(wrap: inner => new ScriptedInference(inner, _ => "{\"a\":1}"));
        JsonElement choice = (await server.PostAsync(
            "/v1/chat/completions", """{"messages":[{"role":"user","content":"x"}],"max_tokens":50,"functions":[{"name":"get","parameters":{"type":"object"}}],"function_call":{"name":"get"}}""")).Ok().GetProperty("choices")[0];
        Assert.Equal("function_call", choice.GetProperty("finish_reason").GetString());
        Assert.Equal("{\"a\":1}", choice.GetProperty("message").GetProperty("function_call").GetProperty("arguments").GetString());
    }

    [Fact]
    public async Task A_character_of_several_tokens_never_leaks_in_part()
    {
        await using TinyServer server = await TinyServer.StartAsync(wrap: inner => new ScriptedInference(inner, _ => "a€b😀c"));
        IReadOnlyList<JsonElement> events = (await server.PostAsync("/v1/chat/completions", """{"messages":[{"role":"user","content":"x"}],"max_tokens":50,"stream":true}""")).Events();
        Assert.Equal(["a", "€", "b", "😀", "c"], events.Select(e => e.GetProperty("choices")[0].GetProperty("delta")).Where(d => d.TryGetProperty("content", out JsonElement c) && c.GetString() != "").Select(d => d.GetProperty("content").GetString()));
    }
}
