using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Lorikeet.Models;
using Lorikeet.Serving;
using Lorikeet.Server.Tests.Batches;
using Lorikeet.Server.Tests.Faults;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Completions;

/// <summary><c>prompt_embeds</c>: the model's own rows answer as their token ids do, what is wrong is a 400 that says so, and nobody finds what another's vectors left.</summary>
public sealed class PromptEmbedsTests(PromptEmbedsTests.Host host) : IClassFixture<PromptEmbedsTests.Host>
{
    private const string Greedy = "\"max_tokens\":12,\"temperature\":0,\"ignore_eos\":true,\"logprobs\":3,\"return_token_ids\":true";
    private const string Drawn = "\"max_tokens\":12,\"seed\":5,\"top_p\":0.9,\"frequency_penalty\":0.5,\"n\":3,\"ignore_eos\":true,\"logprobs\":3,\"return_token_ids\":true";

    [Theory]
    [InlineData(Greedy)]
    [InlineData(Drawn)]
    public async Task Answers_as_the_token_ids_do_bit_for_bit(string settings)
    {
        int[] ids = Ids(70);
        foreach (string model in (string[])["tiny", "legal"])
        {
            JsonElement plain = (await PostAsync($"\"model\":\"{model}\",\"prompt\":[{string.Join(',', ids)}],{settings}")).Ok();
            JsonElement given = (await PostAsync($"\"model\":\"{model}\",\"prompt_embeds\":{Quoted(ids)},{settings}")).Ok();
            Assert.Equal(AnswerBits.Of(plain), AnswerBits.Of(given));
            Assert.Equal(plain.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), given.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
            Assert.Equal(plain.GetProperty("usage").GetProperty("total_tokens").GetInt32(), given.GetProperty("usage").GetProperty("total_tokens").GetInt32());
            Assert.Equal(model, given.GetProperty("model").GetString());
            Assert.False(given.GetProperty("choices")[0].TryGetProperty("prompt_token_ids", out _));
            Answer stream = await PostAsync($"\"model\":\"{model}\",\"prompt_embeds\":{Quoted(ids)},\"stream\":true,\"stream_options\":{{\"include_usage\":true}},{settings}");
            Assert.Equal(AnswerBits.Of(plain), AnswerBits.Of(stream.Events()));
            Assert.Equal(70, stream.Events()[^1].GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        }
    }

    [Fact]
    public async Task Several_prompts_stop_strings_and_cuts()
    {
        int[] a = Ids(40), b = Ids(9, 2);
        JsonElement plain = (await PostAsync($"\"prompt\":[[{string.Join(',', a)}],[{string.Join(',', b)}]],\"n\":2,{Greedy}")).Ok();
        JsonElement given = (await PostAsync($"\"prompt_embeds\":[{Quoted(a)},{Quoted(b)}],\"n\":2,{Greedy}")).Ok();
        Assert.Equal(AnswerBits.Of(plain), AnswerBits.Of(given));
        Assert.Equal(49, given.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        string[] texts = [.. plain.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("text").GetString()!)];
        string stop = JsonSerializer.Serialize(texts[0][4..6]);
        Assert.Equal(
            AnswerBits.Of((await PostAsync($"\"prompt\":[{string.Join(',', a)}],\"stop\":{stop},{Greedy}")).Ok()), AnswerBits.Of((await PostAsync($"\"prompt_embeds\":{Quoted(a)},\"stop\":{stop},{Greedy}")).Ok()));
        foreach (string side in (string[])["left", "right"])
        {
            string cut = $"\"truncate_prompt_tokens\":7,\"truncation_side\":\"{side}\",{Greedy}";
            Assert.Equal(
                AnswerBits.Of((await PostAsync($"\"prompt\":[{string.Join(',', a)}],{cut}")).Ok()), AnswerBits.Of((await PostAsync($"\"prompt_embeds\":{Quoted(a)},{cut}")).Ok()));
        }
        // As the whole answer of a grammar: constraints see the answer alone.
        Assert.Equal("yes", (await PostAsync($"\"prompt_embeds\":{Quoted(b)},\"guided_choice\":[\"yes\"],\"max_tokens\":8")).Ok().GetProperty("choices")[0].GetProperty("text").GetString());
    }

    [Fact]
    public async Task Among_many_others_with_their_own_adapters()
    {
        string[] bodies =
        [
            .. Enumerable.Range(0, 24).Select(i =>
            {
                int[] ids = Ids(1 + (i * 13 % 90), (ulong)i);
                return $"\"model\":\"{(i % 3 == 0 ? "tiny" : i % 3 == 1 ? "legal" : "poems")}\",{(i % 2 == 0 ? $"\"prompt_embeds\":{Quoted(ids)}" : $"\"prompt\":[{string.Join(',', ids)}]")},{(i % 4 < 2 ? Greedy : Drawn)}";
            }),
        ];
        string[] alone = new string[bodies.Length];
        for (int i = 0; i < bodies.Length; i++)
        {
            alone[i] = AnswerBits.Of((await PostAsync(bodies[i])).Ok());
        }
        await host.Server.Engine.Host.ForgetPrefixesAsync();
        Answer[] together = await Task.WhenAll(bodies.Select(PostAsync));
        Assert.Equal(alone, together.Select(a => AnswerBits.Of(a.Ok())));
    }

    [Fact]
    public async Task Equal_bytes_are_found_again_and_by_nobody_else()
    {
        int[] ids = Ids(100, 77);
        string own = $"\"prompt_embeds\":{Quoted(ids)}";
        Assert.Equal(0, await CachedAsync($"\"prompt\":[{string.Join(',', ids)}]"));
        Assert.Equal(0, await CachedAsync(own));
        Assert.Equal(96, await CachedAsync(own));
        Assert.Equal(96, await CachedAsync($"\"prompt\":[{string.Join(',', ids)}]"));
        Assert.Equal(0, await CachedAsync(own + ",\"model\":\"legal\""));
        Assert.Equal(0, await CachedAsync(own + ",\"cache_salt\":\"mine\""));
        Assert.Equal(0, await CachedAsync($"\"prompt_embeds\":{Quoted(ids, "F16")}"));
        Assert.Equal(96, await CachedAsync($"\"prompt_embeds\":{Quoted(ids, "F16")}"));
    }

    [Fact]
    public async Task Tenants_find_nothing_of_each_other()
    {
        await using Keys.KeyTests.Keyed keyed = await Keys.KeyTests.Keyed.StartAsync((o, _) => o with { PromptEmbeds = true });
        string a = await keyed.KeyAsync("a", "infer"), b = await keyed.KeyAsync("b", "infer");
        string body = $$"""{"prompt_embeds":{{Quoted(Ids(100))}},"max_tokens":1}""";
        foreach ((string key, int cached) in new[] { (a, 0), (b, 0), (a, 96), (b, 96) })
        {
            Assert.Equal(cached, Cached(await keyed.Server.PostAsync("/v1/completions", body, key)));
        }
    }

    public static TheoryData<string, string, string?, string> Refused => new()
    {
        { "\"prompt\":\"x\",\"prompt_embeds\":GOOD", "invalid_value", "prompt", "does not go with prompt_embeds" },
        { "\"echo\":true,\"prompt_embeds\":GOOD", "invalid_value", "echo", "does not go with prompt_embeds" },
        { "\"prompt_logprobs\":1,\"prompt_embeds\":GOOD", "invalid_value", "prompt_logprobs", "does not go with prompt_embeds" },
        { "\"prompt_embeds\":1", "invalid_type", "prompt_embeds", "base64" },
        { "\"prompt_embeds\":{}", "invalid_type", "prompt_embeds", "base64" },
        { "\"prompt_embeds\":[]", "invalid_value", "prompt_embeds", "empty array" },
        { "\"prompt_embeds\":[GOOD,null]", "invalid_type", "prompt_embeds[1]", "null" },
        { "\"prompt_embeds\":[GOOD,GOOD,[GOOD]]", "invalid_type", "prompt_embeds[2]", "array" },
        { "\"prompt_embeds\":\"\"", "invalid_value", "prompt_embeds", "0 bytes" },
        { "\"prompt_embeds\":\"not base64!\"", "invalid_value", "prompt_embeds", "not base64" },
        { "\"prompt_embeds\":\"AAA\"", "invalid_value", "prompt_embeds", "not base64" },
        { "\"prompt_embeds\":\"__-_\"", "invalid_value", "prompt_embeds", "standard alphabet" },
        { "\"prompt_embeds\":\"AAAAAAAAAAAAAAAAAAAA\"", "invalid_value", "prompt_embeds", "header" },
        { "\"prompt_embeds\":\"ZIP\"", "unsupported_operation", "prompt_embeds", "safetensors.torch.save" },
        { "\"prompt_embeds\":[GOOD,\"PICKLE\"]", "unsupported_operation", "prompt_embeds[1]", "safetensors.torch.save" },
        { "\"prompt_embeds\":WIDE", "invalid_value", "prompt_embeds", "[tokens, 16]" },
        { "\"prompt_embeds\":NAN", "invalid_value", "prompt_embeds", "NaN in row 0" },
        { "\"prompt_embeds\":NONE", "invalid_value", "prompt_embeds", "at least one token" },
        { "\"prompt_embeds\":LONG", "context_length_exceeded", "prompt_embeds", "1024 tokens" },
        { "\"prompt_embeds\":GOOD,\"max_tokens\":0", "invalid_value", "max_tokens", "max_tokens" },
        { "\"prompt_embeds\":GOOD,\"suffix\":\"x\"", "unsupported_operation", "suffix", "suffix" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_is_wrong_is_a_400_that_says_so(string body, string code, string? param, string words)
    {
        body = body.Replace("GOOD", Quoted(Ids(3)), StringComparison.Ordinal)
            .Replace("ZIP", Convert.ToBase64String([.. "PK\u0003\u0004"u8, .. new byte[40]]), StringComparison.Ordinal)
            .Replace("PICKLE", Convert.ToBase64String([0x80, 2, .. new byte[40]]), StringComparison.Ordinal)
            .Replace("WIDE", Quoted("[1,17]", new float[17]), StringComparison.Ordinal)
            .Replace("NAN", Quoted("[1,16]", [.. Enumerable.Repeat(float.NaN, 16)]), StringComparison.Ordinal)
            .Replace("NONE", Quoted("[0,16]", []), StringComparison.Ordinal)
            .Replace("LONG", Quoted(Ids(1024)), StringComparison.Ordinal);
        JsonElement error = (await PostAsync(body)).Error(400, code, param);
        Assert.Contains(words, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_leads_to_no_number_is_the_requests_fault()
    {
        foreach (float value in (float[])[float.MaxValue, -float.MaxValue, 1e20f, float.Epsilon])
        {
            Answer answer = await PostAsync($"\"prompt_embeds\":{Quoted("[2,16]", [.. Enumerable.Repeat(value, 32)])},{Greedy}");
            Assert.True(answer.Status is 200 or 400, answer.Body);
        }
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { PromptEmbeds = true }, inner => new WithoutNumbers(inner));
        (await server.PostAsync("/v1/completions", $$"""{"prompt_embeds":{{Quoted(Ids(3))}}}""")).Error(400, "invalid_value", "prompt_embeds");
        (await server.PostAsync("/v1/completions", """{"prompt":"a"}""")).Error(500);
    }

    [Fact]
    public async Task Off_unless_it_is_switched_on_and_never_rendered()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        Answer off = await server.PostAsync("/v1/completions", $$"""{"prompt_embeds":{{Quoted(Ids(3))}}}""");
        Assert.Contains("--enable-prompt-embeds", off.Error(400, "unsupported_operation", "prompt_embeds").GetProperty("message").GetString(), StringComparison.Ordinal);
        (await server.PostAsync("/v1/completions", """{"prompt":"a","prompt_embeds":null,"max_tokens":1}""")).Ok();
        (await host.Server.PostAsync("/v1/completions/render", $$"""{"prompt_embeds":{{Quoted(Ids(3))}}}""")).Error(400, "unsupported_operation", "prompt_embeds");
    }

    [Fact]
    public async Task Bytes_are_bounded_and_all_comes_back_when_clients_leave()
    {
        string four = Quoted(Ids(400)), body = $$"""{"prompt_embeds":{{four}},"max_tokens":600,"temperature":0,"ignore_eos":true,"stream":true}""";
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with
        {
            PromptEmbeds = true,
            Engine = o.Engine with { PoisonFreedPages = true, MaxRows = 32 },
            Limits = new ServerLimits { VectorBytes = 3 * four.Length / 4 * 3 },
        });
        (await server.PostAsync("/v1/completions", $$"""{"prompt_embeds":[{{four}},{{four}},{{four}},{{four}}]}""")).Error(400, "limit_exceeded", "prompt_embeds");
        List<HttpResponseMessage> open = [];
        List<HttpRequestMessage> sent = [];
        for (int i = 0; i < 3; i++)
        {
            sent.Add(new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") });
            open.Add(await server.Http.SendAsync(sent[^1], HttpCompletionOption.ResponseHeadersRead));
        }
        Answer full = await server.PostAsync("/v1/completions", body);
        // One of the three may have come to its end meanwhile.
        Assert.True(full.Status == 429 ? full.Header("Retry-After") is not null : full.Status == 200, full.Body);
        open.ForEach(o => o.Dispose());
        sent.ForEach(o => o.Dispose());
        await Wait.UntilAsync(() => server.Server.Parts.Admission is { InFlight: 0, VectorBytes: 0 });
        await Proof.AllReturnedAsync(server);
    }

    private Task<Answer> PostAsync(string members) => host.Server.PostAsync("/v1/completions", "{" + members + "}");

    private async Task<int> CachedAsync(string members) => Cached(await PostAsync(members + ",\"max_tokens\":1"));

    private static int Cached(Answer answer) => answer.Ok().GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();

    private static int[] Ids(int count, ulong stream = 1)
    {
        CounterRandomOf random = new(stream);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(256))];
    }

    private string Quoted(int[] ids, string type = "F32")
    {
        LanguageModel model = host.Server.Engine.Model;
        float[] rows = new float[ids.Length * model.EmbeddingWidth];
        for (int i = 0; i < ids.Length; i++)
        {
            model.ReadEmbedding(ids[i], rows.AsSpan(i * model.EmbeddingWidth));
        }
        return type == "F32"
            ? Quoted($"[{ids.Length},{model.EmbeddingWidth}]", rows)
            : Base64(SmallSafetensors.Of(PromptRows.TensorName, type, $"[{ids.Length},{model.EmbeddingWidth}]", MemoryMarshal.AsBytes<Half>(Array.ConvertAll(rows, r => (Half)r))));
    }

    private static string Quoted(string shape, float[] rows) => Base64(SmallSafetensors.Of(PromptRows.TensorName, shape, rows));

    private static string Base64(byte[] file) => $"\"{Convert.ToBase64String(file)}\"";

    /// <summary>An engine whose scores are never numbers.</summary>
    private sealed class WithoutNumbers(IInference inner) : HeldInference(inner)
    {
        protected override IAsyncEnumerable<GenerationEvent> EventsAsync(IReadOnlyList<GenerationRequest> requests, CancellationToken stop) =>
            requests.Select((_, i) => new GenerationEvent(i, -1, "", FinishReason.Failed)).ToAsyncEnumerable();
    }

    /// <summary>One server for all of them.</summary>
    public sealed class Host : IAsyncLifetime
    {
        public TinyServer Server { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            Server = await TinyServer.StartAsync((o, folder) => o with
            {
                PromptEmbeds = true,
                Adapters = [new("legal", TinyServer.MakeAdapter(Path.Combine(folder, "legal"), 1)), new("poems", TinyServer.MakeAdapter(Path.Combine(folder, "poems"), 2))],
                Engine = o.Engine with { MaxRows = 48, PoisonFreedPages = true },
            });
        }

        public async Task DisposeAsync() => await Server.DisposeAsync();
    }
}
