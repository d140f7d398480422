using System.Text;
using System.Text.Json;

namespace Lorikeet.Server.Tests.Keys;

/// <summary>Keys, scopes, tenants, limits; nothing tells a key what others have.</summary>
public sealed class KeyTests
{
    private const string Keys = "/lorikeet/v1/keys";

    [Fact]
    public async Task Keys_open_their_routes_only()
    {
        await using Keyed host = await Keyed.StartAsync();
        TinyServer server = host.Server;
        foreach (string path in (string[])["/v1/models", "/metrics", "/load", "/version", "/lorikeet/v1/adapters", "/nothing", Keys])
        {
            (await server.GetAsync(path)).Error(401, "invalid_api_key");
            (await server.GetAsync(path, "lk-wrong")).Error(401, "invalid_api_key");
        }
        foreach (string path in (string[])["/health", "/health/ready", "/health/live", "/ping"])
        {
            Assert.Equal(200, (await server.GetAsync(path)).Status);
        }
        string infer = await host.KeyAsync("acme", "infer"), manage = await host.KeyAsync("acme", "manage"), metrics = await host.KeyAsync("acme", "metrics");
        (await server.GetAsync("/v1/models", infer)).Ok();
        (await server.GetAsync("/v1/models", manage)).Error(403, "insufficient_permissions");
        (await server.GetAsync("/metrics", infer)).Error(403, "insufficient_permissions");
        Assert.Equal(200, (await server.GetAsync("/metrics", metrics)).Status);
        (await server.GetAsync(Keys, manage)).Error(403);
        (await server.SendAsync(HttpMethod.Put, "/lorikeet/v1/adapters/x", null, infer)).Error(403);
        (await server.PostAsync("/v1/completions", """{"prompt":"a","max_tokens":1}""", metrics)).Error(403);
    }

    [Fact]
    public async Task A_secret_is_shown_once_and_a_deleted_key_is_refused()
    {
        await using Keyed host = await Keyed.StartAsync();
        TinyServer server = host.Server;
        Answer made = await server.PostAsync(Keys, """{"tenant":"acme","label":"l","scopes":["infer"],"adapters":["support-*"],"expires":null,"limits":{"requests_per_minute":100}}""", host.Admin);
        JsonElement key = made.Ok(201);
        string id = key.GetProperty("id").GetString()!, secret = key.GetProperty("secret").GetString()!;
        Assert.Matches("^lk-[A-Za-z0-9_-]{43}$", secret);
        foreach (string path in (string[])[Keys, $"{Keys}/{id}"])
        {
            Answer answer = await server.GetAsync(path, host.Admin);
            answer.Ok();
            Assert.DoesNotContain(secret, answer.Body, StringComparison.Ordinal);
        }
        foreach (string file in Directory.EnumerateFiles(server.Folder, "registry.db*"))
        {
            Assert.DoesNotContain(secret, Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file)), StringComparison.Ordinal);
        }
        // The key may use support-* only; the base is a name like others.
        (await server.PostAsync("/v1/completions", """{"prompt":"a"}""", secret)).Error(404);
        Assert.Equal(0, (await server.GetAsync("/v1/models", secret)).Ok().GetProperty("data").GetArrayLength());
        Assert.True((await server.SendAsync(HttpMethod.Delete, $"{Keys}/{id}", null, host.Admin)).Ok().GetProperty("deleted").GetBoolean());
        (await server.GetAsync("/v1/models", secret)).Error(401);
        (await server.SendAsync(HttpMethod.Delete, $"{Keys}/{id}", null, host.Admin)).Error(404);
        (await server.PostAsync(Keys, """{"tenant":"acme","scopes":["infer"],"expires":1}""", host.Admin)).Ok(201);
    }

    [Theory]
    [InlineData("""{"scopes":["king"]}""")]
    [InlineData("""{"scopes":[]}""")]
    [InlineData("""{"tenant":"a b"}""")]
    [InlineData("""{"tenant":"../x"}""")]
    [InlineData("""{"limits":{"concurrent":-1}}""")]
    [InlineData("""{"adapters":[""]}""")]
    [InlineData("""{"adapters":"x"}""")]
    public async Task Keys_that_are_refused(string body)
    {
        await using Keyed host = await Keyed.StartAsync();
        (await host.Server.PostAsync(Keys, body, host.Admin)).Error(400);
    }

    [Fact]
    public async Task Tenants_cannot_read_list_or_guess_others_adapters()
    {
        await using Keyed host = await Keyed.StartAsync();
        TinyServer server = host.Server;
        string acme = await host.KeyAsync("acme", "infer\",\"manage"), zeta = await host.KeyAsync("zeta", "infer\",\"manage");
        string limited = await host.KeyAsync("acme", "infer", "\"adapters\":[\"open-*\",\"tiny\"]");
        await Adapters.RegistryTests.PutAsync(server, "support-bot", server.Adapter("a", 1), 201, acme);
        await Adapters.RegistryTests.PutAsync(server, "support-bot", server.Adapter("b", 2), 201, zeta);
        await Adapters.RegistryTests.PutAsync(server, "secret-plan", server.Adapter("c", 3), 201, acme);
        // Each its own weights under one name.
        string ofAcme = await server.CompleteAsync("support-bot", key: acme), ofZeta = await server.CompleteAsync("support-bot", key: zeta);
        Assert.NotEqual(ofAcme, ofZeta);
        // Unknown, foreign and forbidden names: equal byte for byte but for name and request id.
        foreach ((string method, string path, string? body) in ((string, string, string?)[])[
            ("POST", "/v1/completions", """{"model":"NAME","prompt":"a"}"""), ("POST", "/v1/chat/completions", """{"model":"NAME","messages":[{"role":"user","content":"x"}]}"""),
            ("POST", "/v1/embeddings", """{"model":"NAME","input":"a"}"""), ("POST", "/tokenize", """{"model":"NAME","prompt":"a"}"""), ("POST", "/detokenize", """{"model":"NAME","tokens":[1]}"""),
            ("POST", "/v1/completions", """{"adapters":[{"name":"NAME","weight":1}],"prompt":"a"}"""), ("GET", "/v1/models/NAME", null), ("GET", "/lorikeet/v1/adapters/NAME", null)])
        {
            string[] answers =
            [
                await RefusedAsync(server, method, path, body, "secret-plan", zeta),
                await RefusedAsync(server, method, path, body, "no-such-one", zeta),
                await RefusedAsync(server, method, path, body, "secret-plan", limited),
                await RefusedAsync(server, method, path, body, "no-such-one", limited),
                await RefusedAsync(server, method, path, body, "secret-plan@1", zeta),
            ];
            Assert.Single(answers.Distinct());
        }
        foreach (string path in (string[])["/v1/models", "/lorikeet/v1/adapters", "/lora-adapters"])
        {
            Assert.DoesNotContain("secret-plan", (await server.GetAsync(path, zeta)).Body, StringComparison.Ordinal);
            Assert.Contains("secret-plan", (await server.GetAsync(path, acme)).Body, StringComparison.Ordinal);
            Assert.DoesNotContain("secret-plan", (await server.GetAsync(path, limited)).Body, StringComparison.Ordinal);
        }
        (await server.GetAsync("/lorikeet/v1/adapters?tenant=acme", zeta)).Ok();
        Assert.DoesNotContain("secret-plan", (await server.GetAsync("/lorikeet/v1/adapters?tenant=acme", zeta)).Body, StringComparison.Ordinal);
        (await server.SendAsync(HttpMethod.Delete, "/lorikeet/v1/adapters/secret-plan", null, zeta)).Error(404);
        (await server.SendAsync(HttpMethod.Delete, "/lorikeet/v1/adapters/secret-plan?tenant=acme", null, zeta)).Error(403);
        (await server.PostAsync("/lorikeet/v1/adapters/secret-plan/alias", """{"alias":"mine"}""", zeta)).Error(404);
        Assert.Equal(ofAcme, await server.CompleteAsync("support-bot", key: acme));
    }

    [Fact]
    public async Task Prompts_are_not_shared_between_tenants()
    {
        await using Keyed host = await Keyed.StartAsync();
        string acme = await host.KeyAsync("acme", "infer"), zeta = await host.KeyAsync("zeta", "infer");
        string prompt = string.Concat(Enumerable.Range(0, 60).Select(i => $"{i} "));
        Assert.Equal(0, await CachedAsync(acme));
        Assert.True(await CachedAsync(acme) > 0);
        Assert.Equal(0, await CachedAsync(zeta));
        Assert.Equal(0, await CachedAsync(acme, ",\"cache_salt\":\"s\""));

        async Task<int> CachedAsync(string key, string more = "") =>
            (await host.Server.PostAsync("/v1/completions", $$"""{"prompt":"{{prompt}}","max_tokens":1{{more}}}""", key)).Ok().GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();
    }

    [Fact]
    public async Task Limits_of_a_key_hold()
    {
        await using Keyed host = await Keyed.StartAsync();
        TinyServer server = host.Server;
        string few = await host.KeyAsync("acme", "infer", "\"limits\":{\"requests_per_minute\":2}");
        Answer first = await server.PostAsync("/v1/completions", """{"prompt":"a","max_tokens":1}""", few);
        first.Ok();
        Assert.Equal(("2", "1"), (first.Header("x-ratelimit-limit-requests"), first.Header("x-ratelimit-remaining-requests")));
        (await server.PostAsync("/v1/completions", """{"prompt":"a","max_tokens":1}""", few)).Ok();
        Answer third = await server.PostAsync("/v1/completions", """{"prompt":"a","max_tokens":1}""", few);
        Assert.Contains("2 requests a minute", third.Error(429, "rate_limit_exceeded").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.NotNull(third.Header("Retry-After"));
        string tokens = await host.KeyAsync("acme", "infer", "\"limits\":{\"tokens_per_minute\":10}");
        Answer never = await server.PostAsync("/v1/completions", """{"prompt":"aaaaaaaaaaaaaaaaaaaaaaaaaaaa","max_tokens":1}""", tokens);
        never.Error(429, "insufficient_quota");
        Assert.Equal("false", never.Header("x-should-retry"));
        string small = await host.KeyAsync("tiny-tenant", "manage", "\"limits\":{\"max_adapters\":1}");
        await Adapters.RegistryTests.PutAsync(server, "one", server.Adapter("a", 1), 201, small);
        (await server.SendAsync(HttpMethod.Put, "/lorikeet/v1/adapters/two", TinyServer.Upload(server.Adapter("a", 1)), small)).Error(403, "adapter_quota_exceeded");
    }

    private static async Task<string> RefusedAsync(TinyServer server, string method, string path, string? body, string name, string key)
    {
        string target = path.Replace("NAME", name, StringComparison.Ordinal);
        Answer answer = await server.SendAsync(new HttpMethod(method), target, body is null ? null : new StringContent(body.Replace("NAME", name, StringComparison.Ordinal), Encoding.UTF8, "application/json"), key);
        answer.Error(404, "model_not_found");
        IEnumerable<string> headers = answer.Response.Headers.Concat(answer.Response.Content.Headers).Where(h => h.Key.ToUpperInvariant() is not ("X-REQUEST-ID" or "DATE" or "CONTENT-LENGTH")).Select(h => $"{h.Key}: {string.Join(",", h.Value)}");
        return $"{answer.Status}\n{string.Join('\n', headers)}\n{answer.Body.Replace(name, "NAME", StringComparison.Ordinal)}";
    }

    /// <summary>A server with keys on and an admin key.</summary>
    internal sealed class Keyed(TinyServer server, string admin) : IAsyncDisposable
    {
        private int count;

        public TinyServer Server => server;

        public string Admin => admin;

        public static async Task<Keyed> StartAsync(Func<ServerOptions, string, ServerOptions>? change = null, Func<IInference, IInference>? wrap = null)
        {
            string admin = "";
            TinyServer server = await TinyServer.StartAsync(
                (o, folder) =>
                {
                    string registry = Path.Combine(folder, "registry.db");
                    admin = LorikeetServer.CreateKeyAsync(registry, "operator", ["admin", "infer", "manage", "metrics"]).GetAwaiter().GetResult().Secret;
                    o = o with { Registry = registry, Keys = true };
                    return change?.Invoke(o, folder) ?? o;
                },
                wrap);
            return new Keyed(server, admin);
        }

        public async Task<string> KeyAsync(string tenant, string scopes, string more = "") =>
            (await server.PostAsync(Keys, $$"""{"tenant":"{{tenant}}","label":"{{count++}}","scopes":["{{scopes}}"]{{(more.Length > 0 ? "," + more : "")}}}""", admin)).Ok(201).GetProperty("secret").GetString()!;

        public ValueTask DisposeAsync() => server.DisposeAsync();
    }
}
