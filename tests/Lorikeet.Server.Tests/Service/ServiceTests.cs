using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lorikeet.Server.Tests.Service;

/// <summary>Transport, errors, tokenizer, embeddings, models, health, metrics, OpenAPI.</summary>
public sealed partial class ServiceTests(Contract.FieldTests.Host host) : IClassFixture<Contract.FieldTests.Host>
{
    private TinyServer Server => host.Server;

    [Theory]
    [InlineData("POST", "/v1/chat/completions", "{", 400)]
    [InlineData("POST", "/v1/chat/completions", "", 400)]
    [InlineData("POST", "/v1/chat/completions", "[]", 400)]
    [InlineData("POST", "/v1/chat/completions", "{\"a\":1,\"a\":2}", 400)]
    [InlineData("POST", "/v1/chat/completions", "{\"messages\":\"\\ud800\"}", 400)]
    [InlineData("POST", "/v1/nothing", "{}", 404)]
    [InlineData("GET", "/nothing", null, 404)]
    [InlineData("GET", "/v1/chat/completions", null, 405)]
    [InlineData("PATCH", "/v1/models", "{}", 405)]
    [InlineData("GET", "/v1/models/missing", null, 404)]
    [InlineData("GET", "/v1/models/%2e%2e%2fetc", null, 404)]
    [InlineData("POST", "/v1/load_lora_adapter", "{}", 404)]
    [InlineData("POST", "/v1/responses", "{}", 400)]
    [InlineData("POST", "/v1/responses/x/cancel", "{}", 404)]
    [InlineData("GET", "/v1/responses/x", null, 404)]
    [InlineData("POST", "/v1/rerank", "{}", 400)]
    [InlineData("DELETE", "/v1/models/tiny", null, 403)]
    public async Task Refusals_have_the_error_object(string method, string path, string? body, int status)
    {
        Answer answer = await Server.SendAsync(new HttpMethod(method), path, body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"));
        answer.Error(status);
        Assert.NotNull(answer.Header("X-Request-Id"));
    }

    [Fact]
    public async Task Other_content_types_are_415_and_bodies_over_the_limit_413()
    {
        (await Server.SendAsync(HttpMethod.Post, "/v1/completions", new StringContent("{}", Encoding.UTF8, "text/plain"))).Error(415);
        (await Server.SendAsync(HttpMethod.Post, "/v1/completions", new ByteArrayContent(new byte[5 << 20]))).Error(413, "request_too_large");
        (await Server.PostAsync("/v1/completions", "{\"prompt\":" + string.Concat(Enumerable.Repeat("[", 100)) + string.Concat(Enumerable.Repeat("]", 100)) + "}")).Error(400);
    }

    [Fact]
    public async Task Request_ids_are_echoed_where_they_are_visible()
    {
        Assert.Equal("abc-1", (await Server.GetAsync("/version", null, ("X-Request-Id", "abc-1"))).Header("X-Request-Id"));
        Assert.NotEqual(new string('x', 129), (await Server.GetAsync("/version", null, ("X-Request-Id", new string('x', 129)))).Header("X-Request-Id"));
    }

    [Fact]
    public async Task Unknown_fields_are_ignored_and_refused_where_the_server_is_strict()
    {
        (await Server.PostAsync("/v1/completions", """{"prompt":"a","max_tokens":1,"no_such_field":1}""")).Ok();
        await using TinyServer strict = await TinyServer.StartAsync((o, _) => o with { Strict = true, VllmErrors = true });
        JsonElement error = (await strict.PostAsync("/v1/completions", """{"prompt":"a","no_such_field":1}""")).Json.GetProperty("error");
        Assert.Equal("BadRequestError", error.GetProperty("type").GetString());
        Assert.Equal(400, error.GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task Unknown_model_says_so_in_backquotes() =>
        Assert.Contains("model `nope` does not exist", (await Server.PostAsync("/v1/completions", """{"model":"nope","prompt":"a"}""")).Error(404, "model_not_found", "model").GetProperty("message").GetString(), StringComparison.Ordinal);

    [Fact]
    public async Task Tokenizer_routes_go_there_and_back()
    {
        foreach (string text in (string[])["hello", "é€😀\n\"\\", "  a  ", ""])
        {
            JsonElement json = (await Server.PostAsync("/tokenize", JsonSerializer.Serialize(new { prompt = text, add_special_tokens = false, return_token_strs = true }))).Ok();
            Assert.Equal(json.GetProperty("count").GetInt32(), json.GetProperty("tokens").GetArrayLength());
            Assert.Equal(json.GetProperty("count").GetInt32(), json.GetProperty("token_strs").GetArrayLength());
            Assert.Equal(1024, json.GetProperty("max_model_len").GetInt32());
            Assert.Equal(text, (await Server.PostAsync("/v1/detokenize", $"{{\"tokens\":{json.GetProperty("tokens").GetRawText()}}}")).Ok().GetProperty("prompt").GetString());
        }
        Assert.Equal("<|endoftext|>", (await Server.PostAsync("/detokenize", "{\"tokens\":[256]}")).Ok().GetProperty("prompt").GetString());
    }

    [Fact]
    public async Task Embeddings_are_unit_vectors_and_base64_has_their_bits()
    {
        JsonElement floats = (await Server.PostAsync("/v1/embeddings", """{"input":["ab","cd"],"encoding_format":"float"}""")).Ok();
        JsonElement coded = (await Server.PostAsync("/v1/embeddings", """{"input":["ab","cd"],"encoding_format":"base64"}""")).Ok();
        Assert.Equal(4, floats.GetProperty("usage").GetProperty("total_tokens").GetInt32());
        // Those of one request run in one step or in several: each is the one that it is alone.
        string alone = (await Server.PostAsync("/v1/embeddings", """{"input":"cd"}""")).Ok().GetProperty("data")[0].GetProperty("embedding").GetRawText();
        for (int i = 0; i < 30; i++)
        {
            Assert.Equal(alone, (await Server.PostAsync("/v1/embeddings", """{"input":["ab","cd"]}""")).Ok().GetProperty("data")[1].GetProperty("embedding").GetRawText());
        }
        for (int i = 0; i < 2; i++)
        {
            float[] vector = [.. floats.GetProperty("data")[i].GetProperty("embedding").EnumerateArray().Select(v => v.GetSingle())];
            Assert.Equal(16, vector.Length);
            Assert.Equal(1, vector.Sum(v => (double)v * v), 5);
            byte[] bytes = Convert.FromBase64String(coded.GetProperty("data")[i].GetProperty("embedding").GetString()!);
            Assert.Equal(vector, Enumerable.Range(0, 16).Select(j => BitConverter.ToSingle(bytes, 4 * j)));
        }
    }

    [Fact]
    public async Task Models_are_listed_base_first()
    {
        JsonElement list = (await Server.GetAsync("/v1/models")).Ok();
        Assert.Equal("list", list.GetProperty("object").GetString());
        Assert.Equal(["tiny", "base"], list.GetProperty("data").EnumerateArray().Select(m => m.GetProperty("id").GetString()));
        Assert.Equal("model", (await Server.GetAsync("/v1/models/tiny")).Ok().GetProperty("object").GetString());
        Assert.Equal(1024, list.GetProperty("data")[0].GetProperty("max_model_len").GetInt32());
    }

    [Fact]
    public async Task Health_and_version_and_load()
    {
        foreach (string path in (string[])["/health", "/health/ready", "/health/live", "/ping"])
        {
            Answer answer = await Server.GetAsync(path);
            Assert.Equal((200, ""), (answer.Status, answer.Body));
        }
        Assert.Equal((200, ""), await StatusOf(Server.PostAsync("/ping", "")));
        Assert.Matches("^[0-9]+\\.[0-9]+\\.[0-9]+$", (await Server.GetAsync("/version")).Ok().GetProperty("version").GetString());
        Assert.Equal(0, (await Server.GetAsync("/load")).Ok().GetProperty("server_load").GetInt32());

        static async Task<(int, string)> StatusOf(Task<Answer> task) => ((await task).Status, (await task).Body);
    }

    [Fact]
    public async Task Metrics_parse_strictly_and_the_routing_families_have_one_series()
    {
        await Server.PostAsync("/v1/completions", """{"prompt":"a","max_tokens":3}""");
        Answer answer = await Server.GetAsync("/metrics");
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", answer.Header("Content-Type"));
        Dictionary<string, string> types = [];
        Dictionary<string, int> samples = [];
        foreach (string line in answer.Body.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                string[] words = line.Split(' ');
                Assert.True(types.TryAdd(words[2], words[3]), $"{words[2]} has two types");
                continue;
            }
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
            {
                continue;
            }
            Match sample = Sample().Match(line);
            Assert.True(sample.Success, line);
            string name = sample.Groups[1].Value;
            string family = types.ContainsKey(name) ? name : HistogramEnd().Replace(name, "");
            Assert.True(types.ContainsKey(family), $"{name} has no type");
            samples[name] = samples.GetValueOrDefault(name) + 1;
        }
        foreach (string name in (string[])["vllm:num_requests_waiting", "vllm:num_requests_running", "vllm:kv_cache_usage_perc", "vllm:lora_requests_info", "vllm:cache_config_info"])
        {
            Assert.Equal("gauge", types[name]);
            Assert.Equal(1, samples[name]);
        }
        foreach (string name in (string[])["vllm:prompt_tokens_total", "vllm:generation_tokens_total", "vllm:request_success_total", "vllm:time_to_first_token_seconds", "vllm:e2e_request_latency_seconds",
            "vllm:iteration_tokens_total", "vllm:request_params_n", "lorikeet_adapters_registered", "http_requests_total", "lorikeet_batch_distinct_adapters"])
        {
            Assert.True(types.ContainsKey(name), name);
        }
        Assert.Contains("vllm:cache_config_info{block_size=\"", answer.Body, StringComparison.Ordinal);
        Answer open = await Server.GetAsync("/metrics", null, ("Accept", "application/openmetrics-text"));
        Assert.EndsWith("# EOF\n", open.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deadline_header_is_checked_and_ends_what_takes_longer()
    {
        (await Server.PostAsync("/v1/completions", """{"prompt":"a"}""", null, ("X-Lorikeet-Deadline-Ms", "soon"))).Error(400);
        ScriptedInference? scripted = null;
        await using TinyServer held = await TinyServer.StartAsync(wrap: inner => scripted = new ScriptedInference(inner, _ => "abc"));
        Answer passed = await held.PostAsync("/v1/completions", """{"prompt":"a","max_tokens":900,"ignore_eos":true}""", null, ("X-Lorikeet-Deadline-Ms", "1"));
        Assert.True(passed.Status is 200 or 503);
        await using TinyServer real = await TinyServer.StartAsync((o, _) => o with { Engine = o.Engine with { MaxSequences = 1 } });
        Answer late = await real.PostAsync("/v1/completions", """{"prompt":["a","b","c","d"],"n":32,"max_tokens":1000,"ignore_eos":true}""", null, ("X-Lorikeet-Deadline-Ms", "30"));
        late.Error(503, "deadline_exceeded");
        Assert.InRange(int.Parse(late.Header("Retry-After")!, System.Globalization.CultureInfo.InvariantCulture), 1, 60);
    }

    /// <summary>Headers that are too large, a request line that is too long: answered, and the connection closed.</summary>
    [Theory]
    [InlineData("GET /version HTTP/1.1\r\nHost: x\r\nA: {0}\r\n\r\n", 40_000, "431")]
    [InlineData("GET /{0} HTTP/1.1\r\nHost: x\r\n\r\n", 10_000, "414")]
    public async Task Oversized_heads(string request, int size, string status)
    {
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, Server.Server.Address.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(string.Format(System.Globalization.CultureInfo.InvariantCulture, request, new string('a', size))));
        using StreamReader reader = new(client.GetStream());
        Assert.Contains(status, await reader.ReadLineAsync(), StringComparison.Ordinal);
    }

    [GeneratedRegex("""^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_]\w*="(\\.|[^"\\])*"(,[a-zA-Z_]\w*="(\\.|[^"\\])*")*)?\})? ([-+]?[0-9.eE+-]+|\+Inf|NaN)$""")]
    private static partial Regex Sample();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex HistogramEnd();
}
