using Lorikeet.Server;
using Microsoft.Data.Sqlite;

namespace Lorikeet.Cli.Tests.Faults;

/// <summary>A process with ten thousand registered adapters beside one with ten: bytes read, files opened, memory; counts of the operating system, not times.</summary>
[Trait("Category", "Slow")]
public sealed class ManyRegisteredTests(Xunit.Abstractions.ITestOutputHelper output) : IDisposable
{
    private const int Asked = 3;
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Ten_thousand_cost_their_rows()
    {
        string model = TinyFiles.Model(folder["base"]);
        string[] adapters = [.. Enumerable.Range(0, Asked).Select(i => TinyFiles.Adapter(folder[$"adapter-{i}"], model, seed: (ulong)i + 1))];
        string few = await RegistryAsync("few.db", 10, adapters), many = await RegistryAsync("many.db", 10_000, adapters);
        (long resident, long read, int files) small = await RunAsync(model, few), large = await RunAsync(model, many);
        long rows = Bytes(many);
        output.WriteLine($"10: {small}; 10,000: {large}; rows {rows}");
        // The rows are read once at the start, and kept; no file of an adapter is opened that nobody asks for.
        Assert.InRange(large.read - small.read, 0, (3 * rows) + (1 << 20));
        Assert.InRange(large.resident - small.resident, long.MinValue, 48L << 20);
        Assert.InRange(large.files - small.files, -8, 8);
    }

    private async Task<(long Resident, long Read, int Files)> RunAsync(string model, string registry)
    {
        using ServerProcess server = await ServerProcess.StartAsync("--model", model, "--registry", registry);
        string[] first = [.. await Task.WhenAll(Enumerable.Range(0, Asked).Select(i => server.AskAsync($"adapter-{i}")))];
        Assert.Equal(Asked, first.Distinct().Count());
        long read = server.Counters.Read;
        for (int i = 0; i < 60; i++)
        {
            Assert.Equal(first[i % Asked], await server.AskAsync($"adapter-{i % Asked}"));
        }
        // Sixty requests to adapters in memory read neither files nor rows: what is read are their own bytes, and the clock of the registry.
        Assert.InRange(server.Counters.Read - read, 0, 512 << 10);
        return server.Counters;
    }

    // With what has not been written back yet.
    private static long Bytes(string registry) => Directory.EnumerateFiles(Path.GetDirectoryName(registry)!, Path.GetFileName(registry) + "*").Sum(f => new FileInfo(f).Length);

    private async Task<string> RegistryAsync(string name, int count, string[] adapters)
    {
        string path = folder[name];
        // Makes the tables.
        await LorikeetServer.CreateKeyAsync(path, "operator", ["infer"]);
        await using SqliteConnection connection = new($"Data Source={path};Pooling=False");
        await connection.OpenAsync();
        await using System.Data.Common.DbTransaction transaction = await connection.BeginTransactionAsync();
        for (int i = 0; i < count; i++)
        {
            string place = i < Asked ? adapters[i] : folder[$"absent-{i}"];
            await ExecuteAsync($"INSERT INTO adapters (id, tenant, name, created, active, pinned, next) VALUES ('a{i}', 'shared', 'adapter-{i}', {i}, 1, 0, 2)");
            await ExecuteAsync($"INSERT INTO versions (id, adapter, version, hash, kind, rank, bytes, base, created, folder, managed, scale) VALUES ('v{i}', 'a{i}', 1, 'sha256-{i:x64}', 'lora', 2, 1000, 'base', {i}, '{place}', 0, 1)");
        }
        await transaction.CommitAsync();
        return path;

        async Task ExecuteAsync(string sql)
        {
            await using SqliteCommand command = new(sql, connection, (SqliteTransaction)transaction);
            await command.ExecuteNonQueryAsync();
        }
    }
}
