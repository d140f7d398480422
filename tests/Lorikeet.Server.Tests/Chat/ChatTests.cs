using System.Text;
using System.Text.Json;

namespace Lorikeet.Server.Tests.Chat;

/// <summary>What chat answers look like and mean.</summary>
public sealed class ChatTests(Contract.FieldTests.Host host) : IClassFixture<Contract.FieldTests.Host>
{
    private const string Message = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";
    private TinyServer Server => host.Server;

    [Fact]
    public async Task Answer_has_the_form_of_section_5_3()
    {
        Answer answer = await ChatAsync("\"max_tokens\":4,\"temperature\":0,\"ignore_eos\":true");
        JsonElement json = answer.Ok();
        Assert.StartsWith("chatcmpl-", json.GetProperty("id").GetString(), StringComparison.Ordinal);
        Assert.Equal("chat.completion", json.GetProperty("object").GetString());
        Assert.Equal("tiny", json.GetProperty("model").GetString());
        Assert.Matches("^fp_[0-9a-f]{16}$", json.GetProperty("system_fingerprint").GetString());
        JsonElement choice = Assert.Single(json.GetProperty("choices").EnumerateArray());
        Assert.Equal("assistant", choice.GetProperty("message").GetProperty("role").GetString());
        Assert.Equal(JsonValueKind.Null, choice.GetProperty("message").GetProperty("refusal").ValueKind);
        Assert.Equal(JsonValueKind.Null, choice.GetProperty("logprobs").ValueKind);
        Assert.False(choice.GetProperty("message").TryGetProperty("tool_calls", out _));
        Assert.Equal("length", choice.GetProperty("finish_reason").GetString());
        JsonElement usage = json.GetProperty("usage");
        Assert.Equal(4, usage.GetProperty("completion_tokens").GetInt32());
        Assert.Equal(usage.GetProperty("prompt_tokens").GetInt32() + 4, usage.GetProperty("total_tokens").GetInt32());
        Assert.NotNull(answer.Header("x-lorikeet-seed"));
        Assert.NotNull(answer.Header("X-Request-Id"));
    }

    [Fact]
    public async Task Prompt_tokens_are_those_of_the_tokenize_route_and_of_the_render_route()
    {
        int[] tokens = Ids((await Server.PostAsync("/tokenize", "{" + Message + "}")).Ok().GetProperty("tokens"));
        Assert.Equal("<user>hi<assistant>", Encoding.UTF8.GetString([.. tokens.Select(t => (byte)t)]));
        Assert.Equal(tokens, Ids((await Server.PostAsync("/v1/chat/completions/render", "{" + Message + "}")).Ok().GetProperty("token_ids")));
        Assert.Equal(tokens.Length, (await ChatAsync("\"max_tokens\":1")).Ok().GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
    }

    [Fact]
    public async Task Stream_has_the_order_of_section_5_5_and_the_text_of_the_plain_answer()
    {
        const string More = "\"max_tokens\":20,\"temperature\":0,\"ignore_eos\":true,\"n\":3,\"seed\":4";
        JsonElement whole = (await ChatAsync(More)).Ok();
        IReadOnlyList<JsonElement> events = (await ChatAsync(More + ",\"stream\":true,\"stream_options\":{\"include_usage\":true}")).Events();
        Assert.All(events, e => Assert.Equal("chat.completion.chunk", e.GetProperty("object").GetString()));
        Assert.Single(events.Select(e => (e.GetProperty("id").GetString(), e.GetProperty("created").GetInt64(), e.GetProperty("system_fingerprint").GetString())).Distinct());
        Assert.All(events.SkipLast(1), e => Assert.Equal(JsonValueKind.Null, e.GetProperty("usage").ValueKind));
        Assert.Empty(events[^1].GetProperty("choices").EnumerateArray());
        Assert.Equal(60, events[^1].GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.Equal(whole.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), events[^1].GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        for (int i = 0; i < 3; i++)
        {
            JsonElement[] own = [.. events.SkipLast(1).Select(e => e.GetProperty("choices")[0]).Where(c => c.GetProperty("index").GetInt32() == i)];
            Assert.Equal("assistant", own[0].GetProperty("delta").GetProperty("role").GetString());
            Assert.Equal("", own[0].GetProperty("delta").GetProperty("content").GetString());
            Assert.All(own.SkipLast(1), c => Assert.Equal(JsonValueKind.Null, c.GetProperty("finish_reason").ValueKind));
            Assert.Equal("length", own[^1].GetProperty("finish_reason").GetString());
            Assert.Empty(own[^1].GetProperty("delta").EnumerateObject());
            Assert.All(own[1..^1], c => Assert.NotEqual("", c.GetProperty("delta").GetProperty("content").GetString()));
            string text = string.Concat(own[1..^1].Select(c => c.GetProperty("delta").GetProperty("content").GetString()));
            Assert.Equal(whole.GetProperty("choices")[i].GetProperty("message").GetProperty("content").GetString(), text);
        }
    }

    [Fact]
    public async Task Stream_without_include_usage_has_no_usage_and_continuous_usage_is_on_every_chunk()
    {
        Assert.All((await ChatAsync("\"max_tokens\":3,\"stream\":true")).Events(), e => Assert.False(e.TryGetProperty("usage", out _)));
        Assert.All((await ChatAsync("\"max_tokens\":3,\"stream\":true,\"stream_options\":{\"include_usage\":false}")).Events(), e => Assert.False(e.TryGetProperty("usage", out _)));
        Assert.All(
            (await ChatAsync("\"max_tokens\":3,\"stream\":true,\"stream_options\":{\"continuous_usage_stats\":true}")).Events(),
            e => Assert.Equal(JsonValueKind.Object, e.GetProperty("usage").ValueKind));
    }

    [Fact]
    public async Task First_of_three_choices_is_the_answer_to_one()
    {
        string one = Text((await ChatAsync("\"max_tokens\":16,\"seed\":9,\"ignore_eos\":true")).Ok(), 0), again = Text((await ChatAsync("\"max_tokens\":16,\"seed\":9,\"ignore_eos\":true")).Ok(), 0);
        JsonElement three = (await ChatAsync("\"max_tokens\":16,\"seed\":9,\"ignore_eos\":true,\"n\":3")).Ok();
        Assert.Equal(one, again);
        Assert.Equal(one, Text(three, 0));
        Assert.NotEqual(Text(three, 0), Text(three, 1));
    }

    [Fact]
    public async Task The_seed_that_was_drawn_gives_the_answer_again()
    {
        Answer first = await ChatAsync("\"max_tokens\":16,\"ignore_eos\":true");
        Assert.Equal(Text(first.Ok(), 0), Text((await ChatAsync($"\"max_tokens\":16,\"ignore_eos\":true,\"seed\":{first.Header("x-lorikeet-seed")}")).Ok(), 0));
    }

    [Fact]
    public async Task Logprobs_have_an_entry_for_each_token_with_as_many_likeliest_as_asked()
    {
        const string More = "\"max_tokens\":6,\"temperature\":0,\"ignore_eos\":true,\"logprobs\":true,\"top_logprobs\":4";
        JsonElement content = (await ChatAsync(More)).Ok().GetProperty("choices")[0].GetProperty("logprobs").GetProperty("content");
        Assert.Equal(6, content.GetArrayLength());
        foreach (JsonElement token in content.EnumerateArray())
        {
            JsonElement[] top = [.. token.GetProperty("top_logprobs").EnumerateArray()];
            Assert.Equal(4, top.Length);
            Assert.Equal(top[0].GetProperty("token").GetString(), token.GetProperty("token").GetString());
            Assert.Equal(top.Select(t => t.GetProperty("logprob").GetDouble()).OrderDescending(), top.Select(t => t.GetProperty("logprob").GetDouble()));
            Assert.True(token.GetProperty("logprob").GetDouble() <= 0);
        }
        IReadOnlyList<JsonElement> events = (await ChatAsync(More + ",\"stream\":true")).Events();
        JsonElement[] streamed = [.. events.Select(e => e.GetProperty("choices")[0].GetProperty("logprobs")).Where(l => l.ValueKind == JsonValueKind.Object).SelectMany(l => l.GetProperty("content").EnumerateArray())];
        Assert.Equal(content.EnumerateArray().Select(t => t.GetRawText()), streamed.Select(t => t.GetRawText()));
    }

    [Fact]
    public async Task Constraints_hold()
    {
        string schema = """{"type":"object","properties":{"name":{"type":"string","maxLength":6},"age":{"type":"integer","minimum":0,"maximum":150},"tags":{"type":"array","items":{"enum":["a","b"]},"maxItems":3}},"required":["name","age","tags"],"additionalProperties":false}""";
        for (int seed = 0; seed < 4; seed++)
        {
            JsonElement answer = (await ChatAsync($$"""
                "max_tokens":900,"seed":{{seed}},"response_format":{"type":"json_schema","json_schema":{"name":"p","schema":{{schema}} } }
                """)).Ok();
            Assert.Equal("stop", answer.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
            JsonElement person = JsonDocument.Parse(Text(answer, 0)).RootElement;
            Assert.InRange(person.GetProperty("age").GetInt32(), 0, 150);
            Assert.True(person.GetProperty("name").GetString()!.Length <= 12);
            Assert.All(person.GetProperty("tags").EnumerateArray(), t => Assert.Contains(t.GetString(), new[] { "a", "b" }));
            string choice = Text((await ChatAsync($"\"max_tokens\":50,\"seed\":{seed},\"structured_outputs\":{{\"choice\":[\"red\",\"green\",\"blue€\"]}}")).Ok(), 0);
            Assert.Contains(choice, new[] { "red", "green", "blue€" });
            Assert.Matches("^[0-9]{4}-[a-f]{2}$", Text((await ChatAsync($"\"max_tokens\":50,\"seed\":{seed},\"guided_regex\":\"[0-9]{{4}}-[a-f]{{2}}\"")).Ok(), 0));
        }
    }

    [Fact]
    public async Task Forced_calls_satisfy_their_schema_and_end_as_section_5_4_says()
    {
        const string Tools = """
            "tools":[{"type":"function","function":{"name":"get","parameters":{"type":"object","properties":{"day":{"enum":["mon","tue"]},"n":{"type":"integer","minimum":1,"maximum":9}},"required":["day","n"]}}},
                     {"type":"function","function":{"name":"stop"}}]
            """;
        JsonElement named = (await ChatAsync(Tools + ",\"max_tokens\":900,\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"get\"}}")).Ok().GetProperty("choices")[0];
        Assert.Equal("stop", named.GetProperty("finish_reason").GetString());
        CheckCalls(named.GetProperty("message"));
        JsonElement required = (await ChatAsync(Tools + ",\"max_tokens\":900,\"tool_choice\":\"required\",\"parallel_tool_calls\":false")).Ok().GetProperty("choices")[0];
        Assert.Equal("tool_calls", required.GetProperty("finish_reason").GetString());
        Assert.Equal(1, required.GetProperty("message").GetProperty("tool_calls").GetArrayLength());
        CheckCalls(required.GetProperty("message"));
        JsonElement cut = (await ChatAsync(Tools + ",\"max_tokens\":5,\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"get\"}}")).Ok().GetProperty("choices")[0];
        Assert.Equal("length", cut.GetProperty("finish_reason").GetString());

        IReadOnlyList<JsonElement> events = (await ChatAsync(Tools + ",\"max_tokens\":900,\"seed\":3,\"stream\":true,\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"get\"}}")).Events();
        JsonElement[] calls = [.. events.Select(e => e.GetProperty("choices")[0].GetProperty("delta")).Where(d => d.TryGetProperty("tool_calls", out _)).Select(d => d.GetProperty("tool_calls")[0])];
        Assert.StartsWith("call_", calls[0].GetProperty("id").GetString(), StringComparison.Ordinal);
        Assert.Equal("get", calls[0].GetProperty("function").GetProperty("name").GetString());
        Assert.Equal("", calls[0].GetProperty("function").GetProperty("arguments").GetString());
        Assert.All(calls[1..], c => Assert.False(c.TryGetProperty("id", out _)));
        JsonElement arguments = JsonDocument.Parse(string.Concat(calls.Select(c => c.GetProperty("function").GetProperty("arguments").GetString()))).RootElement;
        Assert.InRange(arguments.GetProperty("n").GetInt32(), 1, 9);
        Assert.Equal("stop", events[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString());

        static void CheckCalls(JsonElement message)
        {
            Assert.Equal(JsonValueKind.Null, message.GetProperty("content").ValueKind);
            foreach (JsonElement call in message.GetProperty("tool_calls").EnumerateArray())
            {
                JsonElement function = call.GetProperty("function");
                JsonElement arguments = JsonDocument.Parse(function.GetProperty("arguments").GetString()!).RootElement;
                if (function.GetProperty("name").GetString() == "get")
                {
                    Assert.InRange(arguments.GetProperty("n").GetInt32(), 1, 9);
                    Assert.Contains(arguments.GetProperty("day").GetString(), new[] { "mon", "tue" });
                }
                else
                {
                    Assert.Empty(arguments.EnumerateObject());
                }
            }
        }
    }

    [Fact]
    public async Task Sampling_fields_do_what_they_say()
    {
        Assert.All(Bytes((await ChatAsync("\"max_tokens\":20,\"allowed_token_ids\":[65,66,67]")).Ok()), b => Assert.InRange(b, (byte)65, (byte)67));
        Assert.All(Bytes((await ChatAsync("\"max_tokens\":20,\"logit_bias\":{\"90\":100}")).Ok()), b => Assert.Equal((byte)90, b));
        JsonElement stopped = (await ChatAsync("\"max_tokens\":20,\"logit_bias\":{\"90\":100},\"stop_token_ids\":[90],\"min_tokens\":3")).Ok().GetProperty("choices")[0];
        Assert.Equal("stop", stopped.GetProperty("finish_reason").GetString());
        Assert.Equal(90, stopped.GetProperty("stop_reason").GetInt32());
        JsonElement text = (await ChatAsync("\"max_tokens\":20,\"logit_bias\":{\"90\":100},\"stop\":[\"ZZZ\"]")).Ok();
        Assert.Equal("", Text(text, 0));
        Assert.Equal("ZZZ", text.GetProperty("choices")[0].GetProperty("stop_reason").GetString());
        Assert.Equal("ZZZ", Text((await ChatAsync("\"max_tokens\":20,\"logit_bias\":{\"90\":100},\"stop\":[\"ZZZ\"],\"include_stop_str_in_output\":true")).Ok(), 0));
        Assert.DoesNotContain("Z", Text((await ChatAsync("\"max_tokens\":20,\"logit_bias\":{\"90\":100},\"bad_words\":[\"Z\"]")).Ok(), 0), StringComparison.Ordinal);
        Assert.Equal("<|endoftext|>", Text((await ChatAsync("\"max_tokens\":1,\"logit_bias\":{\"256\":100},\"skip_special_tokens\":false,\"ignore_eos\":true")).Ok(), 0));
    }

    [Fact]
    public async Task Prompt_logprobs_token_ids_and_truncation()
    {
        JsonElement json = (await ChatAsync("\"max_tokens\":2,\"prompt_logprobs\":2,\"return_token_ids\":true,\"truncate_prompt_tokens\":5,\"return_tokens_as_token_ids\":true,\"logprobs\":true,\"ignore_eos\":true")).Ok();
        Assert.Equal(5, json.GetProperty("prompt_token_ids").GetArrayLength());
        Assert.Equal("tant>", Encoding.UTF8.GetString([.. Ids(json.GetProperty("prompt_token_ids")).Select(i => (byte)i)]));
        JsonElement scores = json.GetProperty("prompt_logprobs");
        Assert.Equal(5, scores.GetArrayLength());
        Assert.Equal(JsonValueKind.Null, scores[0].ValueKind);
        Assert.InRange(scores[1].EnumerateObject().Count(), 2, 3);
        Assert.True(scores[1].EnumerateObject().First().Value.GetProperty("rank").GetInt32() >= 1);
        JsonElement choice = json.GetProperty("choices")[0];
        Assert.Equal($"token_id:{choice.GetProperty("token_ids")[0].GetInt32()}", choice.GetProperty("logprobs").GetProperty("content")[0].GetProperty("token").GetString());
    }

    [Fact]
    public async Task A_prompt_that_is_too_long_is_refused_with_its_length()
    {
        Answer answer = await Server.PostAsync("/v1/chat/completions", $$"""{"messages":[{"role":"user","content":"{{new string('x', 1100)}}"}]}""");
        Assert.Contains("1117", answer.Error(400, "context_length_exceeded", "messages").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Continued_message_is_echoed_where_asked()
    {
        Answer answer = await Server.PostAsync("/v1/chat/completions", """{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"Hello wor"}],"continue_final_message":true,"add_generation_prompt":false,"echo":true,"max_tokens":2,"ignore_eos":true}""");
        Assert.StartsWith("Hello wor", Text(answer.Ok(), 0), StringComparison.Ordinal);
    }

    private Task<Answer> ChatAsync(string more) => Server.PostAsync("/v1/chat/completions", "{" + Message + "," + more + "}");

    private static string Text(JsonElement answer, int choice) => answer.GetProperty("choices")[choice].GetProperty("message").GetProperty("content").GetString()!;

    private static byte[] Bytes(JsonElement answer) => Encoding.UTF8.GetBytes(Text(answer, 0));

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(i => i.GetInt32())];
}
