using System.Text.Json;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Service;

/// <summary>Full queues, clients that leave, stopping.</summary>
public sealed class LoadTests
{
    private const string Body = """{"prompt":"a","max_tokens":50}""";

    [Fact]
    public async Task Full_queue_is_429_before_anything_is_read_and_drains_again()
    {
        ScriptedInference? engine = null;
        using SemaphoreSlim gate = new(0);
        await using TinyServer server = await TinyServer.StartAsync(
            (o, _) => o with { Limits = new ServerLimits { QueueRequests = 2 } }, inner => engine = new ScriptedInference(inner, _ => "abc") { Gate = gate });
        Task<Answer>[] held = [server.PostAsync("/v1/completions", Body), server.PostAsync("/v1/completions", Body)];
        await Wait.UntilAsync(() => engine!.Started == 2);
        Answer refused = await server.PostAsync("/v1/completions", "this is not even JSON");
        refused.Error(429, "server_overloaded");
        Assert.InRange(int.Parse(refused.Header("Retry-After")!, System.Globalization.CultureInfo.InvariantCulture), 1, 60);
        Assert.Contains("lorikeet_queue_rejected_total{reason=\"queue_full\"} 1.0", (await server.GetAsync("/metrics")).Body, StringComparison.Ordinal);
        gate.Release(1000);
        Assert.All(await Task.WhenAll(held), a => a.Ok());
        (await server.PostAsync("/v1/completions", Body)).Ok();
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task A_client_that_leaves_cancels_its_request(string stream)
    {
        ScriptedInference? engine = null;
        using SemaphoreSlim gate = new(3);
        await using TinyServer server = await TinyServer.StartAsync(wrap: inner => engine = new ScriptedInference(inner, _ => new string('x', 40)) { Gate = gate });
        using CancellationTokenSource leave = new();
        using HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions") { Content = new StringContent($$"""{"prompt":"a","max_tokens":50,"stream":{{stream}}}""", null, "application/json") };
        Task<HttpResponseMessage> sent = server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leave.Token);
        await Wait.UntilAsync(() => engine!.Started == 1);
        if (stream == "true")
        {
            using HttpResponseMessage response = await sent;
            await leave.CancelAsync();
        }
        else
        {
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sent);
        }
        await Wait.UntilAsync(() => engine!.Cancelled == 1);
        await Wait.UntilAsync(() => server.Server.Parts.Admission.InFlight == 0);
    }

    [Fact]
    public async Task Real_engine_lets_go_of_requests_whose_clients_left()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        for (int i = 0; i < 5; i++)
        {
            using CancellationTokenSource leave = new(TimeSpan.FromMilliseconds(20 + (10 * i)));
            using HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions") { Content = new StringContent("""{"prompt":["a","b"],"n":3,"max_tokens":900,"ignore_eos":true,"stream":true}""", null, "application/json") };
            try
            {
                using HttpResponseMessage response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseContentRead, leave.Token);
            }
            catch (OperationCanceledException)
            {
                // That is the test.
                continue;
            }
        }
        await Wait.UntilAsync(() => server.Server.Parts.Admission.InFlight == 0 && server.Server.Parts.Inference.Statistics is { Running: 0, Waiting: 0 });
    }

    [Fact]
    public async Task Draining_finishes_what_runs_and_refuses_what_comes()
    {
        ScriptedInference? engine = null;
        using SemaphoreSlim gate = new(0);
        await using TinyServer server = await TinyServer.StartAsync(wrap: inner => engine = new ScriptedInference(inner, _ => "abc") { Gate = gate });
        Task<Answer> running = server.PostAsync("/v1/completions", Body);
        await Wait.UntilAsync(() => engine!.Started == 1);
        Task drained = server.Server.Parts.Admission.DrainAsync(Wait.Longest);
        Assert.Equal(503, (await server.GetAsync("/health")).Status);
        Assert.Equal(200, (await server.GetAsync("/health/live")).Status);
        Answer refused = await server.PostAsync("/v1/completions", Body);
        refused.Error(503, "service_unavailable");
        Assert.NotNull(refused.Header("Retry-After"));
        gate.Release(1000);
        Assert.Equal("abc", (await running).Ok().GetProperty("choices")[0].GetProperty("text").GetString());
        await drained;
    }

    [Fact]
    public async Task What_outlives_the_drain_ends_with_an_error_event()
    {
        ScriptedInference? engine = null;
        using SemaphoreSlim gate = new(2);
        await using TinyServer server = await TinyServer.StartAsync(wrap: inner => engine = new ScriptedInference(inner, _ => "abcdef") { Gate = gate });
        Task<Answer> running = server.PostAsync("/v1/completions", """{"prompt":"a","max_tokens":50,"stream":true}""");
        await Wait.UntilAsync(() => gate.CurrentCount == 0);
        await server.Server.Parts.Admission.DrainAsync(TimeSpan.FromMilliseconds(100));
        IReadOnlyList<JsonElement> events = (await running).Events();
        Assert.Equal("service_unavailable", events[^1].GetProperty("error").GetProperty("code").GetString());
    }
}
