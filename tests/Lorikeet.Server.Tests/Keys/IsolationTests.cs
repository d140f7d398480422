using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Keys;

/// <summary>No key reads, lists, changes, guesses or feels another tenant's adapters: refused names that exist and that do not are one answer at one price.</summary>
public sealed class IsolationTests
{
    // As long as each other, so that the answers are too.
    private const string Secret = "secret-plan", Absent = "no-such-one";

    private static readonly (string Method, string Path, string? Body)[] Requests =
    [
        ("POST", "/v1/completions", """{"model":"NAME","prompt":"a"}"""),
        ("POST", "/v1/completions", """{"model":"tiny:NAME","prompt":"a"}"""),
        ("POST", "/v1/completions", """{"model":"NAME","prompt":"a","stream":true}"""),
        ("POST", "/v1/completions", """{"adapter_id":"NAME","prompt":"a"}"""),
        ("POST", "/v1/completions", """{"adapter":"NAME","prompt":"a"}"""),
        ("POST", "/v1/completions", """{"adapter":{"generation":"NAME"},"prompt":"a"}"""),
        ("POST", "/v1/completions", """{"adapters":[{"name":"NAME","weight":0}],"prompt":"a"}"""),
        ("POST", "/v1/completions", """{"adapters":[{"name":"open-1","weight":1},{"name":"NAME","weight":1}],"prompt":"a"}"""),
        ("POST", "/v1/completions", """{"lora":[{"id":"NAME"}],"prompt":"a"}"""),
        ("POST", "/v1/completions", """{"merged_adapters":{"ids":["open-1","NAME"]},"prompt":"a"}"""),
        ("POST", "/v1/completions", """{"model":"NAME","adapter_id":"open-1","prompt":"a"}"""),
        ("POST", "/v1/completions", """{"model":"open-1","adapter_id":"NAME","prompt":"a"}"""),
        ("POST", "/v1/completions/render", """{"model":"NAME","prompt":"a"}"""),
        ("POST", "/v1/chat/completions", """{"model":"NAME","messages":[{"role":"user","content":"x"}]}"""),
        ("POST", "/v1/chat/completions/render", """{"model":"NAME","messages":[{"role":"user","content":"x"}]}"""),
        ("POST", "/v1/embeddings", """{"model":"NAME","input":"a"}"""),
        ("POST", "/tokenize", """{"model":"NAME","prompt":"a"}"""),
        ("POST", "/tokenize", """{"model":"NAME","messages":[{"role":"user","content":"x"}]}"""),
        ("POST", "/v1/detokenize", """{"model":"NAME","tokens":[1]}"""),
        ("GET", "/v1/models/NAME", null),
        ("DELETE", "/v1/models/NAME", null),
        ("GET", "/lorikeet/v1/adapters/NAME", null),
        ("GET", "/lorikeet/v1/adapters/NAME/versions", null),
        ("POST", "/lorikeet/v1/adapters/NAME/rollback", """{"to":1}"""),
        ("POST", "/lorikeet/v1/adapters/NAME/pin", ""),
        ("POST", "/lorikeet/v1/adapters/NAME/unpin", ""),
        ("POST", "/lorikeet/v1/adapters/NAME/alias", """{"alias":"open-9"}"""),
        ("DELETE", "/lorikeet/v1/adapters/NAME", null),
        ("DELETE", "/lorikeet/v1/adapters/NAME?version=1", null),
    ];

    [Fact]
    public async Task Refused_names_are_one_answer_on_every_route()
    {
        await using House house = await House.StartAsync();
        foreach ((string method, string path, string? body) in Requests)
        {
            foreach (string key in (string[])[house.Zeta, house.Limited])
            {
                // Another tenant's and unknown; forbidden by the key's patterns and unknown; one version of each, by number and by hash.
                HashSet<string> answers = [];
                foreach (string name in (string[])[Secret, Absent])
                {
                    answers.Add(await house.RefusedAsync(method, path, body, name, key));
                    if (!path.StartsWith("/lorikeet", StringComparison.Ordinal) && method == "POST")
                    {
                        answers.Add(await house.RefusedAsync(method, path, body, name + "@1", key));
                        answers.Add(await house.RefusedAsync(method, path, body, $"{name}@{house.SecretHash["sha256-".Length..][..16]}", key));
                    }
                }
                Assert.True(answers.Count == 1, $"{method} {path} {body}:\n{string.Join("\n---\n", answers)}");
            }
        }
        // A hash that is right opens nothing, and says nothing.
        foreach (string key in (string[])[house.Zeta, house.Limited])
        {
            (await house.Server.GetAsync($"/lorikeet/v1/adapters/{Secret}", key, ("If-None-Match", $"\"{house.SecretHash}\""))).Error(404, "model_not_found");
        }
        Assert.Equal(house.SecretAnswer, await house.Server.CompleteAsync(Secret, key: house.Acme));
    }

    [Fact]
    public async Task A_key_of_patterns_learns_nothing_by_making_names()
    {
        await using House house = await House.StartAsync();
        TinyServer server = house.Server;
        string folder = server.Adapter("mine", 9);
        string[] puts = [await PutAsync(Secret), await PutAsync(Absent)];
        Assert.Equal(puts[0], puts[1]);
        string[] aliases = [await house.RefusedAsync("POST", "/lorikeet/v1/adapters/open-1/alias", """{"alias":"NAME"}""", Secret, house.Limited), await house.RefusedAsync("POST", "/lorikeet/v1/adapters/open-1/alias", """{"alias":"NAME"}""", Absent, house.Limited)];
        Assert.Equal(aliases[0], aliases[1]);
        // An alias that the key may use lets it use the adapter, not look at it or change it.
        (await server.PostAsync($"/lorikeet/v1/adapters/{Secret}/alias", """{"alias":"open-secret"}""", house.Acme)).Ok();
        Assert.Equal(house.SecretAnswer, await server.CompleteAsync("open-secret", key: house.Limited));
        (await server.GetAsync("/lorikeet/v1/adapters/open-secret", house.Limited)).Error(404, "model_not_found");
        (await server.SendAsync(HttpMethod.Delete, "/lorikeet/v1/adapters/open-secret", null, house.Limited)).Error(404, "model_not_found");
        Answer taken = await server.SendAsync(HttpMethod.Put, "/lorikeet/v1/adapters/open-secret", TinyServer.Upload(folder), house.Limited);
        taken.Error(400, "name_taken");
        Assert.DoesNotContain(Secret, taken.Body, StringComparison.Ordinal);
        Assert.Equal(house.SecretAnswer, await server.CompleteAsync(Secret, key: house.Acme));

        async Task<string> PutAsync(string name)
        {
            Answer answer = await server.SendAsync(HttpMethod.Put, "/lorikeet/v1/adapters/" + name, TinyServer.Upload(folder), house.Limited);
            answer.Error(404, "model_not_found");
            return answer.Body.Replace(name, "NAME", StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Lists_numbers_and_figures_name_nothing_of_others()
    {
        await using House house = await House.StartAsync();
        TinyServer server = house.Server;
        foreach (string path in (string[])["/v1/models", "/v1/models?after=open-1", "/v1/models?after=secret-plam", "/lorikeet/v1/adapters", "/lorikeet/v1/adapters?limit=1", "/lorikeet/v1/adapters?after=a", "/lora-adapters", "/openapi.json"])
        {
            foreach (string key in (string[])[house.Zeta, house.Limited])
            {
                Answer answer = await server.GetAsync(path, key);
                answer.Ok();
                Assert.DoesNotContain(Secret, answer.Body, StringComparison.Ordinal);
                Assert.DoesNotContain(house.SecretHash[7..], answer.Body, StringComparison.Ordinal);
            }
        }
        Assert.DoesNotContain("acme", (await server.GetAsync("/v1/models", house.Zeta)).Body, StringComparison.Ordinal);
        // Numbers are places in the caller's own list: zeta sees the shared adapter and its own, whatever others registered between.
        string own = await server.CompleteAsync("open-1", key: house.Zeta);
        Assert.Equal(own, await server.CompleteAsync("tiny", key: house.Zeta, more: ",\"lora\":[{\"id\":1}]"));
        string[] beyond = [await NumberAsync(2), await NumberAsync(3), await NumberAsync(9)];
        Assert.Single(beyond.Distinct());
        foreach (string path in (string[])["/metrics", "/load", "/lorikeet/v1/keys"])
        {
            (await server.GetAsync(path, house.Zeta)).Error(403, "insufficient_permissions");
            (await server.GetAsync(path, house.Limited)).Error(403, "insufficient_permissions");
        }
        // Other tenants are named by admins only, whether they exist or not.
        string[] tenants = [.. await Task.WhenAll(((string[])["acme", "nobody"]).Select(async t => (await server.GetAsync($"/lorikeet/v1/adapters/{Secret}?tenant={t}", house.Zeta)).Error(403).GetRawText()))];
        Assert.Equal(tenants[0], tenants[1]);

        async Task<string> NumberAsync(int number)
        {
            Answer answer = await server.PostAsync("/v1/completions", $$"""{"prompt":"a","lora":[{"id":{{number}}}]}""", house.Zeta);
            answer.Error(404, "model_not_found");
            return answer.Body.Replace($"`{number}`", "`N`", StringComparison.Ordinal);
        }
    }

    /// <summary>What a refusal costs, in counts: allocated bytes of the look-up, questions to the database, to the adapter folder, to the engine.</summary>
    [Fact]
    public async Task A_refused_name_costs_the_same_whether_it_exists()
    {
        await using House house = await House.StartAsync((o, folder) => o with { AdapterFolder = Path.Combine(folder, "lazy"), RegistryPoll = TimeSpan.FromHours(1) });
        TinyServer server = house.Server;
        ServerParts parts = server.Server.Parts;
        // What the key's patterns forbid never reaches the folder; what nobody has and what is another's both do.
        Assert.Equal(await CostAsync(house.Limited, Secret), await CostAsync(house.Limited, Absent));
        Assert.Equal(await CostAsync(house.Limited, Secret + "@1"), await CostAsync(house.Limited, Absent + "@1"));
        Assert.Equal(await CostAsync(house.Zeta, Secret), await CostAsync(house.Zeta, Absent));
        Assert.Equal(0, (await CostAsync(house.Limited, Secret)).Folder);
        Assert.Equal(1, (await CostAsync(house.Zeta, Secret)).Folder);
        // While the code is compiled anew, now with fewer allocations, two figures may come from either side of that.
        await Wait.UntilAsync(() => Allocated(house.Limited, Secret) == Allocated(house.Limited, Absent));
        await Wait.UntilAsync(() => Allocated(house.Limited, Secret + "@1") == Allocated(house.Limited, Absent + "@1"));

        async Task<(long Folder, long Looked, long Loads, long Known)> CostAsync(string key, string name)
        {
            EngineInference inference = (EngineInference)parts.Inference;
            long folder = parts.Directory.Resolved, looked = inference.Statistics.PrefixQueries, loads = inference.Statistics.AdapterLoads, known = inference.KnownVersions;
            (await server.PostAsync("/v1/completions", $$"""{"model":"{{name}}","prompt":"a"}""", key)).Error(404, "model_not_found");
            return (parts.Directory.Resolved - folder, inference.Statistics.PrefixQueries - looked, inference.Statistics.AdapterLoads - loads, inference.KnownVersions - known);
        }

        long Allocated(string key, string name)
        {
            Caller caller = parts.Keys.Find("Bearer " + key);
            long bytes = 0, asked = parts.Registry.Asked, start = Stopwatch.GetTimestamp();
            for (int i = 0; i < 20; i++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                Task<BoundAdapter?> refused = parts.Directory.FindAsync(caller, name, "model", CancellationToken.None);
                bytes = GC.GetAllocatedBytesForCurrentThread() - before;
                Assert.IsType<ApiException>(refused.Exception?.InnerException);
            }
            // Upkeep asks every five seconds, refusals never.
            Assert.InRange(parts.Registry.Asked - asked, 0, 2 + (Stopwatch.GetElapsedTime(start).TotalSeconds / 2));
            return bytes;
        }
    }

    [Fact]
    public async Task Equal_files_of_two_tenants_are_two_adapters_everywhere()
    {
        await using House house = await House.StartAsync();
        TinyServer server = house.Server;
        EngineInference inference = Assert.IsType<EngineInference>(server.Server.Parts.Inference);
        string folder = server.Adapter("twin", 21, template: "T{{ messages[0].content }}");
        await Adapters.RegistryTests.PutAsync(server, "twin", folder, 201, house.Acme);
        string first = await server.CompleteAsync("twin", key: house.Acme);
        Assert.Equal("resident", await StateAsync(house.Acme));
        // The same bytes: a new adapter for zeta, stored again, not in memory, read for it alone.
        Answer made = await Adapters.RegistryTests.PutAsync(server, "twin", folder, 201, house.Zeta);
        Assert.Equal(("stored", "zeta"), (made.Json.GetProperty("state").GetString(), made.Json.GetProperty("tenant").GetString()));
        long loads = inference.Statistics.AdapterLoads;
        Assert.Equal(first, await server.CompleteAsync("twin", key: house.Zeta));
        Assert.Equal(loads + 1, inference.Statistics.AdapterLoads);
        Assert.Equal(2, inference.Statistics.ResidentAdapters.Count(a => a.Name == "twin"));
        (await server.SendAsync(HttpMethod.Delete, "/lorikeet/v1/adapters/twin", null, house.Zeta)).Ok();
        Assert.Equal("resident", await StateAsync(house.Acme));
        Assert.Equal(first, await server.CompleteAsync("twin", key: house.Acme));

        async Task<string?> StateAsync(string key) => (await server.GetAsync("/lorikeet/v1/adapters/twin", key)).Ok().GetProperty("state").GetString();
    }

    /// <summary>Prompts with the base, a shared adapter and equal files of two tenants: the second tenant finds nothing, and its request computes as many rows as the first one's did.</summary>
    [Fact]
    public async Task Past_prompts_of_a_tenant_help_no_other()
    {
        await using House house = await House.StartAsync();
        TinyServer server = house.Server;
        EngineInference inference = Assert.IsType<EngineInference>(server.Server.Parts.Inference);
        string twin = server.Adapter("twin", 21);
        await Adapters.RegistryTests.PutAsync(server, "twin", twin, 201, house.Acme);
        await Adapters.RegistryTests.PutAsync(server, "twin", twin, 201, house.Zeta);
        string prompt = string.Concat(Enumerable.Range(0, 70).Select(i => $"{i} "));
        foreach (string model in (string[])["tiny", "everybody", "twin"])
        {
            (int cached, long found, long rows, string answer) first = await AskAsync(house.Acme, model), again = await AskAsync(house.Acme, model), other = await AskAsync(house.Zeta, model);
            Assert.Equal((0, 0), (first.cached, first.found));
            Assert.True(again.cached >= 128 && again.rows < first.rows, $"{model}: {again}");
            Assert.Equal((0, 0, first.rows, first.answer), other);
            // Nor does the second tenant's asking change what the first one finds.
            Assert.Equal(again, await AskAsync(house.Acme, model));
        }

        async Task<(int, long, long, string)> AskAsync(string key, string model)
        {
            long found = inference.Statistics.PrefixHits, rows = inference.Statistics.Rows;
            JsonElement answer = (await server.PostAsync("/v1/completions", $$"""{"model":"{{model}}","prompt":"{{prompt}}","max_tokens":3,"temperature":0,"ignore_eos":true,"logprobs":1}""", key)).Ok();
            // The figures of a request that ended are those of the next step.
            await Wait.UntilAsync(() => inference.Statistics.Running == 0 && server.Server.Parts.Admission.InFlight == 0);
            return (
                answer.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32(), inference.Statistics.PrefixHits - found,
                inference.Statistics.Rows - rows, answer.GetProperty("choices").GetRawText());
        }
    }

    /// <summary>What one tenant's schema took to compile, another's equal one takes again.</summary>
    [Fact]
    public async Task Compiled_schemas_are_a_tenants_own()
    {
        await using House house = await House.StartAsync((o, _) => o with { Limits = new ServerLimits { CompileTime = TimeSpan.FromSeconds(5) } });
        GenerationServices services = house.Server.Server.Parts.Services;
        using JsonDocument document = JsonDocument.Parse("""{"guided_json":{"properties":{"a":{"type":"integer"}},"required":["a"]}}""");
        Fields body = new(document.RootElement);
        TokenConstraint acme = services.Constraints.Read(body, "acme")!;
        Assert.Same(acme, services.Constraints.Read(body, "acme"));
        Assert.NotSame(acme, services.Constraints.Read(body, "zeta"));
        // Texts of a choice are kept apart however they are cut.
        using JsonDocument one = JsonDocument.Parse("""{"guided_choice":["a\u0000b"]}"""), two = JsonDocument.Parse("""{"guided_choice":["a","b"]}""");
        Assert.NotSame(services.Constraints.Read(new Fields(one.RootElement), "acme"), services.Constraints.Read(new Fields(two.RootElement), "acme"));
    }

    /// <summary>Two tenants: acme with an open and a secret adapter and a key for the open ones only, zeta with one of its own; a shared adapter.</summary>
    private sealed class House(KeyTests.Keyed host) : IAsyncDisposable
    {
        public TinyServer Server => host.Server;

        public string Acme { get; private set; } = "";

        public string Zeta { get; private set; } = "";

        public string Limited { get; private set; } = "";

        public string SecretHash { get; private set; } = "";

        public string SecretAnswer { get; private set; } = "";

        public static async Task<House> StartAsync(Func<ServerOptions, string, ServerOptions>? change = null)
        {
            House house = new(await KeyTests.Keyed.StartAsync((o, folder) =>
            {
                o = o with { Adapters = [new("everybody", TinyServer.MakeAdapter(Path.Combine(folder, "everybody"), 5))] };
                return change?.Invoke(o, folder) ?? o;
            }));
            KeyTests.Keyed host = house.Host;
            house.Acme = await host.KeyAsync("acme", "infer\",\"manage");
            house.Zeta = await host.KeyAsync("zeta", "infer\",\"manage");
            house.Limited = await host.KeyAsync("acme", "infer\",\"manage", "\"adapters\":[\"open-*\",\"tiny\"]");
            await Adapters.RegistryTests.PutAsync(house.Server, "open-1", house.Server.Adapter("a", 1), 201, house.Acme);
            Answer secret = await Adapters.RegistryTests.PutAsync(house.Server, Secret, house.Server.Adapter("c", 3), 201, house.Acme);
            house.SecretHash = secret.Json.GetProperty("hash").GetString()!;
            await Adapters.RegistryTests.PutAsync(house.Server, "open-1", house.Server.Adapter("b", 2), 201, house.Zeta);
            house.SecretAnswer = await house.Server.CompleteAsync(Secret, key: house.Acme);
            return house;
        }

        /// <summary>An answer of 404 with all its headers, the name put out of it.</summary>
        public async Task<string> RefusedAsync(string method, string path, string? body, string name, string key)
        {
            string target = path.Replace("NAME", name, StringComparison.Ordinal);
            HttpContent? content = body is null ? null : new StringContent(body.Replace("NAME", name, StringComparison.Ordinal), Encoding.UTF8, "application/json");
            Answer answer = await Server.SendAsync(new HttpMethod(method), target, content, key);
            Assert.True(answer.Status == 404, $"{method} {target} {body} gave {answer.Status}: {answer.Body}");
            answer.Error(404, "model_not_found");
            IEnumerable<string> headers = answer.Response.Headers.Concat(answer.Response.Content.Headers)
                .Where(h => h.Key.ToUpperInvariant() is not ("X-REQUEST-ID" or "DATE"))
                .Select(h => h.Key == "Content-Length" ? $"{h.Key}: {long.Parse(h.Value.Single(), System.Globalization.CultureInfo.InvariantCulture) - name.Length}" : $"{h.Key}: {string.Join(",", h.Value)}");
            return $"{answer.Status}\n{string.Join('\n', headers)}\n{answer.Body.Replace(name, "NAME", StringComparison.Ordinal)}";
        }

        public ValueTask DisposeAsync() => host.DisposeAsync();

        private KeyTests.Keyed Host => host;
    }
}
