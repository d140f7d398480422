using System.Data.Common;
using Dapper;
using Lorikeet.Server.Tests.Batches;
using Lorikeet.Tensors;
using Microsoft.Extensions.Logging.Abstractions;

namespace Lorikeet.Server.Tests.Adapters;

/// <summary>A write reads what it wrote and what others wrote, however many are registered; what is read so is what reading all gives.</summary>
public sealed class RegistryChangeTests
{
    private const int Registered = 600;

    [Fact]
    public Task In_a_file_a_write_reads_its_own_rows() => InFileAsync(CostAsync);

    [PostgresFact]
    public Task In_Postgres_a_write_reads_its_own_rows() => InPostgresAsync(CostAsync);

    [Fact]
    public Task In_a_file_what_two_write_is_what_is_there() => InFileAsync(StormAsync);

    [PostgresFact]
    public Task In_Postgres_what_two_write_is_what_is_there() => InPostgresAsync(StormAsync);

    [Fact]
    public Task In_a_file_all_is_read_where_the_log_is_silent() => InFileAsync(SilenceAsync);

    [PostgresFact]
    public Task In_Postgres_all_is_read_where_the_log_is_silent() => InPostgresAsync(SilenceAsync);

    private static async Task CostAsync(string setting)
    {
        await using Registry one = Open(setting), other = Open(setting);
        await AdapterFarm.RegisterAsync(one, "default", Enumerable.Range(0, Registered).Select(i => ($"a{i}", $"/no/such/{i}")));
        await other.RefreshAsync();
        Assert.Equal((Registered, Registered), (one.Snapshot.Count, other.Snapshot.Count));
        long before = one.RowsRead, elsewhere = other.RowsRead;
        // A new name is a row of the log, of the adapter, of its version.
        await CreateAsync(one, "new");
        Assert.Equal(before + 3, one.RowsRead);
        await other.RefreshAsync();
        Assert.Equal(elsewhere + 3, other.RowsRead);
        Assert.NotNull(other.Snapshot.Find("default", "new"));
        // One that is gone is its row of the log.
        await one.WriteAsync(w => Delete(w, "new"));
        Assert.Equal(before + 4, one.RowsRead);
        await other.RefreshAsync();
        Assert.Equal((elsewhere + 4, Registered), (other.RowsRead, other.Snapshot.Count));
        Assert.Null(other.Snapshot.Find("default", "new"));
        // Nothing new: nothing is read, by force as little.
        await other.RefreshAsync(force: true);
        Assert.Equal(elsewhere + 4, other.RowsRead);
        // Ten writes of another process are read together, a row of the log for each, and of the adapter once.
        for (int i = 0; i < 10; i++)
        {
            await one.WriteAsync(w => Pin(w, "a7", i % 2 == 0));
        }
        await other.RefreshAsync();
        Assert.Equal(elsewhere + 4 + 10 + 2, other.RowsRead);
        AssertSame(setting, one, other);
    }

    private static async Task StormAsync(string setting)
    {
        await using Registry one = Open(setting), other = Open(setting);
        CounterRandom random = new(3);
        for (ulong turn = 0; turn < 120; turn++)
        {
            Registry writes = random.Integer(10 * turn, 2) == 0 ? one : other;
            string tenant = $"t{random.Integer((10 * turn) + 1, 2)}", name = $"n{random.Integer((10 * turn) + 2, 12)}";
            int kind = random.Integer((10 * turn) + 3, 9), some = random.Integer((10 * turn) + 4, 4);
            await writes.WriteAsync(w =>
            {
                if (kind == 0)
                {
                    w.AddKey(KeyText.Write(new KeyRecord($"key_{turn:d4}", tenant, null, ["infer"], null, $"secret {turn}", 0, null, KeyLimits.None)));
                    return w.DeleteKey($"key_{turn - 20:d4}");
                }
                AdapterRecord? known = w.Find(tenant, name);
                if (known is null)
                {
                    w.Create(tenant, name, Version(name, some), pinned: some == 0);
                }
                else if (kind is 1 or 2)
                {
                    w.Append(known, Version(name, some), kept: 3);
                }
                else if (kind == 3)
                {
                    w.Delete(known);
                }
                else if (kind == 4 && known.Versions.FirstOrDefault(v => v.Version != known.Active.Version) is { } older)
                {
                    w.Remove(known, older);
                }
                else if (kind == 5)
                {
                    w.Activate(known, known.Versions[^1]);
                }
                else if (kind == 6)
                {
                    w.Pin(known, !known.Pinned);
                }
                else if (known.Aliases.Count > 0 && some == 0)
                {
                    w.RemoveAlias(known, known.Aliases[0]);
                }
                else if (w.Find(tenant, $"alias{some}") is null)
                {
                    w.AddAlias(known, $"alias{some}");
                }
                return true;
            });
            if (turn % 10 == 9)
            {
                await one.RefreshAsync();
                await other.RefreshAsync();
                AssertSame(setting, one, other);
            }
        }
    }

    private static async Task SilenceAsync(string setting)
    {
        await using Registry one = Open(setting), other = Open(setting);
        await CreateAsync(one, "a");
        // As a release writes that keeps no log.
        using (RegistryDatabase database = RegistryDatabase.Of(setting))
        {
            await using DbConnection connection = database.Connect();
            await connection.ExecuteAsync("UPDATE registry SET generation = generation + 1; UPDATE adapters SET name = 'b'");
        }
        await CreateAsync(one, "c");
        Assert.NotNull(one.Snapshot.Find("default", "b"));
        Assert.Null(one.Snapshot.Find("default", "a"));
        // Longer away than the log reaches: every write takes out what is too old.
        using (RegistryDatabase database = RegistryDatabase.Of(setting))
        {
            await using DbConnection connection = database.Connect();
            await connection.ExecuteAsync("UPDATE registry SET generation = generation + @Kept", new { RegistryWriter.Kept });
            await one.WriteAsync(w => Pin(w, "c", true));
            Assert.Equal(1, await connection.QueryFirstAsync<long>("SELECT COUNT(*) FROM changes"));
        }
        await other.RefreshAsync();
        AssertSame(setting, one, other);
        // A database that was put back to an earlier state.
        using (RegistryDatabase database = RegistryDatabase.Of(setting))
        {
            await using DbConnection connection = database.Connect();
            await connection.ExecuteAsync("UPDATE registry SET generation = 1; DELETE FROM changes; UPDATE adapters SET name = 'd' WHERE name = 'c'");
        }
        await other.RefreshAsync();
        await one.RefreshAsync();
        AssertSame(setting, one, other);
        Assert.NotNull(one.Snapshot.Find("default", "d"));
    }

    private static void AssertSame(string setting, params Registry[] registries)
    {
        Registry fresh = Open(setting);
        string expected = Text(fresh.Snapshot);
        foreach (Registry registry in registries)
        {
            Assert.Equal(expected, Text(registry.Snapshot));
        }
        fresh.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    // All that a snapshot answers.
    private static string Text(RegistrySnapshot snapshot) => string.Join('\n', [
        $"{snapshot.Generation} {snapshot.Count}",
        .. snapshot.Adapters.Select(a => $"{a with { Versions = [], Aliases = [] }} {string.Join(';', a.Versions)} {string.Join(';', a.Aliases)} "
            + $"{snapshot.Find(a.Tenant, a.Name)?.Id} {string.Join(';', a.Aliases.Select(n => snapshot.Find(a.Tenant, n)?.Id))} {snapshot.Row(a.Id)?.Name} "
            + string.Join(';', a.Versions.SelectMany(v => snapshot.With(a.Tenant, v.Hash)).Select(r => r.Id).Order(StringComparer.Ordinal))),
        .. ((string[])["t0", "t1", "default"]).Select(t => $"{t} {snapshot.Owned(t)}"),
        .. snapshot.Keys.Select(k => $"{k.Id} {snapshot.FindKey(k.SecretHash)?.Id} {snapshot.Key(k.Id)?.SecretHash}"),
        .. Enumerable.Range(0, 12).Select(i => $"{snapshot.Find("t0", $"n{i}")?.Id} {snapshot.Find("t1", $"alias{i % 4}")?.Id}"),
        .. Enumerable.Range(0, 120).Select(i => snapshot.FindKey($"secret {i}")?.Id)]);

    private static async Task CreateAsync(Registry registry, string name) => await registry.WriteAsync(w =>
    {
        w.Create("default", name, Version(name, 0), pinned: false);
        return true;
    });

    private static bool Delete(RegistryWriter writer, string name)
    {
        writer.Delete(writer.Find("default", name)!);
        return true;
    }

    private static bool Pin(RegistryWriter writer, string name, bool pinned)
    {
        writer.Pin(writer.Find("default", name)!, pinned);
        return true;
    }

    private static StoredVersion Version(string name, int content) => new("", 0, $"sha256-{content}", "lora", 2, 10 + content, "tiny", 0, $"/no/such/{name}/{content}", Managed: content % 2 == 0);

    private static Registry Open(string setting) => new(RegistryDatabase.Of(setting), TimeSpan.FromHours(1), TimeProvider.System, NullLogger<Registry>.Instance);

    private static async Task InFileAsync(Func<string, Task> test)
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-changes-").FullName;
        try
        {
            await test(Path.Combine(folder, "registry.db"));
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task InPostgresAsync(Func<string, Task> test)
    {
        await using PostgresServer database = await PostgresServer.StartAsync();
        await test(database.ConnectionString);
    }
}
