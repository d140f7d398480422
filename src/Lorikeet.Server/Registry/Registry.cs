using System.Data.Common;
using Dapper;
using Microsoft.Extensions.Logging;

namespace Lorikeet.Server;

/// <summary>Adapters, versions and keys in a database that several processes share; requests read a snapshot, which follows the database within seconds.</summary>
/// <remarks>
/// Every write counts a generation up first, which also makes writers come one after the other, and logs which rows it changed; whoever sees a new
/// number reads those rows (<see cref="RegistryReader"/>).
/// </remarks>
internal sealed partial class Registry : IAsyncDisposable
{
    private const string Schema = """
        CREATE TABLE IF NOT EXISTS registry (one INTEGER PRIMARY KEY CHECK (one = 1), generation BIGINT NOT NULL);
        CREATE TABLE IF NOT EXISTS adapters (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, created BIGINT NOT NULL, active BIGINT NOT NULL,
            pinned BIGINT NOT NULL, next BIGINT NOT NULL, UNIQUE (tenant, name));
        CREATE TABLE IF NOT EXISTS versions (id TEXT PRIMARY KEY, adapter TEXT NOT NULL REFERENCES adapters (id), version BIGINT NOT NULL, hash TEXT NOT NULL,
            kind TEXT NOT NULL, rank BIGINT NOT NULL, bytes BIGINT NOT NULL, base TEXT NOT NULL, created BIGINT NOT NULL, folder TEXT NOT NULL,
            managed BIGINT NOT NULL, scale DOUBLE PRECISION NOT NULL, UNIQUE (adapter, version));
        CREATE TABLE IF NOT EXISTS aliases (tenant TEXT NOT NULL, alias TEXT NOT NULL, adapter TEXT NOT NULL REFERENCES adapters (id), PRIMARY KEY (tenant, alias));
        CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, label TEXT, scopes TEXT NOT NULL, patterns TEXT, secret TEXT NOT NULL UNIQUE,
            created BIGINT NOT NULL, expires BIGINT, last_used BIGINT, limits TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS garbage (folder TEXT PRIMARY KEY, after BIGINT NOT NULL);
        CREATE TABLE IF NOT EXISTS changes (generation BIGINT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (generation, kind, id));
        CREATE INDEX IF NOT EXISTS aliases_of ON aliases (adapter);
        CREATE INDEX IF NOT EXISTS versions_in ON versions (folder);
        """;

    private readonly RegistryDatabase database;
    private readonly TimeProvider clock;
    private readonly ILogger<Registry> logger;
    private readonly SemaphoreSlim reading = new(1, 1);
    private readonly CancellationTokenSource stopping = new();
    private readonly Task polling;
    private long asked;
    private long rowsRead;
    private volatile RegistrySnapshot snapshot = RegistrySnapshot.Empty;

    public Registry(RegistryDatabase database, TimeSpan poll, TimeProvider clock, ILogger<Registry> logger)
    {
        this.database = database;
        this.clock = clock;
        this.logger = logger;
        using (DbConnection connection = Connect())
        using (DbTransaction transaction = database.BeginWrite(connection))
        {
            connection.Execute(Schema, transaction: transaction);
            connection.Execute("INSERT INTO registry (one, generation) VALUES (1, 0) ON CONFLICT (one) DO NOTHING", transaction: transaction);
            transaction.Commit();
        }
        snapshot = Read().Snapshot;
        polling = PollAsync(poll);
    }

    /// <summary>What the database held when it was last read.</summary>
    public RegistrySnapshot Snapshot => snapshot;

    /// <summary>Whether the last look for changes found the database.</summary>
    public bool IsReachable { get; private set; } = true;

    /// <summary>How often the database was asked for something.</summary>
    public long Asked => Interlocked.Read(ref asked);

    /// <summary>How many rows were read for snapshots.</summary>
    public long RowsRead => Interlocked.Read(ref rowsRead);

    /// <summary>Seconds since 1970.</summary>
    public long Now => clock.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Raised after the snapshot changed.</summary>
    public event Action<RegistryChange>? Changed;

    /// <summary>Writes, and reads what changed: when it returns, requests of this process see it.</summary>
    public async Task<T> WriteAsync<T>(Func<RegistryWriter, T> write)
    {
        T result;
        await using (DbConnection connection = Connect())
        {
            await using DbTransaction transaction = database.BeginWrite(connection);
            await connection.ExecuteAsync("UPDATE registry SET generation = generation + 1", transaction: transaction);
            RegistryWriter writer = new(connection, transaction, Now);
            result = write(writer);
            writer.Log();
            await transaction.CommitAsync();
        }
        await RefreshAsync(force: true);
        return result;
    }

    /// <summary>Notes when keys were last used; not a change that others must see.</summary>
    public async Task NoteUseAsync(IReadOnlyCollection<KeyValuePair<string, long>> uses)
    {
        await using DbConnection connection = Connect();
        foreach ((string id, long time) in uses)
        {
            await connection.ExecuteAsync("UPDATE keys SET last_used = @time WHERE id = @id AND (last_used IS NULL OR last_used < @time)", new { id, time });
        }
    }

    public async Task<long?> LastUsedAsync(string keyId)
    {
        await using DbConnection connection = Connect();
        return await connection.QueryFirstOrDefaultAsync<long?>("SELECT last_used FROM keys WHERE id = @keyId", new { keyId });
    }

    /// <summary>Folders that nobody needs any more since some time.</summary>
    public async Task<IReadOnlyList<string>> GarbageAsync()
    {
        await using DbConnection connection = Connect();
        return [.. await connection.QueryAsync<string>("SELECT folder FROM garbage WHERE after <= @now", new { now = Now })];
    }

    /// <summary>Notes a folder that nobody will need after some time, unless a version takes it before.</summary>
    public async Task NoteGarbageAsync(string folder, TimeSpan time)
    {
        await using DbConnection connection = Connect();
        await connection.ExecuteAsync(
            "INSERT INTO garbage (folder, after) VALUES (@folder, @after) ON CONFLICT (folder) DO UPDATE SET after = @after", new { folder, after = Now + (long)time.TotalSeconds });
    }

    /// <summary>Folders that are noted, due or not.</summary>
    public async Task<long> GarbageCountAsync()
    {
        await using DbConnection connection = Connect();
        return await connection.QueryFirstAsync<long>("SELECT COUNT(*) FROM garbage");
    }

    public async Task ForgetGarbageAsync(string folder)
    {
        await using DbConnection connection = Connect();
        await connection.ExecuteAsync("DELETE FROM garbage WHERE folder = @folder", new { folder });
    }

    /// <summary>Reads the database where it changed.</summary>
    public async Task RefreshAsync(bool force = false)
    {
        await reading.WaitAsync();
        try
        {
            if (force || Generation() != snapshot.Generation)
            {
                RegistryChange change = Read();
                snapshot = change.Snapshot;
                Changed?.Invoke(change);
            }
        }
        finally
        {
            reading.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await polling;
        stopping.Dispose();
        reading.Dispose();
        database.Dispose();
    }

    private DbConnection Connect()
    {
        Interlocked.Increment(ref asked);
        return database.Connect();
    }

    private async Task PollAsync(TimeSpan interval)
    {
        using PeriodicTimer timer = new(interval);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping.Token))
            {
                try
                {
                    await RefreshAsync();
                    IsReachable = true;
                }
                catch (Exception e) when (e is DbException or IOException or TimeoutException or InvalidOperationException)
                {
                    // The snapshot goes on serving while the database is away.
                    IsReachable = false;
                    Unreachable(logger, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Stopped.
            return;
        }
    }

    private long Generation()
    {
        using DbConnection connection = Connect();
        return connection.QueryFirst<long>("SELECT generation FROM registry");
    }

    private RegistryChange Read()
    {
        using DbConnection connection = Connect();
        using DbTransaction transaction = database.BeginRead(connection);
        RegistryReader reader = new(connection, transaction);
        RegistryChange change = reader.Read(snapshot);
        Interlocked.Add(ref rowsRead, reader.Rows);
        return change;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the registry cannot be read, what is known goes on serving: {Reason}")]
    private static partial void Unreachable(ILogger logger, string reason);
}
