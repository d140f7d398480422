using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Lorikeet.Server.Tests.Keys;
using Lorikeet.Testing;
using Microsoft.Extensions.Logging;

namespace Lorikeet.Server.Tests.Conformance;

/// <summary>Items 9, 19, 20: tenants, keys, scopes.</summary>
public sealed partial class ConformanceTests
{
    [Fact]
    public async Task Item_09_Two_tenants_have_their_own_weights_and_no_common_prompt()
    {
        await using KeyTests.Keyed keyed = await KeyTests.Keyed.StartAsync();
        TinyServer server = keyed.Server;
        string[] keys = [await keyed.KeyAsync("acme", "infer\",\"manage"), await keyed.KeyAsync("zeta", "infer\",\"manage")];
        string[] folders = [server.Adapter("a", 1), server.Adapter("b", 2)];
        for (int i = 0; i < 2; i++)
        {
            await Adapters.RegistryTests.PutAsync(server, "support-bot", folders[i], 201, keys[i]);
        }
        (await server.SendAsync(HttpMethod.Put, Routes + "everybody?tenant=shared", TinyServer.Upload(server.Adapter("c", 3)), keyed.Admin)).Ok(201);
        string prompt = string.Concat(Enumerable.Range(0, 60).Select(i => $"{i} "));
        foreach (string model in (string[])["support-bot", "everybody", "tiny"])
        {
            (string Text, int Cached, long Computed)[] first = [await AskAsync(keys[0], model), await AskAsync(keys[1], model)];
            // What one asked is there for itself again, and is nothing to the other.
            Assert.Equal((0, 0), (first[0].Cached, first[1].Cached));
            Assert.Equal(first[0].Computed, first[1].Computed);
            Assert.True((await AskAsync(keys[0], model)).Cached > 0);
            Assert.Equal(model != "support-bot", first[0].Text == first[1].Text);
        }
        Assert.Equal(0, (await AskAsync(keys[0], "tiny", ",\"cache_salt\":\"s\"")).Cached);

        async Task<(string Text, int Cached, long Computed)> AskAsync(string key, string model, string more = "")
        {
            long before = server.Server.Parts.Inference.Statistics.Rows;
            JsonElement answer = (await server.PostAsync("/v1/completions", $$"""{"model":"{{model}}","prompt":"{{prompt}}","max_tokens":8,"temperature":0,"ignore_eos":true{{more}}}""", key)).Ok();
            await Wait.UntilAsync(() => server.Server.Parts.Admission.InFlight == 0);
            return (answer.GetProperty("choices")[0].GetProperty("text").GetString()!, answer.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32(),
                server.Server.Parts.Inference.Statistics.Rows - before);
        }
    }

    [Fact]
    public async Task Item_19_Each_scope_alone_opens_only_its_routes()
    {
        await using KeyTests.Keyed keyed = await KeyTests.Keyed.StartAsync();
        TinyServer server = keyed.Server;
        Dictionary<string, (string Method, string Path, string? Body)[]> routes = new()
        {
            ["infer"] =
            [
                ("POST", "/v1/chat/completions", "{}"), ("POST", "/v1/completions", "{}"), ("POST", "/v1/responses", "{}"), ("POST", "/v1/embeddings", "{}"), ("POST", "/tokenize", "{}"), ("POST", "/v1/detokenize", "{}"),
                ("POST", "/v1/chat/completions/render", "{}"), ("POST", "/v1/completions/render", "{}"), ("GET", "/v1/models", null), ("GET", "/v1/models/x", null), ("GET", "/lora-adapters", null), ("POST", "/rerank", "{}"),
            ],
            ["manage"] =
            [
                ("PUT", Routes + "x", null), ("GET", Routes + "x/versions", null), ("POST", Routes + "x/rollback", null), ("POST", Routes + "x/pin", null), ("POST", Routes + "x/unpin", null),
                ("POST", Routes + "x/alias", "{}"), ("DELETE", Routes + "x", null), ("DELETE", "/v1/models/x", null),
            ],
            ["admin"] = [("POST", "/lorikeet/v1/keys", "{\"scopes\":[]}"), ("GET", "/lorikeet/v1/keys", null), ("GET", "/lorikeet/v1/keys/x", null), ("DELETE", "/lorikeet/v1/keys/x", null)],
            ["metrics"] = [("GET", "/metrics", null), ("GET", "/load", null)],
        };
        foreach (string scope in routes.Keys)
        {
            string key = await keyed.KeyAsync("acme", scope);
            foreach ((string owner, (string Method, string Path, string? Body)[] all) in routes)
            {
                foreach ((string method, string path, string? body) in all)
                {
                    Answer answer = await server.SendAsync(new HttpMethod(method), path, body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"), key);
                    Assert.True((answer.Status == 403) == (owner != scope) && answer.Status != 401, $"{scope}: {method} {path} gave {answer.Status}");
                }
            }
        }
    }

    [Fact]
    public async Task Item_19_A_secret_appears_once_and_in_no_log_or_file_and_a_deleted_key_is_refused_everywhere()
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-secret-").FullName;
        try
        {
            string registry = Path.Combine(folder, "registry.db");
            (_, string admin) = await LorikeetServer.CreateKeyAsync(registry, "operator", ["admin"]);
            ServerOptions options = new() { Model = TinyServer.Model, Port = 0, Registry = registry, Keys = true, GenerationConfig = "none", RegistryPoll = TimeSpan.FromMilliseconds(200) };
            ConcurrentQueue<string> log = [];
            await using LorikeetServer one = LorikeetServer.Create(options, l => l.SetMinimumLevel(LogLevel.Trace).AddProvider(new LogLines(log))), two = LorikeetServer.Create(options, l => l.SetMinimumLevel(LogLevel.None));
            await one.StartAsync();
            await two.StartAsync();
            using HttpClient http = new();
            JsonElement made = await SendAsync(one, HttpMethod.Post, "lorikeet/v1/keys", admin, """{"tenant":"acme","scopes":["infer"]}""", 201);
            string secret = made.GetProperty("secret").GetString()!, id = made.GetProperty("id").GetString()!;
            Assert.DoesNotContain(secret, (await SendAsync(one, HttpMethod.Get, $"lorikeet/v1/keys/{id}", admin, null, 200)).GetRawText(), StringComparison.Ordinal);
            await Wait.UntilAsync(async () => await StatusAsync(two) == 200);
            await SendAsync(one, HttpMethod.Delete, $"lorikeet/v1/keys/{id}", admin, null, 200);
            Assert.Equal(401, await StatusAsync(one));
            Stopwatch since = Stopwatch.StartNew();
            await Wait.UntilAsync(async () => await StatusAsync(two) == 401);
            Assert.InRange(since.Elapsed.TotalSeconds, 0, 5);
            Assert.NotEmpty(log);
            Assert.All(log, line => Assert.DoesNotContain(secret, line, StringComparison.Ordinal));
            Assert.All(Directory.EnumerateFiles(folder), file => Assert.DoesNotContain(secret, Encoding.Latin1.GetString(File.ReadAllBytes(file)), StringComparison.Ordinal));

            async Task<int> StatusAsync(LorikeetServer server)
            {
                using HttpRequestMessage request = new(HttpMethod.Get, new Uri(server.Address, "v1/models")) { Headers = { Authorization = new("Bearer", secret) } };
                using HttpResponseMessage response = await http.SendAsync(request);
                return (int)response.StatusCode;
            }

            async Task<JsonElement> SendAsync(LorikeetServer server, HttpMethod method, string path, string key, string? body, int status)
            {
                using HttpRequestMessage request = new(method, new Uri(server.Address, path)) { Headers = { Authorization = new("Bearer", key) }, Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
                using HttpResponseMessage response = await http.SendAsync(request);
                Assert.Equal(status, (int)response.StatusCode);
                return JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What a pattern costs grows with its length and with the name's, not with the ways in which it could match.</summary>
    [Fact]
    public void Item_19_Patterns_with_many_stars_cost_no_more_than_their_length_says()
    {
        NamePatterns bad = new([string.Concat(Enumerable.Repeat("*a", 64)) + "*b"]);
        string name = new('a', 128);
        Stopwatch took = Stopwatch.StartNew();
        for (int i = 0; i < 1000; i++)
        {
            Assert.False(bad.Matches(name));
        }
        // Back-tracking would need more steps than there are atoms.
        Assert.InRange(took.Elapsed.TotalSeconds, 0, 60);
    }

    [Fact]
    public async Task Item_20_Metrics_need_their_scope_and_a_tenants_answers_name_nothing_of_anothers()
    {
        await using KeyTests.Keyed keyed = await KeyTests.Keyed.StartAsync();
        TinyServer server = keyed.Server;
        string acme = await keyed.KeyAsync("acme", "infer\",\"manage"), zeta = await keyed.KeyAsync("zeta", "infer\",\"manage");
        await Adapters.RegistryTests.PutAsync(server, "acme-secret", server.Adapter("a", 1), 201, acme);
        await Adapters.RegistryTests.PutAsync(server, "acme-secret", server.Adapter("b", 2), 200, acme);
        (await server.GetAsync("/metrics")).Error(401, "invalid_api_key");
        (await server.GetAsync("/metrics", acme)).Error(403, "insufficient_permissions");
        string hash = (await server.GetAsync(Routes + "acme-secret", acme)).Ok().GetProperty("hash").GetString()!;
        foreach ((string method, string path, string? body) in ((string, string, string?)[])
        [
            ("GET", "/v1/models", null), ("GET", "/lorikeet/v1/adapters", null), ("GET", "/lora-adapters", null), ("GET", "/v1/models/acme-secret@1", null), ("GET", Routes + "acme-secret/versions", null),
            ("POST", "/v1/completions", """{"prompt":"a","lora":[{"id":0}]}"""), ("POST", "/v1/completions", """{"prompt":"a","adapters":[{"name":"acme-secret","weight":1}]}"""),
            ("POST", "/v1/completions", $$"""{"prompt":"a","model":"acme-secret@{{hash[7..19]}}"}"""), ("POST", Routes + "acme-secret/rollback", "{\"to\":1}"), ("DELETE", "/v1/models/acme-secret", null),
        ])
        {
            Answer answer = await server.SendAsync(new HttpMethod(method), path, body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"), zeta);
            Assert.True(answer.Status is 200 or 404, $"{path}: {answer.Status} {answer.Body}");
            string said = answer.Body.Replace(path, "", StringComparison.Ordinal);
            Assert.DoesNotContain(hash, said, StringComparison.Ordinal);
            // An error repeats the name that was asked for, and nothing else.
            Assert.True(answer.Status == 404 || !said.Contains("acme", StringComparison.Ordinal), said);
        }
    }

    private sealed class LogLines(ConcurrentQueue<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => lines.Enqueue(formatter(state, exception) + exception);

        public void Dispose()
        {
            // The lines are the test's.
        }
    }
}
