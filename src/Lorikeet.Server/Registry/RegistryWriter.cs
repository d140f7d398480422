using System.Data.Common;
using Dapper;

namespace Lorikeet.Server;

/// <summary>The statements of one writing transaction; it notes which rows they change.</summary>
internal sealed class RegistryWriter(DbConnection connection, DbTransaction transaction, long now)
{
    /// <summary>How many generations the log of changes reaches back.</summary>
    public const long Kept = 1000;

    // Who changes more rows at once logs that all is to be read.
    private const int MostLogged = 100;

    private readonly HashSet<string> adapters = new(StringComparer.Ordinal);
    private readonly HashSet<string> keys = new(StringComparer.Ordinal);

    // Longer than another process needs to see that a version is gone.
    private const long GarbageSeconds = 15;

    /// <summary>What the database holds for a name now, in this transaction.</summary>
    public AdapterRecord? Find(string tenant, string name)
    {
        AdapterRow? row = connection.QueryFirstOrDefault<AdapterRow>(
            "SELECT id, tenant, name, created, active, pinned FROM adapters WHERE tenant = @tenant AND name = @name", new { tenant, name }, transaction);
        if (row is null)
        {
            string? id = connection.QueryFirstOrDefault<string>("SELECT adapter FROM aliases WHERE tenant = @tenant AND alias = @name", new { tenant, name }, transaction);
            row = id is null ? null : connection.QueryFirstOrDefault<AdapterRow>("SELECT id, tenant, name, created, active, pinned FROM adapters WHERE id = @id", new { id }, transaction);
        }
        if (row is null)
        {
            return null;
        }
        StoredVersion[] versions = [.. connection.Query<VersionRow>("SELECT * FROM versions WHERE adapter = @Id ORDER BY version DESC", new { row.Id }, transaction).Select(v => v.ToVersion())];
        string[] aliases = [.. connection.Query<string>("SELECT alias FROM aliases WHERE adapter = @Id ORDER BY alias", new { row.Id }, transaction)];
        return new AdapterRecord(row.Id, row.Tenant, row.Name, row.Created, row.Pinned != 0, versions.First(v => v.Version == row.Active), versions, aliases);
    }

    /// <summary>How many adapters a tenant has; this and the next two look at all of them: ask only where a limit is set.</summary>
    public long Adapters(string tenant) => connection.QueryFirst<long>("SELECT COUNT(*) FROM adapters WHERE tenant = @tenant", new { tenant }, transaction);

    /// <summary>Bytes of a tenant's versions that the store owns.</summary>
    public long Bytes(string tenant) =>
        connection.QueryFirst<long>("SELECT CAST(COALESCE(SUM(v.bytes), 0) AS BIGINT) FROM versions v JOIN adapters a ON a.id = v.adapter WHERE a.tenant = @tenant AND v.managed = 1", new { tenant }, transaction);

    /// <summary>How many of a tenant's adapters are pinned.</summary>
    public long Pinned(string tenant) => connection.QueryFirst<long>("SELECT COUNT(*) FROM adapters WHERE tenant = @tenant AND pinned = 1", new { tenant }, transaction);

    /// <summary>A new name with its first version.</summary>
    public void Create(string tenant, string name, StoredVersion version, bool pinned)
    {
        string id = NewId();
        adapters.Add(id);
        connection.Execute(
            "INSERT INTO adapters (id, tenant, name, created, active, pinned, next) VALUES (@id, @tenant, @name, @now, 1, @pin, 2)",
            new { id, tenant, name, now, pin = pinned ? 1 : 0 },
            transaction);
        Insert(id, version with { Version = 1 });
    }

    /// <summary>A new version of a name, which it means from now on; what is above the kept number goes.</summary>
    public void Append(AdapterRecord adapter, StoredVersion version, int kept)
    {
        adapters.Add(adapter.Id);
        long number = connection.QueryFirst<long>("SELECT next FROM adapters WHERE id = @Id", new { adapter.Id }, transaction);
        Insert(adapter.Id, version with { Version = (int)number });
        connection.Execute("UPDATE adapters SET active = @number, next = @next WHERE id = @Id", new { number, next = number + 1, adapter.Id }, transaction);
        foreach (StoredVersion old in adapter.Versions.Skip(Math.Max(0, kept - 1)))
        {
            Remove(adapter, old);
        }
    }

    public void Activate(AdapterRecord adapter, StoredVersion version) =>
        Change(adapter, "UPDATE adapters SET active = @active WHERE id = @Id", new { active = (long)version.Version, adapter.Id });

    public void Pin(AdapterRecord adapter, bool pinned) =>
        Change(adapter, "UPDATE adapters SET pinned = @pin WHERE id = @Id", new { pin = pinned ? 1L : 0L, adapter.Id });

    public void AddAlias(AdapterRecord adapter, string alias) =>
        Change(adapter, "INSERT INTO aliases (tenant, alias, adapter) VALUES (@Tenant, @alias, @Id)", new { adapter.Tenant, alias, adapter.Id });

    public void RemoveAlias(AdapterRecord adapter, string alias) =>
        Change(adapter, "DELETE FROM aliases WHERE tenant = @Tenant AND alias = @alias", new { adapter.Tenant, alias });

    public void Delete(AdapterRecord adapter)
    {
        Change(adapter, "DELETE FROM aliases WHERE adapter = @Id", new { adapter.Id });
        foreach (StoredVersion version in adapter.Versions)
        {
            Remove(adapter, version);
        }
        Change(adapter, "DELETE FROM adapters WHERE id = @Id", new { adapter.Id });
    }

    /// <summary>Removes a version; files of the store go later, when no process can be about to read them.</summary>
    public void Remove(AdapterRecord adapter, StoredVersion version)
    {
        Change(adapter, "DELETE FROM versions WHERE id = @Id", new { version.Id });
        if (version.Managed && connection.QueryFirst<long>("SELECT COUNT(*) FROM versions WHERE folder = @Folder", new { version.Folder }, transaction) == 0)
        {
            connection.Execute(
                "INSERT INTO garbage (folder, after) VALUES (@Folder, @after) ON CONFLICT (folder) DO UPDATE SET after = @after",
                new { version.Folder, after = now + GarbageSeconds },
                transaction);
        }
    }

    public long Keys(string tenant) => connection.QueryFirst<long>("SELECT COUNT(*) FROM keys WHERE tenant = @tenant", new { tenant }, transaction);

    public void AddKey(KeyRow key)
    {
        keys.Add(key.Id);
        connection.Execute(
            "INSERT INTO keys (id, tenant, label, scopes, patterns, secret, created, expires, limits) VALUES (@Id, @Tenant, @Label, @Scopes, @Patterns, @Secret, @Created, @Expires, @Limits)",
            key,
            transaction);
    }

    public bool DeleteKey(string id)
    {
        keys.Add(id);
        return connection.Execute("DELETE FROM keys WHERE id = @id", new { id }, transaction) > 0;
    }

    /// <summary>Writes down which rows were changed, for all who read; the last statement of every write.</summary>
    public void Log()
    {
        long generation = connection.QueryFirst<long>("SELECT generation FROM registry", transaction: transaction);
        ChangeRow[] rows = adapters.Count + keys.Count > MostLogged ? [Row(ChangeRow.All, "")]
            : adapters.Count + keys.Count == 0 ? [Row(ChangeRow.None, "")]
            : [.. adapters.Select(id => Row(ChangeRow.Adapter, id)), .. keys.Select(id => Row(ChangeRow.Key, id))];
        connection.Execute("INSERT INTO changes (generation, kind, id) VALUES (@Generation, @Kind, @Id)", rows, transaction);
        connection.Execute("DELETE FROM changes WHERE generation <= @old", new { old = generation - Kept }, transaction);

        ChangeRow Row(string kind, string id) => new() { Generation = generation, Kind = kind, Id = id };
    }

    private void Change(AdapterRecord adapter, string text, object values)
    {
        adapters.Add(adapter.Id);
        connection.Execute(text, values, transaction);
    }

    private void Insert(string adapter, StoredVersion version)
    {
        connection.Execute("DELETE FROM garbage WHERE folder = @Folder", new { version.Folder }, transaction);
        connection.Execute(
            "INSERT INTO versions (id, adapter, version, hash, kind, rank, bytes, base, created, folder, managed, scale) "
            + "VALUES (@id, @adapter, @Version, @Hash, @Kind, @Rank, @Bytes, @Base, @Created, @Folder, @managed, @Scale)",
            new
            {
                id = NewId(),
                adapter,
                Version = (long)version.Version,
                version.Hash,
                version.Kind,
                Rank = (long)version.Rank,
                version.Bytes,
                version.Base,
                version.Created,
                version.Folder,
                managed = version.Managed ? 1L : 0L,
                version.Scale,
            },
            transaction);
    }

    private static string NewId() => Guid.CreateVersion7().ToString("N");
}
