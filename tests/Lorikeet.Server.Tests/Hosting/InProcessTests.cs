using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net.Http.Json;
using System.Text.Json;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Lorikeet.Server.Tests.Hosting;

/// <summary>The engine within a host of the user's own.</summary>
public sealed class InProcessTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-host-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_chat_client_answers_as_the_server_does()
    {
        using IHost host = await StartAsync();
        await using TinyServer server = await TinyServer.StartAsync((options, _) => options with { Adapters = [new("legal", Path.Combine(folder, "legal"))] });
        IChatClient client = host.Services.GetRequiredService<IChatClient>();
        foreach (string name in (string[])["base", "legal"])
        {
            ChatOptions options = new() { ModelId = name, Temperature = 0, MaxOutputTokens = 8, Seed = 1, AdditionalProperties = new() { ["ignore_eos"] = true } };
            ChatResponse answer = await client.GetResponseAsync([new(ChatRole.User, "abc")], options);
            JsonElement http = (await server.PostAsync("/v1/chat/completions", $$"""{"model":"{{name}}","messages":[{"role":"user","content":"abc"}],"temperature":0,"max_tokens":8,"ignore_eos":true}""")).Ok();
            Assert.Equal(http.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString(), answer.Text);
            Assert.Equal(ChatFinishReason.Length, answer.FinishReason);
            Assert.Equal(name, answer.ModelId);
            Assert.Equal(8, answer.Usage!.OutputTokenCount);
            Assert.Equal(http.GetProperty("usage").GetProperty("prompt_tokens").GetInt64(), answer.Usage.InputTokenCount);
        }
        await host.StopAsync();
    }

    [Fact]
    public async Task Streams_in_pieces_that_are_the_whole()
    {
        using IHost host = await StartAsync();
        IChatClient client = host.Services.GetRequiredService<IChatClient>();
        ChatOptions options = new() { ModelId = "legal", Temperature = 0.8f, MaxOutputTokens = 24, Seed = 5 };
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("abc", options))
        {
            updates.Add(update);
        }
        Assert.True(updates.Count > 2);
        Assert.Equal((await client.GetResponseAsync("abc", options)).Text, string.Concat(updates.Select(u => u.Text)));
        await host.StopAsync();
    }

    [Fact]
    public async Task Calls_and_schemas_bind_the_answer()
    {
        using IHost host = await StartAsync();
        IChatClient client = host.Services.GetRequiredService<IChatClient>();
        AIFunctionDeclaration pick = AIFunctionFactory.CreateDeclaration("pick", "Picks.", JsonDocument.Parse("""{"type":"object","properties":{"fruit":{"enum":["apple","pear"]}},"required":["fruit"],"additionalProperties":false}""").RootElement);
        ChatResponse called = await client.GetResponseAsync("abc", new ChatOptions { Tools = [pick], ToolMode = ChatToolMode.RequireSpecific("pick"), MaxOutputTokens = 64, Temperature = 0 });
        FunctionCallContent call = Assert.Single(called.Messages.SelectMany(m => m.Contents).OfType<FunctionCallContent>());
        Assert.Equal("pick", call.Name);
        Assert.Contains(call.Arguments!["fruit"]!.ToString(), (string[])["apple", "pear"]);
        ChatResponse next = await client.GetResponseAsync([new(ChatRole.User, "abc"), .. called.Messages, new(ChatRole.Tool, [new FunctionResultContent(call.CallId, "done")])], new ChatOptions { MaxOutputTokens = 2 });
        Assert.NotNull(next.FinishReason);
        ChatResponse shaped = await client.GetResponseAsync("abc", new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonDocument.Parse("""{"type":"boolean"}""").RootElement), MaxOutputTokens = 16 });
        Assert.Contains(shaped.Text, (string[])["true", "false"]);
        await host.StopAsync();
    }

    [Fact]
    public async Task Vectors_have_unit_length_and_follow_the_adapter()
    {
        using IHost host = await StartAsync();
        IEmbeddingGenerator<string, Embedding<float>> generator = host.Services.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
        GeneratedEmbeddings<Embedding<float>> plain = await generator.GenerateAsync(["abc", "xyz"]), adapted = await generator.GenerateAsync(["abc"], new EmbeddingGenerationOptions { ModelId = "legal" });
        Assert.Equal(2, plain.Count);
        Assert.All(plain, e => Assert.Equal(1, e.Vector.ToArray().Sum(v => (double)v * v), 1e-5));
        Assert.NotEqual(plain[0].Vector.ToArray(), adapted[0].Vector.ToArray());
        Assert.True(plain.Usage!.InputTokenCount > 0);
        Assert.Empty(await generator.GenerateAsync([]));
        await host.StopAsync();
    }

    [Fact]
    public async Task Refusals_are_exceptions_of_dotnet()
    {
        using IHost host = await StartAsync();
        IChatClient client = host.Services.GetRequiredService<IChatClient>();
        ArgumentException unknown = await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync("abc", new ChatOptions { ModelId = "absent" }));
        Assert.Contains("absent", unknown.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync("abc", new ChatOptions { Temperature = -1 }));
        await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync([new(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")])]));
        await host.StopAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => client.GetResponseAsync("abc"));
    }

    [Fact]
    public async Task All_that_is_wrong_with_options_is_said_at_once()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddLorikeet(o =>
        {
            o.Port = 70_000;
            o.Adapters = [new("a b", folder)];
        });
        OptionsValidationException wrong = await Assert.ThrowsAsync<OptionsValidationException>(async () =>
        {
            using IHost host = builder.Build();
            await host.StartAsync();
        });
        Assert.Equal(3, wrong.Failures.Count());
        Assert.Contains("Model is empty", wrong.Message, StringComparison.Ordinal);
        Assert.Contains("70000", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_follows_the_host()
    {
        using IHost host = await StartAsync();
        HealthCheckService health = host.Services.GetRequiredService<HealthCheckService>();
        Assert.Equal(HealthStatus.Healthy, (await health.CheckHealthAsync()).Status);
        await host.StopAsync();
        Assert.Equal(HealthStatus.Unhealthy, (await health.CheckHealthAsync()).Status);
    }

    [Fact]
    public async Task Traces_and_measurements_can_be_listened_to()
    {
        List<Activity> traces = [];
        using ActivityListener spans = new()
        {
            ShouldListenTo = source => source.Name == LorikeetTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = a =>
            {
                lock (traces)
                {
                    traces.Add(a);
                }
            },
        };
        ActivitySource.AddActivityListener(spans);
        HashSet<string> seen = [];
        using MeterListener figures = new()
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == LorikeetTelemetry.Name)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        figures.SetMeasurementEventCallback<double>((i, _, tags, _) => Note(i, tags));
        figures.SetMeasurementEventCallback<long>((i, _, tags, _) => Note(i, tags));
        figures.Start();
        using IHost host = await StartAsync("traced");
        await host.Services.GetRequiredService<IChatClient>().GetResponseAsync("abc", new ChatOptions { ModelId = "traced", MaxOutputTokens = 4, AdditionalProperties = new() { ["ignore_eos"] = true } });
        await host.StopAsync();
        lock (traces)
        {
            // Tests of other classes run at the same time: only this one's adapter has the name.
            Activity trace = Assert.Single(traces, t => t.GetTagItem("gen_ai.request.model") as string == "traced");
            Assert.Equal(4L, trace.GetTagItem("gen_ai.usage.output_tokens"));
        }
        lock (seen)
        {
            Assert.Equal(["gen_ai.server.request.duration", "gen_ai.server.time_per_output_token", "gen_ai.server.time_to_first_token", "lorikeet.tokens"], seen.Order());
        }

        void Note(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            foreach ((string key, object? value) in tags)
            {
                if (key == "gen_ai.request.model" && value as string == "traced")
                {
                    lock (seen)
                    {
                        seen.Add(instrument.Name);
                    }
                }
            }
        }
    }

    [Fact]
    public async Task Routes_stand_beside_an_application_s_own()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddLorikeet(Configure);
        await using WebApplication app = builder.Build();
        app.MapLorikeet();
        app.MapGet("/own", () => "mine");
        app.MapGet("/ask", async (IChatClient client) => (await client.GetResponseAsync("abc", new ChatOptions { MaxOutputTokens = 2 })).FinishReason?.Value);
        await app.StartAsync();
        using HttpClient http = new() { BaseAddress = new Uri(app.Urls.First()) };
        Assert.Equal("mine", await http.GetStringAsync(new Uri("/own", UriKind.Relative)));
        Assert.Contains(await http.GetStringAsync(new Uri("/ask", UriKind.Relative)), (string[])["length", "stop"]);
        using HttpResponseMessage answer = await http.PostAsJsonAsync("/v1/completions", new { model = "legal", prompt = "abc", max_tokens = 2 });
        Assert.Equal(200, (int)answer.StatusCode);
        Assert.True(answer.Headers.Contains("X-Request-Id"));
        using HttpResponseMessage refused = await http.PostAsJsonAsync("/v1/completions", new { model = "absent", prompt = "abc" });
        Assert.Equal(404, (int)refused.StatusCode);
        Assert.Contains("model_not_found", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using HttpResponseMessage own = await http.GetAsync(new Uri("/no/such", UriKind.Relative));
        Assert.Equal("", await own.Content.ReadAsStringAsync());
        await app.StopAsync();
    }

    private void Configure(ServerOptions o) => Configure(o, "legal");

    private void Configure(ServerOptions o, string adapter)
    {
        string place = Path.Combine(folder, adapter);
        if (!Directory.Exists(place))
        {
            TinyServer.MakeAdapter(place, 3);
        }
        o.Model = TinyServer.Model;
        o.ServedNames = ["base"];
        o.GenerationConfig = "none";
        o.DrainTime = TimeSpan.FromSeconds(5);
        o.Engine = new EngineOptions { CacheBytes = 64 << 20, MaxSequences = 16, MaxRows = 128 };
        o.Adapters = [new(adapter, place)];
    }

    private async Task<IHost> StartAsync(string adapter = "legal")
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddLorikeet(o => Configure(o, adapter));
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
