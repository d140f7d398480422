using System.ClientModel;
using System.Text.Json;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Embeddings;
using OpenAI.Models;

namespace Lorikeet.Server.Tests.Clients;

/// <summary>OpenAI's own client for .NET against the server.</summary>
public sealed class OpenAIClientTests(Contract.FieldTests.Host host) : IClassFixture<Contract.FieldTests.Host>
{
    private OpenAIClient Client => new(new ApiKeyCredential("unused"), new OpenAIClientOptions { Endpoint = new Uri(host.Server.Server.Address, "/v1"), RetryPolicy = new System.ClientModel.Primitives.ClientRetryPolicy(0) });

    private ChatClient Chat => Client.GetChatClient("tiny");

    [Fact]
    public async Task Chat_answers()
    {
        ChatCompletion answer = await Chat.CompleteChatAsync([new SystemChatMessage("Be brief."), new UserChatMessage("hi")], new ChatCompletionOptions { MaxOutputTokenCount = 5, Temperature = 0, IncludeLogProbabilities = true, TopLogProbabilityCount = 2 });
        Assert.Equal("tiny", answer.Model);
        Assert.Equal(ChatMessageRole.Assistant, answer.Role);
        Assert.True(answer.Usage.OutputTokenCount <= 5);
        Assert.Equal(answer.Usage.OutputTokenCount, answer.ContentTokenLogProbabilities.Count);
    }

    [Fact]
    public async Task Stream_is_the_plain_answer_in_pieces()
    {
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 24, Temperature = 0 };
        ChatCompletion whole = await Chat.CompleteChatAsync([new UserChatMessage("hi")], options);
        string text = "";
        ChatFinishReason? reason = null;
        ChatTokenUsage? usage = null;
        await foreach (StreamingChatCompletionUpdate update in Chat.CompleteChatStreamingAsync([new UserChatMessage("hi")], options))
        {
            text += string.Concat(update.ContentUpdate.Select(p => p.Text));
            reason = update.FinishReason ?? reason;
            usage = update.Usage ?? usage;
        }
        Assert.Equal(string.Concat(whole.Content.Select(p => p.Text)), text);
        Assert.Equal(whole.FinishReason, reason);
        Assert.Equal(whole.Usage.OutputTokenCount, usage!.OutputTokenCount);
    }

    [Fact]
    public async Task Tools_are_called()
    {
        ChatTool tool = ChatTool.CreateFunctionTool("weather", "The weather.", BinaryData.FromString("""{"type":"object","properties":{"city":{"enum":["Oslo","Rome"]}},"required":["city"],"additionalProperties":false}"""));
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 900, ToolChoice = ChatToolChoice.CreateRequiredChoice(), AllowParallelToolCalls = false };
        options.Tools.Add(tool);
        ChatCompletion answer = await Chat.CompleteChatAsync([new UserChatMessage("?")], options);
        Assert.Equal(ChatFinishReason.ToolCalls, answer.FinishReason);
        ChatToolCall call = Assert.Single(answer.ToolCalls);
        Assert.Equal("weather", call.FunctionName);
        Assert.Contains(JsonDocument.Parse(call.FunctionArguments).RootElement.GetProperty("city").GetString(), new[] { "Oslo", "Rome" });
        // The whole loop: the call and its answer go back.
        ChatCompletion after = await Chat.CompleteChatAsync(
            [new UserChatMessage("?"), new AssistantChatMessage(answer), new ToolChatMessage(call.Id, "sunny")], new ChatCompletionOptions { MaxOutputTokenCount = 4 });
        Assert.NotNull(after.Id);
        string arguments = "", name = "";
        await foreach (StreamingChatCompletionUpdate update in Chat.CompleteChatStreamingAsync([new UserChatMessage("?")], options))
        {
            foreach (StreamingChatToolCallUpdate piece in update.ToolCallUpdates)
            {
                name += piece.FunctionName;
                arguments += piece.FunctionArgumentsUpdate?.ToString();
            }
        }
        Assert.Equal("weather", name);
        Assert.Contains(JsonDocument.Parse(arguments).RootElement.GetProperty("city").GetString(), new[] { "Oslo", "Rome" });
    }

    [Fact]
    public async Task Json_schema_holds()
    {
        ChatCompletionOptions options = new()
        {
            MaxOutputTokenCount = 900,
            ResponseFormat = ChatResponseFormat.CreateJsonSchemaFormat("p", BinaryData.FromString("""{"type":"object","properties":{"ok":{"type":"boolean"},"n":{"type":"integer","minimum":0,"maximum":99}},"required":["ok","n"],"additionalProperties":false}"""), jsonSchemaIsStrict: true),
        };
        ChatCompletion answer = await Chat.CompleteChatAsync([new UserChatMessage("?")], options);
        Assert.InRange(JsonDocument.Parse(answer.Content[0].Text).RootElement.GetProperty("n").GetInt32(), 0, 99);
    }

    [Fact]
    public async Task Embeddings_come_without_stating_an_encoding()
    {
        OpenAIEmbeddingCollection vectors = await Client.GetEmbeddingClient("tiny").GenerateEmbeddingsAsync(["ab", "cd"]);
        Assert.Equal(2, vectors.Count);
        Assert.Equal(1, vectors[0].ToFloats().ToArray().Sum(v => (double)v * v), 5);
    }

    [Fact]
    public async Task Models_are_listed_and_found()
    {
        OpenAIModelClient models = Client.GetOpenAIModelClient();
        Assert.Contains((await models.GetModelsAsync()).Value, m => m.Id == "tiny");
        Assert.Equal("tiny", (await models.GetModelAsync("tiny")).Value.Id);
    }

    [Fact]
    public async Task Errors_are_told_apart_by_status()
    {
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => Client.GetChatClient("nope").CompleteChatAsync(new UserChatMessage("x")))).Status);
        Assert.Equal(400, (await Assert.ThrowsAsync<ClientResultException>(() => Chat.CompleteChatAsync([new UserChatMessage("x")], new ChatCompletionOptions { Temperature = 9 }))).Status);
        await using TinyServer keyed = await TinyServer.StartAsync((o, _) => o with { ApiKeys = ["right"] });
        OpenAIClientOptions options = new() { Endpoint = new Uri(keyed.Server.Address, "/v1") };
        Assert.Equal(401, (await Assert.ThrowsAsync<ClientResultException>(() => new OpenAIClient(new ApiKeyCredential("wrong"), options).GetChatClient("tiny").CompleteChatAsync(new UserChatMessage("x")))).Status);
        ChatCompletion answer = await new OpenAIClient(new ApiKeyCredential("right"), options).GetChatClient("tiny").CompleteChatAsync([new UserChatMessage("x")], new ChatCompletionOptions { MaxOutputTokenCount = 1 });
        Assert.NotNull(answer.Id);
    }
}
