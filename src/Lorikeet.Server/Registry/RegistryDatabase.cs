using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Lorikeet.Server;

/// <summary>Where the registry lives: one file for SQLite, or PostgreSQL. Both speak the same few statements.</summary>
internal abstract class RegistryDatabase : IDisposable
{
    /// <summary>Opens the database that a setting names; null: one in memory, for this process alone.</summary>
    public static RegistryDatabase Of(string? setting) =>
        setting is null ? new InMemory()
        : setting.StartsWith("postgres://", StringComparison.Ordinal) || setting.StartsWith("postgresql://", StringComparison.Ordinal) ? new Postgres(FromUri(setting))
        : setting.Contains("Host=", StringComparison.OrdinalIgnoreCase) ? new Postgres(setting)
        : new OneFile(setting);

    public abstract DbConnection Connect();

    /// <summary>Closes what is kept open.</summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    /// <summary>Begins a transaction that will write: writers of all processes come one after the other.</summary>
    public abstract DbTransaction BeginWrite(DbConnection connection);

    /// <summary>Begins a transaction that sees one moment of the database.</summary>
    public abstract DbTransaction BeginRead(DbConnection connection);

    private static string FromUri(string uri)
    {
        Uri parsed = new(uri);
        string[] user = parsed.UserInfo.Split(':', 2);
        NpgsqlConnectionStringBuilder builder = new() { Host = parsed.Host, Database = parsed.AbsolutePath.Trim('/') };
        if (parsed.Port > 0)
        {
            builder.Port = parsed.Port;
        }
        if (user[0].Length > 0)
        {
            builder.Username = Uri.UnescapeDataString(user[0]);
            builder.Password = user.Length > 1 ? Uri.UnescapeDataString(user[1]) : null;
        }
        return builder.ConnectionString;
    }

    private class OneFile : RegistryDatabase
    {
        private readonly string connectionString;

        public OneFile(string path)
            : this(new SqliteConnectionStringBuilder { DataSource = Path.GetFullPath(path), DefaultTimeout = 30 })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }

        protected OneFile(SqliteConnectionStringBuilder builder) => connectionString = builder.ConnectionString;

        public override DbConnection Connect()
        {
            SqliteConnection connection = new(connectionString);
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";
            command.ExecuteNonQuery();
            return connection;
        }

        public override DbTransaction BeginWrite(DbConnection connection) => ((SqliteConnection)connection).BeginTransaction(deferred: false);

        public override DbTransaction BeginRead(DbConnection connection) => ((SqliteConnection)connection).BeginTransaction(deferred: true);
    }

    private sealed class InMemory : OneFile
    {
        // One connection stays open: the database ends with the last.
        private readonly DbConnection kept;

        public InMemory()
            : base(new SqliteConnectionStringBuilder { DataSource = $"lorikeet-{Guid.NewGuid():N}", Mode = SqliteOpenMode.Memory, Cache = SqliteCacheMode.Shared, DefaultTimeout = 30 }) =>
            kept = Connect();

        public override void Dispose()
        {
            kept.Dispose();
            base.Dispose();
        }
    }

    private sealed class Postgres(string connectionString) : RegistryDatabase
    {
        // Any number that other users of the database do not lock.
        private const long WriteLock = 0x4C6F72696B656574;

        private readonly NpgsqlDataSource source = NpgsqlDataSource.Create(connectionString);

        public override DbConnection Connect() => source.OpenConnection();

        public override void Dispose()
        {
            source.Dispose();
            base.Dispose();
        }

        public override DbTransaction BeginWrite(DbConnection connection)
        {
            NpgsqlTransaction transaction = ((NpgsqlConnection)connection).BeginTransaction();
            using NpgsqlCommand command = new($"SELECT pg_advisory_xact_lock({WriteLock})", (NpgsqlConnection)connection, transaction);
            command.ExecuteNonQuery();
            return transaction;
        }

        public override DbTransaction BeginRead(DbConnection connection) => ((NpgsqlConnection)connection).BeginTransaction(System.Data.IsolationLevel.RepeatableRead);
    }
}
