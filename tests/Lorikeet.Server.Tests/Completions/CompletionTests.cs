using System.Text.Json;

namespace Lorikeet.Server.Tests.Completions;

/// <summary>What completion answers look like and mean.</summary>
public sealed class CompletionTests(Contract.FieldTests.Host host) : IClassFixture<Contract.FieldTests.Host>
{
    [Fact]
    public async Task Answer_has_the_form_of_section_6()
    {
        JsonElement json = (await PostAsync("""{"prompt":["ab","cd"],"n":2,"max_tokens":3,"temperature":0,"ignore_eos":true}""")).Ok();
        Assert.StartsWith("cmpl-", json.GetProperty("id").GetString(), StringComparison.Ordinal);
        Assert.Equal("text_completion", json.GetProperty("object").GetString());
        Assert.Equal("tiny", json.GetProperty("model").GetString());
        Assert.Equal([0, 1, 2, 3], json.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("index").GetInt32()));
        Assert.Equal(4, json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(12, json.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
    }

    [Fact]
    public async Task Sixteen_tokens_are_the_default() =>
        Assert.Equal(16, (await PostAsync("""{"prompt":"ab","ignore_eos":true}""")).Ok().GetProperty("usage").GetProperty("completion_tokens").GetInt32());

    [Fact]
    public async Task Equal_prompts_get_equal_answers_and_ids_are_texts()
    {
        JsonElement choices = (await PostAsync("""{"prompt":["ab","ab"],"max_tokens":8}""")).Ok().GetProperty("choices");
        Assert.Equal(choices[0].GetProperty("text").GetString(), choices[1].GetProperty("text").GetString());
        string byText = (await PostAsync("""{"prompt":"ab","max_tokens":8,"temperature":0}""")).Ok().GetProperty("choices")[0].GetProperty("text").GetString()!;
        Assert.Equal(byText, (await PostAsync("""{"prompt":[97,98],"max_tokens":8,"temperature":0}""")).Ok().GetProperty("choices")[0].GetProperty("text").GetString());
    }

    [Fact]
    public async Task Echo_puts_the_prompt_first_with_its_scores()
    {
        JsonElement choice = (await PostAsync("""{"prompt":"abc","max_tokens":2,"temperature":0,"echo":true,"logprobs":2,"ignore_eos":true}""")).Ok().GetProperty("choices")[0];
        Assert.StartsWith("abc", choice.GetProperty("text").GetString(), StringComparison.Ordinal);
        JsonElement scores = choice.GetProperty("logprobs");
        Assert.Equal(["a", "b", "c"], scores.GetProperty("tokens").EnumerateArray().Take(3).Select(t => t.GetString()));
        Assert.Equal(5, scores.GetProperty("tokens").GetArrayLength());
        Assert.Equal([0, 1, 2, 3], scores.GetProperty("text_offset").EnumerateArray().Take(4).Select(t => t.GetInt32()));
        Assert.Equal(JsonValueKind.Null, scores.GetProperty("token_logprobs")[0].ValueKind);
        Assert.Equal(JsonValueKind.Null, scores.GetProperty("top_logprobs")[0].ValueKind);
        Assert.All(scores.GetProperty("token_logprobs").EnumerateArray().Skip(1), s => Assert.True(s.GetDouble() <= 0));
        Assert.All(scores.GetProperty("top_logprobs").EnumerateArray().Skip(1), s => Assert.InRange(s.EnumerateObject().Count(), 1, 3));
    }

    [Fact]
    public async Task Echo_alone_computes_nothing()
    {
        JsonElement json = (await PostAsync("""{"prompt":"abc","max_tokens":0,"echo":true}""")).Ok();
        Assert.Equal("abc", json.GetProperty("choices")[0].GetProperty("text").GetString());
        Assert.Equal(0, json.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        JsonElement scored = (await PostAsync("""{"prompt":"abc","max_tokens":0,"echo":true,"logprobs":1}""")).Ok().GetProperty("choices")[0];
        Assert.Equal("abc", scored.GetProperty("text").GetString());
        Assert.Equal(3, scored.GetProperty("logprobs").GetProperty("tokens").GetArrayLength());
    }

    [Fact]
    public async Task Stream_carries_the_text_of_the_plain_answer()
    {
        const string Body = """{"prompt":["ab","xyz"],"max_tokens":12,"temperature":0,"ignore_eos":true,"logprobs":1""";
        JsonElement whole = (await PostAsync(Body + "}")).Ok();
        IReadOnlyList<JsonElement> events = (await PostAsync(Body + ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}")).Events();
        for (int i = 0; i < 2; i++)
        {
            JsonElement[] own = [.. events.SkipLast(1).Select(e => e.GetProperty("choices")[0]).Where(c => c.GetProperty("index").GetInt32() == i)];
            Assert.Equal(whole.GetProperty("choices")[i].GetProperty("text").GetString(), string.Concat(own.Select(c => c.GetProperty("text").GetString())));
            Assert.Equal(12, own.Sum(c => c.GetProperty("logprobs").GetProperty("tokens").GetArrayLength()));
            Assert.Equal("length", own[^1].GetProperty("finish_reason").GetString());
        }
        Assert.Equal(24, events[^1].GetProperty("usage").GetProperty("completion_tokens").GetInt32());
    }

    [Fact]
    public async Task Render_gives_the_ids() =>
        Assert.Equal("[{\"token_ids\":[97,98]},{\"token_ids\":[99]}]", (await host.Server.PostAsync("/v1/completions/render", """{"prompt":["ab","c"]}""")).Ok().GetRawText());

    [Fact]
    public async Task Sequences_end_where_the_operator_says()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { Engine = o.Engine with { MaxLength = 20 } });
        JsonElement answer = (await server.PostAsync("/v1/completions", """{"prompt":[1,2,3,4,5],"max_tokens":100,"ignore_eos":true}""")).Ok();
        Assert.Equal(15, answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.Equal("length", answer.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        (await server.PostAsync("/v1/completions", """{"prompt":"12345678901234567890"}""")).Error(400, "context_length_exceeded", "prompt");
        (await server.PostAsync("/v1/chat/completions", """{"messages":[{"role":"user","content":"12345678901234567890"}]}""")).Error(400, "context_length_exceeded", "messages");
        (await server.PostAsync("/v1/embeddings", """{"input":"123456789012345678901"}""")).Error(400, "context_length_exceeded", "input");
        (await server.PostAsync("/v1/embeddings", """{"input":"12345678901234567890"}""")).Ok();
        Assert.Equal(20, (await server.GetAsync("/v1/models/tiny")).Ok().GetProperty("max_model_len").GetInt32());
        Assert.Equal(20, (await server.PostAsync("/tokenize", """{"prompt":"a"}""")).Ok().GetProperty("max_model_len").GetInt32());
    }

    private Task<Answer> PostAsync(string body) => host.Server.PostAsync("/v1/completions", body);
}
