using System.ClientModel;
using System.Text.Json;
using Lorikeet.Server.Tests.Keys;
using Lorikeet.Testing;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Embeddings;
using OpenAI.Responses;
using ClientItem = OpenAI.Responses.ResponseItem;
#pragma warning disable OPENAI001 // The client's part for responses is still called experimental.

namespace Lorikeet.Server.Tests.Conformance;

/// <summary>Items 1, 15, 24, 25 with OpenAI's own client for .NET; the one for JavaScript has a suite of its own.</summary>
public sealed partial class ConformanceTests
{
    private const string Weather = """{"type":"object","properties":{"city":{"enum":["Oslo","Rome"]}},"required":["city"],"additionalProperties":false}""";

    [Fact]
    public async Task Item_01_The_official_client_works_and_tells_errors_apart_by_status()
    {
        await using KeyTests.Keyed keyed = await KeyTests.Keyed.StartAsync();
        TinyServer server = keyed.Server;
        string key = await keyed.KeyAsync("acme", "infer"), once = await keyed.KeyAsync("acme", "infer", "\"limits\":{\"requests_per_minute\":1}"), metrics = await keyed.KeyAsync("acme", "metrics");
        ChatCompletion answer = await Chat(server, key).CompleteChatAsync([new SystemChatMessage("Be brief."), new UserChatMessage("hi")], new ChatCompletionOptions { MaxOutputTokenCount = 5 });
        Assert.Equal(("tiny", ChatMessageRole.Assistant), (answer.Model, answer.Role));
        string text = "";
        await foreach (StreamingChatCompletionUpdate update in Chat(server, key).CompleteChatStreamingAsync([new UserChatMessage("hi")], new ChatCompletionOptions { MaxOutputTokenCount = 5, Temperature = 0 }))
        {
            text += string.Concat(update.ContentUpdate.Select(p => p.Text));
        }
        Assert.Equal(string.Concat((await Chat(server, key).CompleteChatAsync([new UserChatMessage("hi")], new ChatCompletionOptions { MaxOutputTokenCount = 5, Temperature = 0 })).Value.Content.Select(p => p.Text)), text);
        Assert.Equal("tiny", (await Client(server, key).GetOpenAIModelClient().GetModelAsync("tiny")).Value.Id);
        await Chat(server, once).CompleteChatAsync([new UserChatMessage("x")], new ChatCompletionOptions { MaxOutputTokenCount = 1 });
        foreach ((int status, ChatClient client, float temperature) in ((int, ChatClient, float)[])
            [(400, Chat(server, key), 9), (401, Chat(server, "lk-wrong"), 1), (403, Chat(server, metrics), 1), (404, Chat(server, key, "nobody"), 1), (429, Chat(server, once), 1)])
        {
            Assert.Equal(status, (await Assert.ThrowsAsync<ClientResultException>(() => client.CompleteChatAsync([new UserChatMessage("x")], new ChatCompletionOptions { Temperature = temperature }))).Status);
        }
        await server.Server.Parts.Admission.DrainAsync(TimeSpan.Zero);
        Assert.Equal(503, (await Assert.ThrowsAsync<ClientResultException>(() => Chat(server, key).CompleteChatAsync(new UserChatMessage("x")))).Status);
    }

    /// <summary>Three repetitions after 429, none after 400 and 404; the client for .NET does not read x-should-retry.</summary>
    [Fact]
    public async Task Item_15_The_official_client_repeats_what_the_table_says()
    {
        await using KeyTests.Keyed keyed = await KeyTests.Keyed.StartAsync();
        string once = await keyed.KeyAsync("acme", "infer", "\"limits\":{\"requests_per_minute\":0}");
        ChatClient client = new OpenAIClient(new ApiKeyCredential(once), new OpenAIClientOptions { Endpoint = new Uri(keyed.Server.Server.Address, "/v1"), RetryPolicy = new Impatient() }).GetChatClient("tiny");
        Assert.Equal(429, (await Assert.ThrowsAsync<ClientResultException>(() => client.CompleteChatAsync(new UserChatMessage("x")))).Status);
        await FigureAsync("4xx", 4);
        string key = await keyed.KeyAsync("acme", "infer");
        ChatClient wrong = new OpenAIClient(new ApiKeyCredential(key), new OpenAIClientOptions { Endpoint = new Uri(keyed.Server.Server.Address, "/v1"), RetryPolicy = new Impatient() }).GetChatClient("nobody");
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => wrong.CompleteChatAsync(new UserChatMessage("x")))).Status);
        await FigureAsync("4xx", 5);

        // A request is counted when its answer has been sent: the client may be here first.
        async Task FigureAsync(string status, double expected)
        {
            string sample = $"http_requests_total{{method=\"POST\",status=\"{status}\",handler=\"/v1/chat/completions\"}} ";
            double found = 0;
            await Wait.UntilAsync(async () =>
            {
                string? line = (await keyed.Server.GetAsync("/metrics", keyed.Admin)).Body.Split('\n').SingleOrDefault(l => l.StartsWith(sample, StringComparison.Ordinal));
                found = line is null ? 0 : double.Parse(line[sample.Length..], System.Globalization.CultureInfo.InvariantCulture);
                return found >= expected;
            });
            Assert.Equal(expected, found);
        }
    }

    [Fact]
    public async Task Item_24_Embeddings_without_an_encoding_with_float_and_with_dimensions()
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-matryoshka-").FullName;
        try
        {
            foreach (string file in Directory.EnumerateFiles(TinyServer.Model))
            {
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            }
            string config = Path.Combine(folder, "config.json"), text = await File.ReadAllTextAsync(config);
            await File.WriteAllTextAsync(config, text[..text.LastIndexOf('}')] + ",\"is_matryoshka\":true,\"matryoshka_dimensions\":[4,8]}");
            await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { Model = folder });
            EmbeddingClient client = Client(server, "unused").GetEmbeddingClient("tiny");
            float[] whole = (await client.GenerateEmbeddingAsync("ab")).Value.ToFloats().ToArray();
            JsonElement plain = (await server.PostAsync("/v1/embeddings", """{"input":"ab","encoding_format":"float"}""")).Ok().GetProperty("data")[0].GetProperty("embedding");
            Assert.Equal(plain.EnumerateArray().Select(v => v.GetSingle()), whole);
            float[] shorter = (await client.GenerateEmbeddingAsync("ab", new EmbeddingGenerationOptions { Dimensions = 4 })).Value.ToFloats().ToArray();
            Assert.Equal(4, shorter.Length);
            Assert.Equal(1, shorter.Sum(v => (double)v * v), 5);
            Assert.Equal(whole[1] / whole[0], shorter[1] / shorter[0], 1e-4);
            (await server.PostAsync("/v1/embeddings", """{"input":"ab","dimensions":5}""")).Error(400, "invalid_value", "dimensions");
            (await server.PostAsync("/v1/embeddings", """{"input":"ab","dimensions":16}""")).Ok();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("\"auto\"", "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}</tool_call>", "tool_calls")]
    [InlineData("\"required\"", "[{\"name\": \"weather\", \"parameters\": {\"city\": \"Oslo\"}}]", "tool_calls")]
    [InlineData("{\"type\":\"function\",\"function\":{\"name\":\"weather\"}}", "{\"city\": \"Oslo\"}", "stop")]
    public async Task Item_25_Finish_reasons_of_calls(string choice, string said, string reason)
    {
        await using TinyServer server = await TinyServer.StartAsync(wrap: inner => new ScriptedInference(inner, _ => said));
        string body = "{" + Hi + ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"parameters\":" + Weather + "}}],\"tool_choice\":" + choice + ",\"max_tokens\":MOST,\"stream\":STREAM}";
        JsonElement whole = (await AskAsync(200, "false")).Ok().GetProperty("choices")[0];
        Assert.Equal(reason, whole.GetProperty("finish_reason").GetString());
        JsonElement call = whole.GetProperty("message").GetProperty("tool_calls")[0].GetProperty("function");
        Assert.Equal(("weather", "Oslo"), (call.GetProperty("name").GetString(), JsonDocument.Parse(call.GetProperty("arguments").GetString()!).RootElement.GetProperty("city").GetString()));
        JsonElement[] streamed = [.. (await AskAsync(200, "true")).Events().Select(e => e.GetProperty("choices")[0])];
        Assert.Equal(reason, streamed[^1].GetProperty("finish_reason").GetString());
        string arguments = string.Concat(streamed.Select(c => c.GetProperty("delta")).Where(d => d.TryGetProperty("tool_calls", out _)).Select(d => d.GetProperty("tool_calls")[0].GetProperty("function").GetProperty("arguments").GetString()));
        Assert.Equal(call.GetProperty("arguments").GetString(), arguments);
        // Cut by the limit it is length, whatever the choice.
        Assert.Equal("length", (await AskAsync(12, "false")).Ok().GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.Equal("length", (await AskAsync(12, "true")).Events()[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString());

        Task<Answer> AskAsync(int most, string stream) =>
            server.PostAsync("/v1/chat/completions", body.Replace("MOST", $"{most}", StringComparison.Ordinal).Replace("STREAM", stream, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Item_25_Responses_text_stream_and_function_loop_with_the_official_client()
    {
        string said = "Hello there.";
        await using TinyServer server = await TinyServer.StartAsync(wrap: inner => new ScriptedInference(inner, _ => said));
        ResponsesClient client = Client(server, "unused").GetResponsesClient();
        ResponseResult answer = await client.CreateResponseAsync(Options("hi"));
        Assert.Equal(("Hello there.", ResponseStatus.Completed), (answer.GetOutputText(), answer.Status));
        Assert.Equal(("<user>hi<assistant>".Length, 13), (answer.Usage.InputTokenCount, answer.Usage.OutputTokenCount));
        List<StreamingResponseUpdate> updates = [];
        CreateResponseOptions streaming = Options("hi");
        streaming.StreamingEnabled = true;
        await foreach (StreamingResponseUpdate update in await client.CreateResponseStreamingAsync(streaming))
        {
            updates.Add(update);
        }
        Assert.Equal(Enumerable.Range(0, updates.Count), updates.Select(u => u.SequenceNumber));
        Assert.Equal("Hello there.", string.Concat(updates.OfType<StreamingResponseOutputTextDeltaUpdate>().Select(u => u.Delta)));
        Assert.IsType<StreamingResponseCreatedUpdate>(updates[0]);
        Assert.Equal("Hello there.", Assert.IsType<StreamingResponseCompletedUpdate>(updates[^1]).Response.GetOutputText());
        // A call, its answer, and the words after it.
        said = "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}</tool_call>";
        CreateResponseOptions asking = Options("What is the weather?");
        asking.Tools.Add(ResponseTool.CreateFunctionTool("weather", BinaryData.FromString(Weather), strictModeEnabled: false));
        ResponseResult called = await client.CreateResponseAsync(asking);
        FunctionCallResponseItem call = Assert.IsType<FunctionCallResponseItem>(Assert.Single(called.OutputItems));
        Assert.Equal(("weather", "{\"city\": \"Oslo\"}"), (call.FunctionName, call.FunctionArguments.ToString()));
        said = "Sunny.";
        asking.InputItems.Add(call);
        asking.InputItems.Add(ClientItem.CreateFunctionCallOutputItem(call.CallId, "sunny"));
        Assert.Equal("Sunny.", (await client.CreateResponseAsync(asking)).Value.GetOutputText());

        static CreateResponseOptions Options(string text) => new() { Model = "tiny", StoredOutputEnabled = false, InputItems = { ClientItem.CreateUserMessageItem(text) } };
    }

    private static OpenAIClient Client(TinyServer server, string key) =>
        new(new ApiKeyCredential(key), new OpenAIClientOptions { Endpoint = new Uri(server.Server.Address, "/v1"), RetryPolicy = new System.ClientModel.Primitives.ClientRetryPolicy(0) });

    private static ChatClient Chat(TinyServer server, string key, string model = "tiny") => Client(server, key).GetChatClient(model);

    /// <summary>The client's own policy without its pauses.</summary>
    private sealed class Impatient : System.ClientModel.Primitives.ClientRetryPolicy
    {
        protected override TimeSpan GetNextDelay(System.ClientModel.Primitives.PipelineMessage message, int tryCount) => TimeSpan.Zero;
    }
}
