using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Lorikeet.Tensors;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Faults;

/// <summary>Servers that are killed outright while they take uploads, write the registry and generate: what was acknowledged is there, what was not is whole or absent.</summary>
[Trait("Category", "Slow")]
public sealed class KilledServerTests : IDisposable
{
    private const int Names = 3, Contents = 4, Kills = 4;
    private readonly TemporaryFolder folder = new();
    private readonly string model;
    private readonly string[] adapters;

    public KilledServerTests()
    {
        model = TinyFiles.Model(folder["base"]);
        adapters = [.. Enumerable.Range(0, Contents).Select(i => TinyFiles.Adapter(folder[$"adapter-{i}"], model, seed: (ulong)i + 1))];
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task What_was_acknowledged_outlives_kills_amid_uploads_and_writes()
    {
        string registry = folder["registry.db"], store = folder["store"];
        string[] options = ["--model", model, "--registry", registry, "--store", store];
        string[] answers = new string[Contents];
        CounterRandom random = new(23);
        // By name the content that was acknowledged last, and the one that was under way.
        int[] acknowledged = [.. Enumerable.Repeat(-1, Names)], sent = [.. Enumerable.Repeat(-1, Names)];
        ConcurrentDictionary<string, int> hashes = [];
        for (int kill = 0; kill <= Kills; kill++)
        {
            using ServerProcess server = await ServerProcess.StartAsync(options);
            for (int name = 0; name < Names; name++)
            {
                (int status, string body) = await server.SendAsync(HttpMethod.Get, $"/lorikeet/v1/adapters/n{name}");
                if (status == 404)
                {
                    Assert.Equal(-1, acknowledged[name]);
                    continue;
                }
                Assert.True(status == 200, body);
                using JsonDocument json = JsonDocument.Parse(body);
                string hash = json.RootElement.GetProperty("hash").GetString()!;
                int found = hashes.TryGetValue(hash, out int known) ? known : sent[name];
                Assert.True(found == acknowledged[name] || found == sent[name], $"n{name} is content {found}; {acknowledged[name]} was acknowledged, {sent[name]} sent");
                acknowledged[name] = found;
                string answer = await server.AskAsync($"n{name}");
                Assert.Equal(answers[found] ??= answer, answer);
            }
            CheckStore(store);
            if (kill == Kills)
            {
                break;
            }
            // Three clients upload to a name each as fast as they can, a fourth is stuck in the middle of its body.
            using TcpClient stuck = await HalfAsync(server);
            using CancellationTokenSource dead = new();
            int[] taken = new int[Names];
            Task[] clients = [.. Enumerable.Range(0, Names).Select(name => Task.Run(async () =>
            {
                for (int i = kill + name; !dead.IsCancellationRequested; i++)
                {
                    sent[name] = i % Contents;
                    try
                    {
                        (int status, string body) = await server.PutAsync($"n{name}", adapters[sent[name]]);
                        Assert.True(status is 200 or 201, body);
                        using JsonDocument json = JsonDocument.Parse(body);
                        hashes[json.RootElement.GetProperty("hash").GetString()!] = sent[name];
                        acknowledged[name] = sent[name];
                        Interlocked.Increment(ref taken[name]);
                    }
                    catch (Exception e) when (e is HttpRequestException or IOException)
                    {
                        // Killed: it may be there or not.
                        return;
                    }
                }
            }))];
            int watched = kill % Names;
            await Wait.UntilAsync(() => Volatile.Read(ref taken[watched]) > 0 || clients[watched].IsCompleted, "an upload is acknowledged");
            await Task.Delay(random.Integer((ulong)kill, 300));
            await server.KillAsync();
            await dead.CancelAsync();
            await Task.WhenAll(clients);
        }
        Assert.Equal(Contents, answers.Where(a => a is not null).Distinct().Count() + answers.Count(a => a is null));
        Assert.True(hashes.Count > 1);
    }

    [Fact]
    public async Task A_kill_amid_generation_changes_nothing_on_disk_and_the_next_answers_are_the_same()
    {
        // More than fits between a server and a reader that does not read: no answer ends before the kill.
        const int Tokens = 1000, Choices = 128;
        string registry = folder["registry.db"], store = folder["store"];
        string[] options = ["--model", TinyFiles.Model(folder["long"], positions: 1024), "--served-model-name", "base", "--registry", registry, "--store", store];
        string[] before;
        SortedDictionary<string, string> files;
        using (ServerProcess server = await ServerProcess.StartAsync(options))
        {
            (int status, string body) = await server.PutAsync("bot", adapters[0]);
            Assert.True(status == 201, body);
            before = [await server.AskAsync("base"), await server.AskAsync("bot")];
            files = Files(store);
            TaskCompletionSource killed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            int begun = 0;
            Task<string>[] streams = [.. Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
            {
                using HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions")
                {
                    Content = ServerProcess.Json($$"""{"model":"{{(i % 2 == 0 ? "bot" : "base")}}","prompt":"The sea","n":{{Choices}},"max_tokens":{{Tokens}},"ignore_eos":true,"stream":true}"""),
                };
                using HttpResponseMessage response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
                StringBuilder text = new();
                try
                {
                    using StreamReader reader = new(await response.Content.ReadAsStreamAsync());
                    while (await reader.ReadLineAsync() is { } line)
                    {
                        text.Append(line);
                        Interlocked.Increment(ref begun);
                        await killed.Task;
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException)
                {
                    return text + " cut";
                }
                return text.ToString();
            }))];
            await Wait.UntilAsync(() => Volatile.Read(ref begun) > 0);
            await server.KillAsync();
            killed.SetResult();
            foreach (Task<string> stream in streams)
            {
                try
                {
                    // A stream that was cut says so to its reader: nobody takes it for a whole one.
                    string text = await stream;
                    Assert.True(!text.Contains("[DONE]", StringComparison.Ordinal) && text.EndsWith(" cut", StringComparison.Ordinal), text.Length > 300 ? text[^300..] : text);
                }
                catch (HttpRequestException)
                {
                    // It had not begun.
                    continue;
                }
            }
        }
        Assert.Equal(files, Files(store));
        using ServerProcess again = await ServerProcess.StartAsync(options);
        Assert.Equal(before[0], await again.AskAsync("base"));
        Assert.Equal(before[1], await again.AskAsync("bot"));
    }

    [Fact]
    public async Task A_killed_process_holds_up_no_other_that_shares_its_registry()
    {
        string registry = folder["registry.db"], store = folder["store"];
        string[] options = ["--model", model, "--registry", registry, "--store", store];
        using ServerProcess other = await ServerProcess.StartAsync(options);
        using ServerProcess killed = await ServerProcess.StartAsync(options);
        (int status, string body) = await killed.PutAsync("bot", adapters[0]);
        Assert.True(status == 201, body);
        using TcpClient stuck = await HalfAsync(killed);
        Task<(int, string)>[] uploads = [.. Enumerable.Range(0, 6).Select(i => killed.PutAsync($"n{i}", adapters[i % Contents]))];
        await Task.WhenAny(uploads);
        await killed.KillAsync();
        foreach (Task<(int, string)> upload in uploads)
        {
            try
            {
                await upload;
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                continue;
            }
        }
        for (int i = 0; i < 6; i++)
        {
            (status, body) = await other.PutAsync($"n{i}", adapters[(i + 1) % Contents]);
            Assert.True(status is 200 or 201, body);
        }
        string[] answers = [.. await Task.WhenAll(Enumerable.Range(0, 6).Select(i => other.AskAsync($"n{i}")))];
        Assert.Equal(answers[0], answers[4]);
        Assert.Equal(Contents, answers.Distinct().Count());
        CheckStore(store);
    }

    // Each version's folder is whole; what is not is a folder of an upload under way.
    private static void CheckStore(string store)
    {
        foreach (string version in Directory.Exists(store) ? Directory.EnumerateDirectories(store, "sha256-*", SearchOption.AllDirectories) : [])
        {
            SortedDictionary<string, string> files;
            try
            {
                files = Files(version);
            }
            catch (IOException) when (!Directory.Exists(version))
            {
                // Swept away since: it goes under another name.
                continue;
            }
            string lines = string.Concat(files.Select(f => $"{f.Key} {f.Value}\n"));
            string hash = "sha256-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines)));
            // Under its name it is whole or absent; swept away while its files were listed it is absent.
            Assert.True(Path.GetFileName(version).StartsWith(hash + "-", StringComparison.Ordinal) || !Directory.Exists(version), $"{version} holds {lines}");
        }
    }

    private static SortedDictionary<string, string> Files(string root) => new(
        Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).ToDictionary(f => Path.GetRelativePath(root, f), f => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(f)))), StringComparer.Ordinal);

    // The first half of an upload, and then nothing.
    private async Task<TcpClient> HalfAsync(ServerProcess server)
    {
        TcpClient client = new();
        await client.ConnectAsync(server.Http.BaseAddress!.Host, server.Http.BaseAddress.Port);
        string config = await File.ReadAllTextAsync(Path.Combine(adapters[0], "adapter_config.json"));
        string body = $"--b\r\nContent-Disposition: form-data; name=\"adapter_config.json\"\r\n\r\n{config}\r\n--b\r\nContent-Disposition: form-data; name=\"adapter_model.safetensors\"\r\n\r\nhalf";
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"PUT /lorikeet/v1/adapters/half HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {(body.Length + 100_000).ToString(CultureInfo.InvariantCulture)}\r\n\r\n{body}"));
        return client;
    }
}
