using Lorikeet.Server.Tests.Adapters;
using Lorikeet.Server.Tests.Batches;
using Lorikeet.Serving;

namespace Lorikeet.Server.Tests.Faults;

/// <summary>Full disks, and files that are cut short, rewritten and lost under a running server.</summary>
public sealed class DiskTests
{
    private const string Routes = "/lorikeet/v1/adapters/";
    private const int Rounds = 10;

    [FullDiskFact]
    public async Task A_full_store_is_an_honest_503_and_leaves_nothing()
    {
        using FullDisk disk = FullDisk.Create(1024);
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { Store = disk.Folder });
        string a = server.Adapter("a", 1), b = server.Adapter("b", 2);
        await RegistryTests.PutAsync(server, "kept", a, 201);
        string[] before = await Proof.AnswersAsync(server, "kept");
        // No room at all; room for the first file and not for the second.
        foreach (int left in (int[])[0, 4096])
        {
            disk.Fill(left);
            Answer refused = await server.SendAsync(HttpMethod.Put, Routes + "new", TinyServer.Upload(b));
            disk.Free();
            refused.Error(503, "storage_full");
            Assert.Equal("false", refused.Header("x-should-retry"));
            Assert.DoesNotContain(disk.Folder, refused.Body, StringComparison.Ordinal);
            Assert.Empty(Directory.EnumerateDirectories(disk.Folder, ".upload-*", SearchOption.AllDirectories));
            (await server.GetAsync(Routes + "new")).Error(404);
            Assert.Equal(before, await Proof.AnswersAsync(server, "kept"));
        }
        // What was acknowledged is there, whatever came after; with room again the same upload is taken.
        int acknowledged = 0;
        Answer last;
        do
        {
            last = await server.SendAsync(HttpMethod.Put, $"{Routes}many-{acknowledged}", TinyServer.Upload(a));
            acknowledged += last.Status == 201 ? 1 : 0;
        }
        while (last.Status == 201 && acknowledged < 1000);
        last.Error(503, "storage_full");
        Assert.InRange(acknowledged, 1, 999);
        for (int i = 0; i < acknowledged; i += 7)
        {
            Assert.Equal(before[0], (await Proof.AnswersAsync(server, $"many-{i}"))[0]);
        }
        await Proof.AllReturnedAsync(server);
    }

    [FullDiskFact]
    public async Task A_full_disk_of_the_registry_refuses_changes_and_nothing_else()
    {
        using FullDisk disk = FullDisk.Create(1024);
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { Registry = Path.Combine(disk.Folder, "registry.db") });
        string a = server.Adapter("a", 1), b = server.Adapter("b", 2);
        await RegistryTests.PutAsync(server, "kept", a, 201);
        string[] before = await Proof.AnswersAsync(server, "kept");
        disk.Fill();
        for (int i = 0; i < 3; i++)
        {
            Answer refused = await server.SendAsync(HttpMethod.Put, Routes + "kept", TinyServer.Upload(b));
            Assert.Contains(refused.Error(503).GetProperty("code").GetString(), (string[])["storage_full", "service_unavailable"]);
            Assert.Equal(before, await Proof.AnswersAsync(server, "kept"));
            Assert.Equal(1, (await server.GetAsync(Routes + "kept")).Ok().GetProperty("version").GetInt32());
        }
        disk.Free();
        Assert.Equal(2, (await RegistryTests.PutAsync(server, "kept", b, 200)).Json.GetProperty("version").GetInt32());
        Assert.NotEqual(before, await Proof.AnswersAsync(server, "kept"));
        await Proof.AllReturnedAsync(server);
    }

    [Fact]
    public async Task An_adapter_that_is_cut_short_fails_alone_and_comes_back_with_its_file()
    {
        await using TinyServer server = await StartAsync();
        string weights = Path.Combine(server.Folder, "legal", "adapter_model.safetensors"), config = Path.Combine(server.Folder, "legal", "adapter_config.json");
        byte[] whole = await File.ReadAllBytesAsync(weights), text = await File.ReadAllBytesAsync(config);
        string[] before = await Proof.AnswersAsync(server, "legal", "tiny", "f-1");
        // In memory it goes on whatever happens to its file.
        await File.WriteAllBytesAsync(weights, whole[..^100]);
        Assert.Equal(before, await Proof.AnswersAsync(server, "legal", "tiny", "f-1"));
        foreach ((string path, byte[] bytes) in ((string, byte[])[])[(weights, whole[..^100]), (weights, whole[..20]), (weights, []), (config, text[..10]), (config, []), (weights, [0x80, 2, 1, 2, 3])])
        {
            await EvictAsync(server, "legal");
            await File.WriteAllBytesAsync(path, bytes);
            for (int i = 0; i < 2; i++)
            {
                (await server.PostAsync("/v1/completions", """{"model":"legal","prompt":"a"}""")).Error(400, "invalid_adapter", "model");
                Assert.Equal(before[1..], await Proof.AnswersAsync(server, "tiny", "f-1"));
            }
            await File.WriteAllBytesAsync(weights, whole);
            await File.WriteAllBytesAsync(config, text);
            Assert.Equal(before, await Proof.AnswersAsync(server, "legal", "tiny", "f-1"));
        }
        await File.WriteAllTextAsync(Path.Combine(server.Folder, "second", "generation_config.json"), "{\"temperature\":");
        Answer damaged = await server.PostAsync("/v1/completions", """{"model":"second","prompt":"a"}""");
        damaged.Error(400, "invalid_adapter", "model");
        Assert.DoesNotContain(server.Folder, damaged.Body, StringComparison.Ordinal);
        await EvictAsync(server, "legal");
        Directory.Delete(Path.GetDirectoryName(weights)!, recursive: true);
        (await server.PostAsync("/v1/completions", """{"model":"legal","prompt":"a"}""")).Error(400, "invalid_adapter");
        Assert.Equal(before[1..], await Proof.AnswersAsync(server, "tiny", "f-1"));
        await Proof.AllReturnedAsync(server);
    }

    /// <summary>A file that is emptied and written again, over and over, while it is read: each answer is right or a refusal, and the process lives.</summary>
    [Fact]
    public async Task A_file_that_is_rewritten_while_it_is_read_ends_no_process()
    {
        await using TinyServer server = await StartAsync();
        string weights = Path.Combine(server.Folder, "legal", "adapter_model.safetensors");
        byte[] whole = await File.ReadAllBytesAsync(weights);
        string[] before = await Proof.AnswersAsync(server, "legal");
        using CancellationTokenSource enough = new();
        Task writing = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                await using (FileStream file = new(weights, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                {
                    file.SetLength(0);
                    for (int at = 0; at < whole.Length; at += 1024)
                    {
                        file.Write(whole, at, Math.Min(1024, whole.Length - at));
                        file.Flush();
                    }
                }
                await Task.Delay(1);
            }
        });
        int right = 0, refused = 0;
        for (int i = 0; i < Rounds; i++)
        {
            Answer answer = await server.PostAsync("/v1/completions", """{"model":"legal","prompt":"What is the same before and after?","max_tokens":24,"seed":7,"logprobs":3,"ignore_eos":true,"return_token_ids":true}""");
            if (answer.Status == 200)
            {
                Assert.Equal(before[0], answer.Json.GetProperty("choices").GetRawText());
                right++;
            }
            else
            {
                answer.Error(400, "invalid_adapter");
                refused++;
            }
            await EvictAsync(server, "legal");
        }
        await enough.CancelAsync();
        await writing;
        Assert.True(right + refused == Rounds && server.Server.Parts.Inference.Statistics.AdapterLoads > Rounds);
        Assert.Equal(before, await Proof.AnswersAsync(server, "legal"));
        await Proof.AllReturnedAsync(server);
    }

    /// <summary>What a process left behind that was killed between moving an upload into place and writing its row is swept away; what has a row stays.</summary>
    [Fact]
    public async Task Files_that_no_row_names_go_and_others_stay()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        ServerParts parts = server.Server.Parts;
        await RegistryTests.PutAsync(server, "bot", server.Adapter("a", 1), 201);
        string version = parts.Registry.Snapshot.Adapters.Single().Active.Folder;
        string orphan = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(version)!, "orphan")).FullName;
        await File.WriteAllTextAsync(Path.Combine(orphan, "adapter_config.json"), "{}");
        await parts.Registry.NoteGarbageAsync(orphan, TimeSpan.FromSeconds(-1));
        string fresh = Directory.CreateDirectory(Path.Combine(server.Folder, "store", "default", AdapterUpload.Prefix + "fresh")).FullName;
        string stale = Directory.CreateDirectory(Path.Combine(server.Folder, "store", "default", AdapterUpload.Prefix + "stale")).FullName;
        Directory.SetLastWriteTimeUtc(stale, DateTime.UtcNow.AddHours(-1));
        string slow = Directory.CreateDirectory(Path.Combine(server.Folder, "store", "default", AdapterUpload.Prefix + "slow")).FullName;
        await File.WriteAllTextAsync(Path.Combine(slow, "adapter_config.json"), "{}");
        Directory.SetLastWriteTimeUtc(slow, DateTime.UtcNow.AddHours(-1));
        await parts.Store.SweepAsync();
        Assert.Equal((true, false, true, false, true), (Directory.Exists(version), Directory.Exists(orphan), Directory.Exists(fresh), Directory.Exists(stale), Directory.Exists(slow)));
        Assert.Equal(0, await parts.Registry.GarbageCountAsync());
        await server.CompleteAsync("bot");
    }

    /// <summary>Two names of one tenant with the same files are one adapter in memory; when the files it was read from go with their name, the other name reads its own.</summary>
    [Fact]
    public async Task Equal_files_outlive_the_name_they_were_read_by()
    {
        await using TinyServer server = await StartAsync();
        ServerParts parts = server.Server.Parts;
        string files = server.Adapter("twin", 9);
        await RegistryTests.PutAsync(server, "one", files, 201);
        await RegistryTests.PutAsync(server, "two", files, 201);
        string[] before = await Proof.AnswersAsync(server, "one", "two");
        Assert.Equal(before[0], before[1]);
        Assert.Single(parts.Inference.Statistics.ResidentAdapters, a => a.Name is "one" or "two");
        string folder = parts.Registry.Snapshot.Find(Caller.DefaultTenant, "one")!.Active.Folder;
        (await server.PostAsync(Routes + "two/pin", "")).Ok();
        (await server.SendAsync(HttpMethod.Delete, Routes + "one")).Ok();
        await parts.Registry.NoteGarbageAsync(folder, TimeSpan.FromSeconds(-1));
        await parts.Store.SweepAsync();
        Assert.False(Directory.Exists(folder));
        Assert.Equal(before[1], (await Proof.AnswersAsync(server, "two"))[0]);
        (await server.PostAsync(Routes + "two/unpin", "")).Ok();
        await EvictAsync(server, "one");
        await EvictAsync(server, "two");
        Assert.Equal(before[1], (await Proof.AnswersAsync(server, "two"))[0]);
        await Proof.AllReturnedAsync(server);
    }

    private static async Task<TinyServer> StartAsync()
    {
        TinyServer server = await TinyServer.StartAsync((o, folder) => o with
        {
            Adapters = [new("legal", TinyServer.MakeAdapter(Path.Combine(folder, "legal"), 3)), new("second", TinyServer.MakeAdapter(Path.Combine(folder, "second"), 4))],
            // Room for a few adapters only.
            Engine = new EngineOptions { CacheBytes = 256 << 10, MaxSequences = 4, MaxRows = 64, PoisonFreedPages = true },
        });
        await AdapterFarm.RegisterAsync(server.Server.Parts.Registry, Caller.DefaultTenant, Enumerable.Range(0, 60).Select(i => ($"f-{i}", AdapterFarm.Folders[i])));
        return server;
    }

    /// <summary>Asks for others until an adapter is not in memory any more.</summary>
    private static async Task EvictAsync(TinyServer server, string name)
    {
        for (int i = 0; i < 20 && server.Server.Parts.Inference.Statistics.ResidentAdapters.Any(a => a.Name == name); i++)
        {
            Answer[] others = await Task.WhenAll(Enumerable.Range(0, 8).Select(j => server.PostAsync("/v1/completions", $$"""{"model":"f-{{2 + (((i * 8) + j) % 58)}}","prompt":"a","max_tokens":1}""")));
            Assert.All(others, o => o.Ok());
        }
        Assert.DoesNotContain(server.Server.Parts.Inference.Statistics.ResidentAdapters, a => a.Name == name);
    }
}
