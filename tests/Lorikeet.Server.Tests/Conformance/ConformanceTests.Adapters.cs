using System.Diagnostics;
using System.Text.Json;
using Lorikeet.Server.Tests.Keys;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Conformance;

/// <summary>Items 6 to 8, 10, 16, 18: names, versions, loading, unloading.</summary>
public sealed partial class ConformanceTests
{
    [Fact]
    public async Task Item_06_Replaced_in_place_the_next_answer_is_the_new_one_and_the_running_one_stays()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, folder) => o with { RuntimeLoading = true, LoadRoots = [folder] });
        string a = server.Adapter("a", 1), b = server.Adapter("b", 2);
        await LoadAsync(server, "bot", a);
        await LoadAsync(server, "fresh", b);
        string ofA = await LongAsync("bot", false), ofB = await LongAsync("fresh", false);
        Assert.NotEqual(ofA, ofB);
        using SemaphoreSlim begun = new(0);
        Task<string> running = LongAsync("bot", true, begun);
        await begun.WaitAsync();
        await LoadAsync(server, "bot", b, ",\"load_inplace\":true");
        Assert.Equal(ofB, await LongAsync("bot", false));
        Assert.Equal(ofA, await running);

        async Task<string> LongAsync(string model, bool stream, SemaphoreSlim? first = null)
        {
            string body = $$"""{"model":"{{model}}","prompt":"the same prompt for both","max_tokens":600,"temperature":0,"ignore_eos":true,"stream":{{(stream ? "true" : "false")}}}""";
            if (!stream)
            {
                return (await server.PostAsync("/v1/completions", body)).Ok().GetProperty("choices")[0].GetProperty("text").GetString()!;
            }
            using HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, null, "application/json") };
            using HttpResponseMessage response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            using StreamReader reader = new(await response.Content.ReadAsStreamAsync());
            string text = "";
            while (await reader.ReadLineAsync() is { } line && line != "data: [DONE]")
            {
                if (line.Length > 0)
                {
                    text += JsonDocument.Parse(line["data: ".Length..]).RootElement.GetProperty("choices")[0].GetProperty("text").GetString();
                    first?.Release();
                }
            }
            return text;
        }
    }

    [Fact]
    public async Task Item_07_Unloaded_while_streaming_the_stream_ends_as_ever_and_memory_comes_back()
    {
        using SemaphoreSlim gate = new(3);
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { RuntimeLoading = true }, inner => new HeldInference(inner) { Gate = gate });
        string folder = server.Adapter("a", 1);
        const string Bytes = "lorikeet_adapter_resident_bytes";
        double before = await FigureAsync(server, Bytes);
        await LoadAsync(server, "bot", folder);
        Assert.True(await FigureAsync(server, Bytes) > before);
        Task<Answer> running = server.PostAsync("/v1/completions", """{"model":"bot","prompt":"a","max_tokens":900,"ignore_eos":true,"stream":true}""");
        // Its first pieces are out, the others come when the gate is opened.
        await Wait.UntilAsync(() => gate.CurrentCount == 0);
        Task<Answer> unloaded = server.PostAsync("/v1/unload_lora_adapter?wait=true", """{"lora_name":"bot"}""");
        await Wait.UntilAsync(async () => (await server.GetAsync("/v1/models/bot")).Status == 404);
        Assert.False(running.IsCompleted || unloaded.IsCompleted);
        gate.Release(2000);
        Assert.Equal("Success: LoRA adapter 'bot' removed successfully.", (await unloaded).Body);
        // The call waited for the stream, and for the memory.
        Assert.Equal((0, 0), (server.Server.Parts.Inference.Statistics.Running, server.Server.Parts.Admission.Using(Caller.DefaultTenant, "bot")));
        // Figures are those of the last step.
        await Wait.UntilAsync(async () => await FigureAsync(server, Bytes) == before);
        Assert.Equal("length", (await running).Events()[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        (await server.PostAsync("/v1/completions", """{"model":"bot","prompt":"a"}""")).Error(404, "model_not_found", "model");
    }

    [Fact]
    public async Task Item_08_Unknown_malformed_misfit_and_forbidden()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, folder) => o with { AdapterFolder = folder });
        string broken = server.Adapter("broken", 1), misfit = server.Adapter("misfit", 2);
        await File.WriteAllBytesAsync(Path.Combine(broken, "adapter_model.safetensors"), [1, 2, 3]);
        await File.WriteAllTextAsync(Path.Combine(misfit, "adapter_config.json"), """{"peft_type":"LORA","r":2,"target_modules":["no_such_module"]}""");
        (await server.PostAsync("/v1/completions", """{"model":"nobody","prompt":"a"}""")).Error(404, "model_not_found", "model");
        (await server.PostAsync("/v1/completions", """{"model":"broken","prompt":"a"}""")).Error(400, "invalid_adapter");
        (await server.PostAsync("/v1/completions", """{"model":"misfit","prompt":"a"}""")).Error(400, "adapter_mismatch");
    }

    /// <summary>Two thousand answers of each kind, in turn: how long one takes says no more about which it is than a coin does.</summary>
    [Fact]
    public async Task Item_08_Unknown_foreign_and_forbidden_names_cannot_be_told_apart()
    {
        const int Times = 2000;
        await using KeyTests.Keyed keyed = await KeyTests.Keyed.StartAsync();
        TinyServer server = keyed.Server;
        string acme = await keyed.KeyAsync("acme", "infer\",\"manage", "\"adapters\":[\"open-*\",\"made-*\"]"), zeta = await keyed.KeyAsync("zeta", "infer\",\"manage");
        await Adapters.RegistryTests.PutAsync(server, "foreign-name", server.Adapter("a", 1), 201, zeta);
        string owner = await keyed.KeyAsync("acme", "manage");
        await Adapters.RegistryTests.PutAsync(server, "forbiddenxxx", server.Adapter("b", 2), 201, owner);
        string[] names = ["unknown-name", "foreign-name", "forbiddenxxx"];
        List<double>[] took = [[], [], []];
        string[] bodies = new string[3];
        for (int i = 0; i < 3 * (Times + 100); i++)
        {
            int kind = i % 3;
            long start = Stopwatch.GetTimestamp();
            Answer answer = await server.PostAsync("/v1/completions", $$"""{"model":"{{names[kind]}}","prompt":"a"}""", acme);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            answer.Response.Headers.Remove("X-Request-Id");
            answer.Response.Headers.Remove("Date");
            bodies[kind] = $"{answer.Status}{answer.Response.Headers}{answer.Response.Content.Headers}{answer.Body.Replace(names[kind], "NAME", StringComparison.Ordinal)}";
            if (i >= 300)
            {
                took[kind].Add(seconds);
            }
        }
        Assert.Single(bodies.Distinct());
        Assert.InRange(Larger(took[0], took[1]), 0.45, 0.55);
        Assert.InRange(Larger(took[0], took[2]), 0.45, 0.55);

        // How often one of the first is larger than one of the second; a half where nothing can be told.
        static double Larger(List<double> a, List<double> b)
        {
            (double Value, bool First)[] all = [.. a.Select(v => (v, true)), .. b.Select(v => (v, false))];
            Array.Sort(all, (x, y) => x.Value.CompareTo(y.Value));
            double below = 0, larger = 0;
            foreach ((_, bool first) in all)
            {
                below += first ? 0 : 1;
                larger += first ? below : 0;
            }
            return larger / ((double)a.Count * b.Count);
        }
    }

    [Fact]
    public async Task Item_10_Load_routes_answer_in_text_and_are_not_there_when_they_are_off()
    {
        (await Server.PostAsync("/v1/load_lora_adapter", """{"lora_name":"x","lora_path":"/x"}""")).Error(404);
        (await Server.PostAsync("/v1/unload_lora_adapter", """{"lora_name":"x"}""")).Error(404);
        await using TinyServer server = await TinyServer.StartAsync((o, folder) => o with { RuntimeLoading = true, LoadRoots = [folder], VllmErrors = true, Limits = new ServerLimits { Pinned = 1 } });
        string a = server.Adapter("a", 1);
        Answer loaded = await server.PostAsync("/v1/load_lora_adapter", $$"""{"lora_name":"bot","lora_path":"{{a}}","pinned":true}""");
        Assert.Equal((200, "Success: LoRA adapter 'bot' added successfully.", "text/plain; charset=utf-8"), (loaded.Status, loaded.Body, loaded.Header("Content-Type")));
        // The name can be used at once, and its adapter is in memory.
        Assert.Equal("resident", (await server.GetAsync(Routes + "bot")).Ok().GetProperty("state").GetString());
        foreach ((string body, int status, string type) in ((string, int, string)[])
        [
            ("{}", 400, "InvalidUserInput"), ("""{"lora_name":"bot"}""", 400, "InvalidUserInput"), ($$"""{"lora_name":"bot","lora_path":"{{a}}"}""", 400, "InvalidUserInput"),
            ($$"""{"lora_name":"x","lora_path":"{{a}}-absent"}""", 404, "NotFoundError"), ($$"""{"lora_name":"a b","lora_path":"{{a}}"}""", 400, "BadRequestError"),
            ($$"""{"lora_name":"x","lora_path":"{{server.Folder}}/../x"}""", 403, "PermissionDeniedError"), ("""{"lora_name":"x","lora_path":"https://host/x"}""", 400, "BadRequestError"),
            ($$"""{"lora_name":"bot","lora_path":"{{a}}","load_inplace":true,"expected_version":9}""", 412, "BadRequestError"),
            ($$"""{"lora_name":"second","lora_path":"{{a}}","pinned":true}""", 403, "PermissionDeniedError"),
        ])
        {
            Answer refused = await server.PostAsync("/v1/load_lora_adapter", body);
            Assert.Equal((status, type, status), (refused.Status, refused.Json.GetProperty("error").GetProperty("type").GetString(), refused.Json.GetProperty("error").GetProperty("code").GetInt32()));
        }
        Assert.Equal("Success: LoRA adapter 'bot' removed successfully.", (await server.PostAsync("/v1/unload_lora_adapter", """{"lora_name":"bot","lora_int_id":1}""")).Body);
        Assert.Equal(404, (await server.PostAsync("/v1/unload_lora_adapter", """{"lora_name":"bot"}""")).Status);
        Assert.Equal(400, (await server.PostAsync("/v1/unload_lora_adapter", "{}")).Status);
    }

    /// <summary>A load that does not succeed leaves the name as it was: absent, or with the version it had.</summary>
    [Fact]
    public async Task Item_10_An_adapter_without_room_is_503_or_400_and_changes_nothing()
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-room-").FullName;
        try
        {
            string one = TinyServer.MakeAdapter(Path.Combine(folder, "one"), 1), two = TinyServer.MakeAdapter(Path.Combine(folder, "two"), 2);
            // Room for one and not for two.
            int room = (int)new FileInfo(Path.Combine(one, "adapter_model.safetensors")).Length + 500;
            await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { RuntimeLoading = true, Engine = o.Engine with { CacheBytes = room } });
            Answer first = await server.PostAsync("/v1/load_lora_adapter", $$"""{"lora_name":"one","lora_path":"{{one}}","pinned":true}""");
            Assert.True(first.Status == 200, first.Body);
            Answer refused = await server.PostAsync("/v1/load_lora_adapter", $$"""{"lora_name":"two","lora_path":"{{two}}"}""");
            refused.Error(503, "adapter_memory");
            Assert.InRange(Retry(refused), 1, 60);
            (await server.GetAsync(Routes + "two")).Error(404);
            (await server.PostAsync("/v1/load_lora_adapter", $$"""{"lora_name":"one","lora_path":"{{two}}","load_inplace":true}""")).Error(503, "adapter_memory");
            Assert.Equal(1, (await server.GetAsync(Routes + "one")).Ok().GetProperty("version").GetInt32());
            await using TinyServer small = await TinyServer.StartAsync((o, _) => o with { RuntimeLoading = true, Engine = o.Engine with { CacheBytes = 1000 } });
            (await small.PostAsync("/v1/load_lora_adapter", $$"""{"lora_name":"one","lora_path":"{{one}}"}""")).Error(400, "limit_exceeded", "lora_path");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Item_16_A_name_comes_back_byte_for_byte()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { AnyLetters = true });
        const string Name = "a+b/ü:1";
        await Adapters.RegistryTests.PutAsync(server, Name, server.Adapter("a", 1));
        string at = "\"model\":\"" + Name + "\"";
        foreach ((string path, string body) in ((string, string)[])[("/v1/completions", "\"prompt\":\"x\",\"max_tokens\":1"), ("/v1/chat/completions", Hi + ",\"max_tokens\":1"), ("/v1/embeddings", "\"input\":\"x\""), ("/v1/responses", "\"input\":\"x\",\"max_output_tokens\":1")])
        {
            Assert.Contains(at, (await server.PostAsync(path, "{" + at + "," + body + "}")).Body, StringComparison.Ordinal);
            // JSON may write it otherwise; the answer does not.
            Assert.Contains(at, (await server.PostAsync(path, "{\"model\":\"a\\u002bb\\/\\u00fc:1\"," + body + "}")).Body, StringComparison.Ordinal);
        }
        Assert.Contains($"running_lora_adapters=\"{Name}\"", (await server.GetAsync("/metrics")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Item_18_Uploads_are_repeated_refused_rolled_back_and_deleted_under_way()
    {
        using SemaphoreSlim gate = new(3);
        await using KeyTests.Keyed keyed = await KeyTests.Keyed.StartAsync(wrap: inner => new HeldInference(inner) { Gate = gate });
        TinyServer server = keyed.Server;
        string key = await keyed.KeyAsync("acme", "infer\",\"manage"), few = await keyed.KeyAsync("few", "manage", "\"limits\":{\"max_adapters\":1}"), small = await keyed.KeyAsync("small", "manage", "\"limits\":{\"bytes\":100}");
        string a = server.Adapter("a", 1), b = server.Adapter("b", 2);
        Assert.Equal(1, (await Adapters.RegistryTests.PutAsync(server, "bot", a, 201, key)).Json.GetProperty("version").GetInt32());
        Assert.Equal(1, (await Adapters.RegistryTests.PutAsync(server, "bot", a, 200, key)).Json.GetProperty("version").GetInt32());
        Assert.Equal(1, (await server.GetAsync(Routes + "bot/versions", key)).Ok().GetProperty("data").GetArrayLength());
        Assert.Equal(2, (await Adapters.RegistryTests.PutAsync(server, "bot", b, 200, key)).Json.GetProperty("version").GetInt32());
        Assert.Equal(1, (await server.PostAsync(Routes + "bot/rollback", "", key)).Ok().GetProperty("version").GetInt32());
        (await server.PostAsync(Routes + "bot/alias", """{"alias":"other"}""", key)).Ok();
        (await server.PostAsync(Routes + "bot/pin", "", key)).Ok();
        (await server.SendAsync(HttpMethod.Put, Routes + "bot", TinyServer.Upload(b), key, ("If-None-Match", "*"))).Error(412, "version_mismatch");
        await Adapters.RegistryTests.PutAsync(server, "one", a, 201, few);
        (await server.SendAsync(HttpMethod.Put, Routes + "two", TinyServer.Upload(b), few)).Error(403, "adapter_quota_exceeded");
        (await server.SendAsync(HttpMethod.Put, Routes + "one", TinyServer.Upload(b), small)).Error(403, "adapter_quota_exceeded");
        (await server.SendAsync(HttpMethod.Delete, Routes + "bot?version=1", null, key)).Error(400);
        (await server.SendAsync(HttpMethod.Delete, Routes + "bot?version=9", null, key)).Error(404, "version_not_found");
        Task<Answer> running = server.PostAsync("/v1/completions", """{"model":"other","prompt":"a","max_tokens":600,"ignore_eos":true,"stream":true,"n":8}""", key);
        await Wait.UntilAsync(() => gate.CurrentCount == 0);
        JsonElement deleted = (await server.SendAsync(HttpMethod.Delete, Routes + "bot", null, key)).Ok();
        Assert.Equal(("bot", "adapter", true), (deleted.GetProperty("id").GetString(), deleted.GetProperty("object").GetString(), deleted.GetProperty("deleted").GetBoolean()));
        Assert.Equal(1, deleted.GetProperty("draining").GetInt32());
        Assert.False(running.IsCompleted);
        gate.Release(10_000);
        Assert.Equal("length", (await running).Events()[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        (await server.SendAsync(HttpMethod.Delete, Routes + "bot", null, key)).Error(404);
        (await server.PostAsync("/v1/completions", """{"model":"other","prompt":"a"}""", key)).Error(404, "model_not_found");
    }

    /// <summary>Each row of the table of refusals in section 14.1 that a plain upload can meet; the others are above and in <c>Faults</c>.</summary>
    [Fact]
    public async Task Item_18_Each_refusal_of_the_upload_table_has_its_code()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { Limits = new ServerLimits { UploadBytes = 20_000, AdapterRank = 2, AdapterTensors = 100, AdapterHeaderBytes = 4096 } });
        string good = server.Adapter("good", 1);
        byte[] config = await File.ReadAllBytesAsync(Path.Combine(good, "adapter_config.json")), weights = await File.ReadAllBytesAsync(Path.Combine(good, "adapter_model.safetensors"));
        const string Config = "adapter_config.json", Weights = "adapter_model.safetensors";
        byte[] ranked = System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.UTF8.GetString(config).Replace("\"r\": 2", "\"r\": 3", StringComparison.Ordinal));
        await RefusedAsync(400, "invalid_adapter", Weights, (Config, config));
        await RefusedAsync(400, "invalid_adapter", Config, (Config, config), (Config, config));
        await RefusedAsync(400, "invalid_adapter", "notes.txt", (Config, config), ("notes.txt", weights));
        await RefusedAsync(400, "invalid_adapter", Weights, (Weights, weights));
        await RefusedAsync(400, "invalid_adapter", "/etc/adapter_config.json", ("/etc/adapter_config.json", config));
        await RefusedAsync(400, "invalid_adapter", "adapter.zip", (Config, config), ("adapter.zip", weights));
        await RefusedAsync(400, "invalid_adapter", "adapter_model.pth", (Config, config), ("adapter_model.pth", weights));
        await RefusedAsync(400, "invalid_adapter", Weights, (Config, config), (Weights, [0x50, 0x4B, 3, 4, 0, 0]));
        await RefusedAsync(400, "invalid_adapter", Weights, (Config, config), (Weights, [.. weights, 0]));
        await RefusedAsync(400, "invalid_adapter", Weights, (Config, config), (Weights, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, .. weights[8..]]));
        await RefusedAsync(400, null, null, (Config, ranked), (Weights, weights));
        await RefusedAsync(400, "adapter_mismatch", null, (Config, """{"peft_type":"LORA","r":1,"target_modules":["q_proj"]}"""u8.ToArray()), (Weights, weights));
        await RefusedAsync(400, "adapter_mismatch", null, (Config, """{"peft_type":"NOT_BUILT","r":1}"""u8.ToArray()), (Weights, weights));
        // The body is not sent before it is asked for.
        using MultipartFormDataContent large = new() { { new ByteArrayContent(config), Config, Config }, { new ByteArrayContent(new byte[30_000]), Weights, Weights } };
        (await server.SendAsync(HttpMethod.Put, Routes + "x", large, null, ("Expect", "100-continue"))).Error(413, "request_too_large");
        Assert.Empty((await server.GetAsync("/lorikeet/v1/adapters")).Ok().GetProperty("data").EnumerateArray());

        async Task RefusedAsync(int status, string? code, string? param, params (string Name, byte[] Bytes)[] files)
        {
            using MultipartFormDataContent content = [];
            foreach ((string name, byte[] bytes) in files)
            {
                content.Add(new ByteArrayContent(bytes), name, name);
            }
            (await server.SendAsync(HttpMethod.Put, Routes + "x", content)).Error(status, code, param);
        }
    }

    [Fact]
    public async Task Item_18_Two_processes_on_one_registry_see_each_other()
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-two-").FullName;
        try
        {
            string registry = Path.Combine(folder, "registry.db"), store = Path.Combine(folder, "store");
            await using TinyServer one = await TinyServer.StartAsync((o, _) => o with { Registry = registry, Store = store }), two = await TinyServer.StartAsync((o, _) => o with { Registry = registry, Store = store });
            await Adapters.RegistryTests.PutAsync(one, "bot", one.Adapter("a", 1), 201);
            await Wait.UntilAsync(async () => (await two.GetAsync("/v1/models/bot")).Status == 200);
            Assert.Equal(await one.CompleteAsync("bot"), await two.CompleteAsync("bot"));
            (await two.SendAsync(HttpMethod.Delete, Routes + "bot")).Ok();
            await Wait.UntilAsync(async () => (await one.GetAsync("/v1/models/bot")).Status == 404);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task LoadAsync(TinyServer server, string name, string path, string more = "")
    {
        Answer answer = await server.PostAsync("/v1/load_lora_adapter", $$"""{"lora_name":"{{name}}","lora_path":"{{path}}"{{more}}}""");
        Assert.True(answer.Status == 200, answer.Body);
    }
}
