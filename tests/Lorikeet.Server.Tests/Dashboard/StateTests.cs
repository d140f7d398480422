using System.Text.Json;
using Lorikeet.Server.Tests.Batches;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Dashboard;

/// <summary>The dashboard's figures: they move, and a tenant sees its own only.</summary>
public sealed class StateTests
{
    private const string Path = "/lorikeet/v1/state";

    [Fact]
    public async Task Figures_count_what_was_asked_of_each_adapter()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, folder) => o with { Adapters = [new("legal", TinyServer.MakeAdapter(System.IO.Path.Combine(folder, "legal"), 1))] });
        JsonElement before = (await server.GetAsync(Path)).Ok();
        Assert.True(before.GetProperty("whole").GetBoolean());
        Assert.True(before.GetProperty("chat").GetBoolean());
        Assert.Equal(["tiny", "legal"], Ids(before));
        Assert.Equal(JsonValueKind.Null, Row(before, "legal").GetProperty("first").ValueKind);
        await server.CompleteAsync("legal");
        await server.CompleteAsync("tiny");
        await server.CompleteAsync("legal");
        JsonElement after = (await server.GetAsync(Path)).Ok();
        JsonElement legal = Row(after, "legal");
        Assert.Equal(2, legal.GetProperty("requests").GetInt64());
        Assert.Equal(24, legal.GetProperty("generated").GetInt64());
        Assert.Equal(6, legal.GetProperty("prompt").GetInt64());
        Assert.Equal(0, legal.GetProperty("running").GetInt64() + legal.GetProperty("waiting").GetInt64());
        Assert.Equal("resident", legal.GetProperty("state").GetString());
        Assert.Equal("lora", legal.GetProperty("method").GetString());
        foreach (string spread in (string[])["first", "token"])
        {
            Assert.InRange(legal.GetProperty(spread).GetProperty("p50").GetDouble(), 1e-7, legal.GetProperty(spread).GetProperty("p95").GetDouble());
        }
        Assert.Equal(12, Row(after, "tiny").GetProperty("generated").GetInt64());
        Assert.Equal(36, after.GetProperty("generated").GetInt64());
        JsonElement memory = after.GetProperty("memory");
        Assert.All((string[])["weights", "adapters", "budget"], part => Assert.True(memory.GetProperty(part).GetInt64() > 0, part));
    }

    [Fact]
    public async Task A_request_that_waits_is_counted_until_it_ends()
    {
        ScriptedInference? scripted = null;
        await using TinyServer server = await TinyServer.StartAsync(wrap: inner => scripted = new ScriptedInference(inner, _ => "abc") { Gate = new SemaphoreSlim(0) });
        Task<string> answer = server.CompleteAsync("tiny");
        await Wait.UntilAsync(async () => Row((await server.GetAsync(Path)).Ok(), "tiny").GetProperty("waiting").GetInt64() == 1);
        scripted!.Gate!.Release();
        await Wait.UntilAsync(async () => Row((await server.GetAsync(Path)).Ok(), "tiny").GetProperty("running").GetInt64() == 1);
        Assert.Equal(1, (await server.GetAsync(Path)).Ok().GetProperty("generated").GetInt64());
        scripted.Gate.Release(10);
        await answer;
        JsonElement row = Row((await server.GetAsync(Path)).Ok(), "tiny");
        Assert.Equal(0, row.GetProperty("running").GetInt64() + row.GetProperty("waiting").GetInt64());
    }

    [Fact]
    public async Task Ten_thousand_adapters_are_sent_a_page_at_a_time_the_busiest_first()
    {
        const int Many = 10_000;
        await using TinyServer server = await TinyServer.StartAsync();
        string made = server.Adapter("made", 1);
        await AdapterFarm.RegisterAsync(server.Server.Parts.Registry, Caller.SharedTenant, Enumerable.Range(0, Many).Select(i => ($"customer-{i:00000}", i is 7000 or Many - 1 ? made : "/no/such/folder")));
        Answer usual = await server.GetAsync(Path);
        Assert.Equal(Many + 1, usual.Ok().GetProperty("matching").GetInt32());
        Assert.Equal(["tiny", .. Enumerable.Range(0, 49).Select(i => $"customer-{i:00000}")], Ids(usual.Json));
        Assert.InRange(usual.Body.Length, 1, 20_000);
        Assert.Equal(200, Ids((await server.GetAsync(Path + "?rows=1000000")).Ok()).Length);

        await server.CompleteAsync("customer-07000");
        await server.CompleteAsync("customer-09999");
        await server.CompleteAsync("customer-07000");
        await Wait.UntilAsync(async () => Row((await server.GetAsync(Path)).Ok(), "customer-07000").GetProperty("rate").GetDouble() > 0);
        Assert.Equal(["tiny", "customer-07000", "customer-09999", "customer-00000"], await Page("rows=4"));
        Assert.Equal(["customer-09999", "customer-00000"], await Page("rows=2&from=2"));
        Assert.Equal(["customer-07000", "customer-09999"], await Page("rows=2&order=requests&down=true"));
        Assert.Equal(["customer-00000"], await Page("rows=1&order=requests"));
        Assert.Equal(["customer-09999", "customer-07000"], (await Page("rows=2&order=token95")).OrderDescending());
        Assert.Equal(["tiny", "customer-09999"], await Page("rows=2&order=name&down=true"));
        string[] found = await Page("find=CUSTOMER-0700");
        Assert.Equal(["customer-07000", .. Enumerable.Range(7001, 9).Select(i => $"customer-{i:00000}")], found);
        Assert.Empty(await Page("find=nobody"));
        // A page beyond the end is the last one.
        Answer beyond = await server.GetAsync(Path + "?from=20000&rows=20");
        Assert.Equal((10_000, 1), (beyond.Ok().GetProperty("from").GetInt32(), Ids(beyond.Json).Length));
        (await server.GetAsync(Path + "?order=magic")).Error(400, "invalid_value", "order");
        (await server.GetAsync(Path + "?from=-1")).Error(400, "invalid_value", "from");

        async Task<string[]> Page(string query) => Ids((await server.GetAsync($"{Path}?{query}")).Ok());
    }

    [Fact]
    public void Recent_counts_forget_after_a_minute()
    {
        RecentCount count = new();
        for (int i = 0; i < 10; i++)
        {
            count.Add(100);
            count.Add(101);
        }
        Assert.Equal(10, count.Before(101, 5));
        Assert.Equal(20, count.Before(102, 5));
        Assert.Equal(10, count.Before(106, 5));
        Assert.Equal(20, count.Before(160, 60));
        Assert.Equal(0, count.Before(162, 60));
        count.Add(164);
        Assert.Equal(1, count.Before(165, 60));
    }

    [Fact]
    public async Task Tenants_see_their_own_and_operators_all()
    {
        string admin = "", acme = "", other = "", narrow = "", metrics = "";
        await using TinyServer server = await TinyServer.StartAsync((o, folder) =>
        {
            string registry = System.IO.Path.Combine(folder, "registry.db");
            admin = Key(registry, "operator", ["admin", "infer"]);
            acme = Key(registry, "acme", ["infer", "manage"]);
            other = Key(registry, "other", ["infer"]);
            narrow = Key(registry, "acme", ["infer"], ["nothing-*"]);
            metrics = Key(registry, "watch", ["metrics"]);
            return o with { Registry = registry, Keys = true, Adapters = [new("legal", TinyServer.MakeAdapter(System.IO.Path.Combine(folder, "legal"), 1))] };
        });
        (await server.GetAsync(Path)).Error(401);
        (await server.SendAsync(HttpMethod.Put, "/lorikeet/v1/adapters/secret-plan", TinyServer.Upload(server.Adapter("x", 5)), acme)).Ok(201);
        await server.CompleteAsync("secret-plan", key: acme);
        await server.CompleteAsync("legal", key: acme);

        JsonElement own = (await server.GetAsync(Path, acme)).Ok();
        Assert.Equal(["legal", "secret-plan", "tiny"], Ids(own).Order());
        Assert.Equal(24, own.GetProperty("generated").GetInt64());
        Assert.False(own.TryGetProperty("memory", out _) || own.TryGetProperty("engine", out _));

        Answer foreign = await server.GetAsync(Path, other);
        Assert.Equal(["tiny", "legal"], Ids(foreign.Ok()));
        Assert.Equal(0, foreign.Json.GetProperty("generated").GetInt64());
        Assert.Equal(0, Row(foreign.Json, "legal").GetProperty("requests").GetInt64());
        Assert.DoesNotContain("secret", foreign.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("acme", foreign.Body, StringComparison.Ordinal);
        Answer patterns = await server.GetAsync(Path, narrow);
        Assert.Empty(Ids(patterns.Ok()));
        Assert.Equal(0, patterns.Json.GetProperty("generated").GetInt64());

        JsonElement all = (await server.GetAsync(Path, admin)).Ok();
        Assert.Equal(["legal", "secret-plan", "tiny"], Ids(all).Order());
        Assert.Equal(1, Row(all, "legal").GetProperty("requests").GetInt64());
        Assert.True(Row(all, "legal").GetProperty("usable").GetBoolean());
        Assert.False(Row(all, "secret-plan").GetProperty("usable").GetBoolean());
        Assert.True(all.TryGetProperty("memory", out _));
        Assert.False(Row((await server.GetAsync(Path, metrics)).Ok(), "legal").GetProperty("usable").GetBoolean());
    }

    [Fact]
    public async Task Files_need_no_key_and_are_asked_for_again_by_their_tag()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { ApiKeys = ["k"] });
        foreach ((string path, string type) in ((string, string)[])[("/", "text/html; charset=utf-8"), ("/dashboard/index.js", "text/javascript; charset=utf-8"), ("/dashboard/index.css", "text/css; charset=utf-8"), ("/dashboard/icon.svg", "image/svg+xml")])
        {
            Answer first = await server.GetAsync(path);
            Assert.Equal(200, first.Status);
            Assert.Equal(type, first.Header("Content-Type"));
            Assert.StartsWith("default-src 'self'", first.Header("Content-Security-Policy"), StringComparison.Ordinal);
            Answer again = await server.GetAsync(path, null, ("If-None-Match", first.Header("ETag")!));
            Assert.Equal((304, ""), (again.Status, again.Body));
        }
        (await server.GetAsync("/dashboard/nothing.js")).Error(404);
        (await server.GetAsync("/dashboard/..%2Findex.html")).Error(404);
    }

    private static string Key(string registry, string tenant, string[] scopes, string[]? adapters = null) =>
        LorikeetServer.CreateKeyAsync(registry, tenant, scopes, adapters).GetAwaiter().GetResult().Secret;

    private static string[] Ids(JsonElement state) => [.. state.GetProperty("adapters").EnumerateArray().Select(a => a.GetProperty("id").GetString()!)];

    private static JsonElement Row(JsonElement state, string id) => state.GetProperty("adapters").EnumerateArray().Single(a => a.GetProperty("id").GetString() == id);
}
