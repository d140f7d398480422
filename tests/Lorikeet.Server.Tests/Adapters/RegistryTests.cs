using System.Text.Json;
using Lorikeet.Adapters;
using Lorikeet.Server.Tests.Conformance;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Adapters;

/// <summary>Upload, versions, rollback, alias, pin, delete: over HTTP, with the registry in a file, in PostgreSQL, and shared by two servers.</summary>
public sealed class RegistryTests
{
    private const string Routes = "/lorikeet/v1/adapters/";

    [Fact]
    public async Task Life_of_an_adapter_with_the_registry_in_a_file()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, folder) => o with { Registry = Path.Combine(folder, "registry.db") });
        await LifeAsync(server);
    }

    [PostgresFact]
    public async Task Life_of_an_adapter_with_the_registry_in_Postgres()
    {
        await using PostgresServer database = await PostgresServer.StartAsync();
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { Registry = database.ConnectionString });
        await LifeAsync(server);
    }

    [Fact]
    public async Task Two_servers_share_a_registry_in_a_file()
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-shared-").FullName;
        try
        {
            await SharedAsync(Path.Combine(folder, "registry.db"), Path.Combine(folder, "store"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [PostgresFact]
    public async Task Two_servers_share_a_registry_in_Postgres()
    {
        await using PostgresServer database = await PostgresServer.StartAsync();
        await SharedAsync(database.ConnectionString, Path.Combine(database.Folder, "store"));
    }

    [Fact]
    public async Task Replacing_a_name_changes_the_next_answer_and_not_the_one_that_runs()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        string a = server.Adapter("a", 1), b = server.Adapter("b", 2);
        await PutAsync(server, "bot", a);
        string first = await server.CompleteAsync("bot");
        await PutAsync(server, "bot", b);
        string second = await server.CompleteAsync("bot");
        await PutAsync(server, "other", b);
        Assert.Equal(await server.CompleteAsync("other"), second);
        Assert.NotEqual(first, second);
        Assert.NotEqual(first, await server.CompleteAsync("tiny"));
        Assert.Equal(first, await server.CompleteAsync("bot@1"));
        Assert.Equal(second, await server.CompleteAsync("bot@2"));
        (await server.PostAsync("/v1/completions", """{"model":"bot@3","prompt":"a"}""")).Error(404, "model_not_found");
    }

    /// <summary>What one name brought into memory is there for another of equal files: a gateway is told of both.</summary>
    [Fact]
    public async Task Names_of_equal_files_are_all_said_to_be_in_memory()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        string files = server.Adapter("twin", 9), other = server.Adapter("other", 10);
        await PutAsync(server, "one", files, 201);
        await PutAsync(server, "two", files, 201);
        await PutAsync(server, "three", other, 201);
        Assert.Empty(await ActiveAsync());
        await server.CompleteAsync("two");
        Assert.Equal(["one", "two"], await ActiveAsync());
        // Another version of one is not in memory; a name that goes takes itself along.
        await PutAsync(server, "one", other);
        Assert.Equal(["two"], await ActiveAsync());
        await server.CompleteAsync("three");
        Assert.Equal(["one", "three", "two"], await ActiveAsync());
        (await server.SendAsync(HttpMethod.Delete, Routes + "three")).Ok();
        await server.CompleteAsync("one");
        Assert.Equal(["one", "two"], await ActiveAsync());

        async Task<IEnumerable<string>> ActiveAsync()
        {
            string metrics = (await server.GetAsync("/metrics")).Body;
            string[] active = [.. EndpointPicker.Read(metrics).Active.Order(StringComparer.Ordinal)];
            string[] loaded = [.. metrics.Split('\n').Where(l => l.StartsWith("vllm:lora_adapter_loaded{", StringComparison.Ordinal)).Select(l => l.Split('"')[1]).Order(StringComparer.Ordinal)];
            Assert.Equal(active, loaded);
            return active;
        }
    }

    [Fact]
    public async Task Dialects_name_the_same_adapter_and_mixtures_weigh_them()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        await PutAsync(server, "a", server.Adapter("a", 1));
        await PutAsync(server, "b", server.Adapter("b", 2));
        string plain = await server.CompleteAsync("a");
        foreach (string more in (string[])[",\"adapter_id\":\"a\"", ",\"adapter\":\"a\"", ",\"lora\":[{\"id\":\"a\",\"scale\":1}]", ",\"lora\":[{\"id\":0}]", ",\"adapters\":[{\"name\":\"a\",\"weight\":1}]", ",\"merged_adapters\":{\"ids\":[\"a\"],\"weights\":[1]}"])
        {
            Assert.Equal(plain, await server.CompleteAsync("tiny", more: more));
        }
        Assert.Equal(plain, await server.CompleteAsync("tiny:a"));
        Assert.Equal(await server.CompleteAsync("tiny"), await server.CompleteAsync("tgi"));
        Assert.Equal(
            await server.CompleteAsync("tiny", more: ",\"adapters\":[{\"name\":\"a\",\"weight\":0.7},{\"name\":\"b\",\"weight\":0.3}]"),
            await server.CompleteAsync("tiny", more: ",\"adapters\":[{\"name\":\"b\",\"weight\":0.3},{\"name\":\"a\",\"weight\":0.7}]"));
        Assert.Equal(await server.CompleteAsync("tiny"), await server.CompleteAsync("tiny", more: ",\"adapters\":[{\"name\":\"a\",\"weight\":0}]"));
        await Conflict("""{"model":"a","prompt":"x","adapters":[{"name":"b","weight":1}]}""", 400, "conflicting_adapters");
        await Conflict("""{"model":"a","prompt":"x","adapter_id":"b"}""", 400, "conflicting_adapters");
        await Conflict("""{"prompt":"x","adapter_id":"a","lora":[{"id":"b"}]}""", 400, "conflicting_adapters");
        await Conflict("""{"prompt":"x","adapters":[{"name":"a","weight":1},{"name":"a","weight":1}]}""", 400, "invalid_value");
        await Conflict("""{"prompt":"x","adapters":[{"name":"zz","weight":1}]}""", 404, "model_not_found");
        await Conflict("""{"prompt":"x","lora":[{"id":7}]}""", 404, "model_not_found");
        await Conflict("""{"prompt":"x","merged_adapters":{"ids":["a"],"merge_strategy":"ties"}}""", 400, "unsupported_operation");

        async Task Conflict(string body, int status, string code) => (await server.PostAsync("/v1/completions", body)).Error(status, code);
    }

    [Fact]
    public async Task Load_routes_answer_as_section_8_says()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, folder) => o with { RuntimeLoading = true, LoadRoots = [folder] });
        string a = server.Adapter("a", 1), b = server.Adapter("b", 2);
        Answer loaded = await LoadAsync("bot", a);
        Assert.Equal("Success: LoRA adapter 'bot' added successfully.", loaded.Body);
        Assert.StartsWith("text/plain", loaded.Header("Content-Type"), StringComparison.Ordinal);
        string first = await server.CompleteAsync("bot");
        (await LoadAsync("bot", b)).Error(400);
        Assert.Equal(200, (await LoadAsync("bot", b, ",\"load_inplace\":true")).Status);
        Assert.NotEqual(first, await server.CompleteAsync("bot"));
        (await LoadAsync("bot", a, ",\"load_inplace\":true,\"expected_version\":7")).Error(412, "version_mismatch");
        Assert.Equal(200, (await LoadAsync("bot", a, ",\"load_inplace\":true,\"expected_version\":2")).Status);
        Assert.Equal(first, await server.CompleteAsync("bot"));
        (await LoadAsync("", a)).Error(400);
        (await LoadAsync("tiny", a)).Error(400);
        (await LoadAsync("a,b", a)).Error(400);
        (await LoadAsync("x", Path.Combine(server.Folder, "missing"))).Error(404);
        (await LoadAsync("x", server.Folder + "/../..")).Error(403);
        (await LoadAsync("x", TinyServer.Model)).Error(403);
        (await LoadAsync("x", "hf://org/name")).Error(400, "unsupported_operation");
        (await LoadAsync("x", a, ",\"base_model_name\":\"other\"")).Error(400);
        string link = Path.Combine(server.Folder, "link");
        string outside = Directory.CreateTempSubdirectory("lorikeet-outside-").FullName;
        Directory.CreateSymbolicLink(link, TinyServer.MakeAdapter(outside, 3));
        (await LoadAsync("x", link)).Error(403);
        Directory.Delete(link);
        Directory.Delete(outside, recursive: true);
        Assert.Equal("adapter", (await server.PostAsync("/v1/load_lora_adapter", $$"""{"lora_name":"z","lora_path":"{{b}}"}""", null, ("Accept", "application/json"))).Ok().GetProperty("object").GetString());
        Assert.Equal("Success: LoRA adapter 'bot' removed successfully.", (await server.PostAsync("/v1/unload_lora_adapter?wait=true", """{"lora_name":"bot"}""")).Body);
        (await server.PostAsync("/v1/unload_lora_adapter", """{"lora_name":"bot"}""")).Error(404);
        (await server.PostAsync("/v1/unload_lora_adapter", "{}")).Error(400);
        (await server.PostAsync("/v1/completions", """{"model":"bot","prompt":"a"}""")).Error(404);

        Task<Answer> LoadAsync(string name, string path, string more = "") => server.PostAsync("/v1/load_lora_adapter", $$"""{"lora_name":"{{name}}","lora_path":"{{path}}"{{more}}}""");
    }

    [Fact]
    public async Task Adapter_folder_resolves_names_lazily()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, folder) => o with { AdapterFolder = folder });
        server.Adapter("org/lazy", 5);
        string broken = server.Adapter("broken", 6);
        await File.WriteAllTextAsync(Path.Combine(broken, "adapter_config.json"), """{"peft_type":"NOT_THERE"}""");
        Assert.DoesNotContain("lazy", (await server.GetAsync("/v1/models")).Body, StringComparison.Ordinal);
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => server.CompleteAsync("org/lazy")));
        Assert.Single(answers.Distinct());
        Assert.NotEqual(await server.CompleteAsync("tiny"), answers[0]);
        Assert.Contains("org/lazy", (await server.GetAsync("/v1/models")).Body, StringComparison.Ordinal);
        Assert.Equal("org/lazy", (await server.GetAsync("/v1/models/org/lazy")).Ok().GetProperty("id").GetString());
        Assert.Equal("org/lazy", (await server.GetAsync("/v1/models/org%2Flazy")).Ok().GetProperty("id").GetString());
        (await server.PostAsync("/v1/completions", """{"model":"broken","prompt":"a"}""")).Error(400);
        (await server.PostAsync("/v1/completions", """{"model":"../etc","prompt":"a"}""")).Error(404);
        (await server.PostAsync("/v1/completions", """{"model":"missing","prompt":"a"}""")).Error(404);
    }

    [Fact]
    public async Task Uploads_that_are_refused_leave_nothing()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        string good = server.Adapter("good", 1);
        byte[] config = await File.ReadAllBytesAsync(Path.Combine(good, "adapter_config.json")), weights = await File.ReadAllBytesAsync(Path.Combine(good, "adapter_model.safetensors"));
        byte[] nan = [.. weights];
        BitConverter.TryWriteBytes(nan.AsSpan(nan.Length - 4), float.NaN);
        await RefusedAsync("invalid_adapter", "adapter_model.safetensors", ("adapter_config.json", config));
        await RefusedAsync("invalid_adapter", "adapter_model.safetensors", ("adapter_model.safetensors", weights), ("adapter_config.json", config));
        await RefusedAsync("invalid_adapter", "adapter_config.json", ("adapter_config.json", config), ("adapter_config.json", config));
        await RefusedAsync("invalid_adapter", "../x", ("adapter_config.json", config), ("../x", weights));
        await RefusedAsync("invalid_adapter", "adapter_model.bin", ("adapter_config.json", config), ("adapter_model.bin", weights));
        await RefusedAsync("invalid_adapter", "adapter_model.safetensors", ("adapter_config.json", config), ("adapter_model.safetensors", [0x80, 2, 1, 2, 3]));
        await RefusedAsync("invalid_adapter", "adapter_model.safetensors", ("adapter_config.json", config), ("adapter_model.safetensors", weights[..^3]));
        JsonElement error = await RefusedAsync("invalid_adapter", "adapter_model.safetensors", ("adapter_config.json", config), ("adapter_model.safetensors", nan));
        Assert.Matches(@"^tensor '.+' holds NaN at \[\d+, \d+\]; retrain or drop it$", error.GetProperty("message").GetString());
        await RefusedAsync("adapter_mismatch", null, ("adapter_config.json", """{"peft_type":"LORA","r":2,"target_modules":["no_such"]}"""u8.ToArray()), ("adapter_model.safetensors", weights));
        await RefusedAsync("invalid_adapter", "adapter_config.json", ("adapter_config.json", "{"u8.ToArray()), ("adapter_model.safetensors", weights));
        await RefusedAsync("invalid_adapter", "chat_template.jinja", ("adapter_config.json", config), ("adapter_model.safetensors", weights), ("chat_template.jinja", "{% if %}"u8.ToArray()));
        (await server.SendAsync(HttpMethod.Put, Routes + "x", new StringContent("{}"))).Error(415);
        (await server.SendAsync(HttpMethod.Put, Routes + "tiny", TinyServer.Upload(good))).Error(400, "name_taken");
        (await server.SendAsync(HttpMethod.Put, Routes + "a%20b", TinyServer.Upload(good))).Error(400);
        Assert.Empty((await server.GetAsync(Routes.TrimEnd('/'))).Ok().GetProperty("data").EnumerateArray());
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(server.Folder, "store"), "*", SearchOption.AllDirectories));

        async Task<JsonElement> RefusedAsync(string code, string? param, params (string Name, byte[] Bytes)[] files)
        {
            using MultipartFormDataContent content = [];
            foreach ((string name, byte[] bytes) in files)
            {
                content.Add(new ByteArrayContent(bytes), name, name);
            }
            JsonElement refusal = (await server.SendAsync(HttpMethod.Put, Routes + "x", content)).Error(400, code, param);
            Assert.DoesNotContain(server.Folder, refusal.GetProperty("message").GetString(), StringComparison.Ordinal);
            return refusal;
        }
    }

    [Fact]
    public async Task An_adapter_brings_its_own_template_and_defaults()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        string folder = server.Adapter("a", 1, template: "OWN{{ messages[0].content }}");
        await File.WriteAllTextAsync(Path.Combine(folder, "generation_config.json"), """{"temperature":0,"max_new_tokens":5}""");
        await PutAsync(server, "a", folder);
        JsonElement tokens = (await server.PostAsync("/tokenize", """{"model":"a","messages":[{"role":"user","content":"x"}]}""")).Ok();
        Assert.Equal("OWNx", System.Text.Encoding.UTF8.GetString([.. tokens.GetProperty("tokens").EnumerateArray().Select(t => (byte)t.GetInt32())]));
        JsonElement answer = (await server.PostAsync("/v1/chat/completions", """{"model":"a","messages":[{"role":"user","content":"x"}],"ignore_eos":true}""")).Ok();
        Assert.Equal(5, answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        string loop = server.Adapter("loop", 2, template: "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}");
        await PutAsync(server, "loop", loop);
        (await server.PostAsync("/v1/chat/completions", """{"model":"loop","messages":[{"role":"user","content":"x"}]}""")).Error(400, "template_limit");
    }

    private static async Task LifeAsync(TinyServer server)
    {
        string a = server.Adapter("a", 1), b = server.Adapter("b", 2);
        Answer created = await PutAsync(server, "bot", a, 201);
        JsonElement adapter = created.Json;
        string hash = adapter.GetProperty("hash").GetString()!;
        Assert.Matches("^sha256-[0-9a-f]{64}$", hash);
        Assert.Equal($"\"{hash}\"", created.Header("ETag"));
        Assert.Equal(("bot", "adapter", "default", 1, "lora", 2, "tiny", "stored", false), (
            adapter.GetProperty("id").GetString(), adapter.GetProperty("object").GetString(), adapter.GetProperty("tenant").GetString(), adapter.GetProperty("version").GetInt32(),
            adapter.GetProperty("kind").GetString(), adapter.GetProperty("rank").GetInt32(), adapter.GetProperty("base").GetString(), adapter.GetProperty("state").GetString(), adapter.GetProperty("pinned").GetBoolean()));
        // The same again makes no version; other bytes do; the first again becomes active.
        Assert.Equal(1, (await PutAsync(server, "bot", a)).Json.GetProperty("version").GetInt32());
        Assert.Equal(2, (await PutAsync(server, "bot", b)).Json.GetProperty("version").GetInt32());
        Assert.Equal(1, (await PutAsync(server, "bot", a)).Json.GetProperty("version").GetInt32());
        (await server.SendAsync(HttpMethod.Put, Routes + "bot", TinyServer.Upload(b), null, ("If-None-Match", "*"))).Error(412, "version_mismatch");
        (await server.SendAsync(HttpMethod.Put, Routes + "bot", TinyServer.Upload(b), null, ("If-Match", "\"sha256-0\""))).Error(412, "version_mismatch");
        (await server.SendAsync(HttpMethod.Put, Routes + "bot", TinyServer.Upload(b), null, ("If-Match", $"\"{hash}\""))).Ok();
        JsonElement versions = (await server.GetAsync(Routes + "bot/versions")).Ok().GetProperty("data");
        Assert.Equal([(2, true), (1, false)], versions.EnumerateArray().Select(v => (v.GetProperty("version").GetInt32(), v.GetProperty("active").GetBoolean())));
        Assert.Equal(304, (await server.GetAsync(Routes + "bot", null, ("If-None-Match", (await server.GetAsync(Routes + "bot")).Header("ETag")!))).Status);

        string second = await server.CompleteAsync("bot");
        Assert.Equal("resident", (await server.GetAsync(Routes + "bot")).Ok().GetProperty("state").GetString());
        Assert.Equal(1, (await server.PostAsync(Routes + "bot/rollback", "")).Ok().GetProperty("version").GetInt32());
        string first = await server.CompleteAsync("bot");
        Assert.NotEqual(first, second);
        (await server.PostAsync(Routes + "bot/rollback", "")).Error(404, "version_not_found");
        Assert.Equal(2, (await server.PostAsync(Routes + "bot/rollback", """{"to":2}""")).Ok().GetProperty("version").GetInt32());
        Assert.Equal(1, (await server.PostAsync(Routes + "bot/rollback", $$"""{"to":"{{hash}}"}""")).Ok().GetProperty("version").GetInt32());
        (await server.PostAsync(Routes + "bot/rollback", """{"to":9}""")).Error(404, "version_not_found");

        Assert.Equal("[\"support\"]", (await server.PostAsync(Routes + "bot/alias", """{"alias":"support"}""")).Ok().GetProperty("aliases").GetRawText());
        Assert.Equal(first, await server.CompleteAsync("support"));
        (await server.PostAsync(Routes + "bot/alias", """{"alias":"tiny"}""")).Error(400, "name_taken");
        (await server.SendAsync(HttpMethod.Put, Routes + "support", TinyServer.Upload(b))).Error(400, "name_taken");
        (await server.PostAsync(Routes + "bot/alias", """{"alias":"support","remove":true}""")).Ok();
        (await server.PostAsync("/v1/completions", """{"model":"support","prompt":"a"}""")).Error(404);

        Assert.True((await server.PostAsync(Routes + "bot/pin", "")).Ok().GetProperty("pinned").GetBoolean());
        Assert.False((await server.PostAsync(Routes + "bot/unpin", "")).Ok().GetProperty("pinned").GetBoolean());
        for (int i = 0; i < 5; i++)
        {
            await PutAsync(server, $"p{i}", a, 201);
            Answer pin = await server.PostAsync(Routes + $"p{i}/pin", "");
            Assert.Equal(i < 4 ? 200 : 403, pin.Status);
        }
        JsonElement page = (await server.GetAsync("/lorikeet/v1/adapters?limit=2&after=p0")).Ok();
        Assert.Equal(("p1", "p2", true), (page.GetProperty("first_id").GetString(), page.GetProperty("last_id").GetString(), page.GetProperty("has_more").GetBoolean()));

        (await server.SendAsync(HttpMethod.Delete, Routes + "bot?version=1")).Error(400);
        (await server.SendAsync(HttpMethod.Delete, Routes + "bot?version=2")).Ok();
        JsonElement deleted = (await server.SendAsync(HttpMethod.Delete, Routes + "bot")).Ok();
        Assert.True(deleted.GetProperty("deleted").GetBoolean());
        (await server.SendAsync(HttpMethod.Delete, Routes + "bot")).Error(404);
        (await server.PostAsync("/v1/completions", """{"model":"bot","prompt":"a"}""")).Error(404);
        Assert.Equal("model", (await server.SendAsync(HttpMethod.Delete, "/v1/models/p0")).Ok().GetProperty("object").GetString());
    }

    private static async Task SharedAsync(string registry, string store)
    {
        await using TinyServer one = await TinyServer.StartAsync((o, _) => o with { Registry = registry, Store = store });
        await using TinyServer two = await TinyServer.StartAsync((o, _) => o with { Registry = registry, Store = store });
        await PutAsync(one, "bot", one.Adapter("a", 1), 201);
        string first = await one.CompleteAsync("bot");
        await SeesAsync(two, "bot", 200);
        Assert.Equal(first, await two.CompleteAsync("bot"));
        // Both write at once: none is lost.
        string b = one.Adapter("b", 2);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => PutAsync(i % 2 == 0 ? one : two, $"w{i}", b, 201)));
        await SeesAsync(one, "w5", 200);
        await SeesAsync(two, "w4", 200);
        (await two.SendAsync(HttpMethod.Delete, Routes + "bot")).Ok();
        await SeesAsync(one, "bot", 404);

        static Task SeesAsync(TinyServer server, string name, int status) =>
            Wait.UntilAsync(async () => (await server.GetAsync("/v1/models/" + name)).Status == status, $"{name} is {status}");
    }

    internal static async Task<Answer> PutAsync(TinyServer server, string name, string folder, int? status = null, string? key = null)
    {
        Answer answer = await server.SendAsync(HttpMethod.Put, Routes + Uri.EscapeDataString(name), TinyServer.Upload(folder), key);
        Assert.True(status is null ? answer.Status is 200 or 201 : answer.Status == status, $"{answer.Status}: {answer.Body}");
        return answer;
    }
}
