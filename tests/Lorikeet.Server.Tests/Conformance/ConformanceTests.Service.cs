using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Lorikeet.Server.Tests.Faults;
using Lorikeet.Serving;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Conformance;

/// <summary>Items 11, 14, 15, 21: tokens, clients that leave, load, bombs.</summary>
public sealed partial class ConformanceTests
{
    [Fact]
    public async Task Item_11_Tokens_go_there_and_back_and_a_chats_are_its_prompt()
    {
        foreach (string text in (string[])["hello", "é€😀 \n\t\"\\", "  two  spaces  ", "\u0000\u007f"])
        {
            JsonElement tokens = (await Server.PostAsync("/tokenize", JsonSerializer.Serialize(new { prompt = text, add_special_tokens = false }))).Ok();
            Assert.Equal(text, (await Server.PostAsync("/detokenize", $"{{\"tokens\":{tokens.GetProperty("tokens").GetRawText()}}}")).Ok().GetProperty("prompt").GetString());
        }
        int count = (await Server.PostAsync("/tokenize", "{" + Hi + "}")).Ok().GetProperty("count").GetInt32();
        Assert.Equal(count, (await Server.PostAsync("/v1/chat/completions", "{" + Hi + ",\"max_tokens\":1}")).Ok().GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
    }

    [Fact]
    public async Task Item_14_A_client_that_leaves_in_queue_prefill_or_decode_gives_everything_back()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, folder) => o with { AdapterFolder = folder, Engine = o.Engine with { MaxSequences = 1, MaxRows = 4 } });
        foreach (string name in (string[])["first", "second"])
        {
            server.Adapter(name, name[0]);
        }
        EngineStatistics engine = server.Server.Parts.Inference.Statistics;
        Admission admission = server.Server.Parts.Admission;
        using CancellationTokenSource decoding = new(), queued = new(), filling = new();
        // As many answers as can be asked for, one after the other: they do not end by themselves meanwhile.
        Task running = LeaveAsync(server, """{"model":"first","prompt":"a","max_tokens":1000,"ignore_eos":true,"n":128}""", decoding.Token);
        await Wait.UntilAsync(() => engine.Running == 1 && engine.GeneratedTokens > 0);
        Task waiting = LeaveAsync(server, """{"model":"second","prompt":"a","max_tokens":1000,"ignore_eos":true}""", queued.Token);
        await Wait.UntilAsync(() => engine.WaitingTokens > 0);
        await queued.CancelAsync();
        await Wait.UntilAsync(() => engine.WaitingTokens == 0 && admission.Using(Caller.DefaultTenant, "second") == 0);
        await Wait.UntilAsync(() => engine.Running == 1);
        await decoding.CancelAsync();
        await Wait.UntilAsync(() => engine.Running == 0 && admission.Using(Caller.DefaultTenant, "first") == 0);
        // Four rows a step: the prompt takes more than two hundred.
        long prompts = engine.Steps;
        Task prefill = LeaveAsync(server, $$"""{"model":"second","prompt":"{{new string('x', 500)}}","max_tokens":400,"ignore_eos":true,"n":128}""", filling.Token);
        await Wait.UntilAsync(() => engine.Steps > prompts + 2 && engine.Running == 1);
        await filling.CancelAsync();
        await Wait.UntilAsync(() => engine.Running == 0 && admission.InFlight == 0);
        await Task.WhenAll(running, waiting, prefill);
        await Proof.AllReturnedAsync(server);
    }

    [Fact]
    public async Task Item_15_A_full_queue_is_429_and_a_passed_deadline_503_before_any_work()
    {
        ScriptedInference? engine = null;
        using SemaphoreSlim gate = new(0);
        await using TinyServer server = await TinyServer.StartAsync(
            (o, _) => o with { Limits = new ServerLimits { QueueRequests = 1 } }, inner => engine = new ScriptedInference(inner, _ => "a") { Gate = gate });
        Task<Answer> held = server.PostAsync("/v1/completions", """{"prompt":"a","max_tokens":5}""");
        await Wait.UntilAsync(() => engine!.Started == 1);
        // No JSON, which nobody has looked at.
        Answer full = await server.PostAsync("/v1/chat/completions", "{");
        full.Error(429, "server_overloaded");
        Assert.InRange(Retry(full), 1, 60);
        gate.Release(100);
        (await held).Ok();
        await using TinyServer busy = await TinyServer.StartAsync((o, _) => o with { Engine = o.Engine with { MaxSequences = 1 } });
        EngineStatistics figures = busy.Server.Parts.Inference.Statistics;
        using CancellationTokenSource leave = new();
        Task running = LeaveAsync(busy, """{"prompt":"a","max_tokens":1000,"ignore_eos":true,"n":128}""", leave.Token);
        await Wait.UntilAsync(() => figures.Running == 1);
        long prompts = figures.PromptTokens;
        foreach ((string name, string value) in ((string, string)[])[("X-Lorikeet-Deadline-Ms", "20"), ("x-stainless-read-timeout", "0.02"), ("X-Stainless-Timeout", "0.02")])
        {
            Answer late = await busy.PostAsync("/v1/completions", """{"prompt":"b","max_tokens":1}""", null, (name, value));
            late.Error(503, "deadline_exceeded");
            Assert.InRange(Retry(late), 1, 60);
            Assert.Null(late.Header("x-should-retry"));
        }
        Assert.Equal(prompts, figures.PromptTokens);
        await Wait.UntilAsync(() => figures.Running == 1);
        await leave.CancelAsync();
        await running;
        await Wait.UntilAsync(() => figures is { Running: 0, Waiting: 0 });
        prompts = figures.PromptTokens;
        Answer cut = await busy.PostAsync("/v1/completions", """{"prompt":"b","max_tokens":1000,"n":128,"ignore_eos":true}""", null, ("X-Lorikeet-Deadline-Ms", "60"));
        cut.Error(503, "deadline_exceeded");
        Assert.True(figures.PromptTokens == prompts || cut.Header("x-should-retry") == "false");
    }

    /// <summary>What the web server refuses by itself has the form of all other errors; what clients would repeat is not sent.</summary>
    [Theory]
    [InlineData("GET /version HTTP/1.1\r\nHost: x\r\nA: {0}\r\n\r\n", 40_000, 431, "request_too_large")]
    [InlineData("GET /{0} HTTP/1.1\r\nHost: x\r\n\r\n", 10_000, 414, "request_too_large")]
    [InlineData("GET /version HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n{0}", 0, 400, "invalid_http")]
    [InlineData("GET /version HTTP/9.9\r\nHost: x\r\n\r\n{0}", 0, 400, "invalid_http")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{0}", 0, 400, "invalid_http")]
    [InlineData("nonsense {0}\r\n\r\n", 0, 400, "invalid_http")]
    [InlineData("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n{0}", 0, 413, "request_too_large")]
    public async Task Item_15_Heads_that_are_no_requests_get_the_error_object(string request, int size, int status, string code)
    {
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, Server.Server.Address.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(string.Format(System.Globalization.CultureInfo.InvariantCulture, request, new string('a', size))));
        using StreamReader reader = new(client.GetStream());
        Assert.StartsWith($"HTTP/1.1 {status} ", await reader.ReadLineAsync(), StringComparison.Ordinal);
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        while (await reader.ReadLineAsync() is { Length: > 0 } line)
        {
            string[] pair = line.Split(": ", 2);
            headers[pair[0]] = pair[1];
        }
        Assert.Equal(("application/json", "close"), (headers["Content-Type"], headers["Connection"]));
        Assert.True(headers.ContainsKey("X-Request-Id"));
        char[] body = new char[int.Parse(headers["Content-Length"], System.Globalization.CultureInfo.InvariantCulture)];
        Assert.Equal(body.Length, await reader.ReadBlockAsync(body));
        JsonElement error = JsonDocument.Parse(new string(body)).RootElement.GetProperty("error");
        Assert.Equal(["message", "type", "param", "code"], error.EnumerateObject().Select(p => p.Name));
        Assert.Equal(("invalid_request_error", code), (error.GetProperty("type").GetString(), error.GetProperty("code").GetString()));
        // The end, or a reset where the server had not read all by then.
        try
        {
            Assert.Equal(-1, reader.Read());
        }
        catch (IOException e)
        {
            Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(e.InnerException).SocketErrorCode);
        }
    }

    // A request whose client leaves before its answer is whole.
    private static async Task LeaveAsync(TinyServer server, string body, CancellationToken leave)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, null, "application/json") };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => server.Http.SendAsync(request, leave));
    }

    /// <summary>The rows of section 16, one above and at the limit, are <see cref="Contract.LimitTests"/>; here is what is small and would grow without bound.</summary>
    [Theory]
    [InlineData("guided_regex", "\"((((a{1000}){1000}){1000}){1000})\"")]
    [InlineData("guided_regex", "\"(a|aa|aaa|aaaa)*(b|bb|bbb)*(c|cc)*.{900}x\"")]
    [InlineData("guided_grammar", "\"root ::= a a a a\\na ::= b b b b\\nb ::= c{999} c{999}\\nc ::= [a-z]{999}\"")]
    [InlineData("guided_json", "{\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#/$defs/b\"},{\"$ref\":\"#/$defs/b\"}]},\"b\":{\"anyOf\":[{\"$ref\":\"#/$defs/a\"},{\"$ref\":\"#/$defs/a\"}]}},\"$ref\":\"#/$defs/a\"}")]
    [InlineData("guided_json", "{\"type\":\"array\",\"minItems\":1000000,\"maxItems\":2000000,\"items\":{\"type\":\"string\",\"minLength\":100000}}")]
    [InlineData("guided_json", "{\"type\":\"string\",\"pattern\":\"(.*a){900}\"}")]
    public async Task Item_21_Bombs_answer_soon_and_leave_memory_as_it_was(string field, string value)
    {
        string body = $$"""{"prompt":"a","max_tokens":2,"{{field}}":{{value}}}""";
        await Server.PostAsync("/v1/completions", body);
        long before = Proof.Heap();
        Stopwatch took = Stopwatch.StartNew();
        Answer answer = await Server.PostAsync("/v1/completions", body);
        // A second on a quiet machine; others may be at work beside this test. Without its bounds a bomb takes hours.
        Assert.InRange(took.Elapsed.TotalSeconds, 0, 30);
        Assert.True(answer.Status is 200 or 400, answer.Body);
        if (answer.Status == 400)
        {
            Assert.Contains(answer.Error(400).GetProperty("code").GetString(), (string[])["limit_exceeded", "unsupported_schema"]);
        }
        // Tests of other classes hold memory too, for as long as they run.
        await Wait.UntilAsync(() => Proof.Heap() - before < 16 << 20);
    }
}
