using System.Data.Common;
using Dapper;

namespace Lorikeet.Server;

/// <summary>Reads what changed in the database since a snapshot, in one transaction: the rows that the log of changes names, or all where the log does not reach back so far.</summary>
/// <remarks>Every write leaves an entry in the log under its generation. Where one is missing (it is too old, or a release without a log wrote) all is read.</remarks>
internal sealed class RegistryReader(DbConnection connection, DbTransaction transaction)
{
    // Beyond that one pass over all rows costs less than asking for so many.
    private const int MostRows = 500;

    /// <summary>Rows that the database gave.</summary>
    public long Rows { get; private set; }

    /// <summary>What is there now.</summary>
    /// <param name="known">What was there.</param>
    public RegistryChange Read(RegistrySnapshot known)
    {
        long generation = connection.QueryFirst<long>("SELECT generation FROM registry", transaction: transaction);
        string[]? adapterIds = null, keyIds = null;
        if (known.Generation >= 0 && generation >= known.Generation && generation - known.Generation <= RegistryWriter.Kept)
        {
            List<ChangeRow> log = Query<ChangeRow>("SELECT generation, kind, id FROM changes WHERE generation > @Generation", known);
            if (log.Select(c => c.Generation).Distinct().Count() == generation - known.Generation && !log.Exists(c => c.Kind == ChangeRow.All) && log.Count <= MostRows)
            {
                adapterIds = Ids(ChangeRow.Adapter);
                keyIds = Ids(ChangeRow.Key);
            }

            string[] Ids(string kind) => [.. log.Where(c => c.Kind == kind).Select(c => c.Id).Distinct()];
        }
        Dictionary<string, AdapterRecord> adapters = adapterIds is { Length: 0 } ? [] : Adapters(adapterIds is null ? null : known);
        Dictionary<string, KeyRecord> keys = keyIds is { Length: 0 } ? [] : Keys(keyIds is null ? null : known);
        (AdapterRecord?, AdapterRecord?)[] changed =
            [.. (adapterIds ?? adapters.Keys.Union(known.Adapters.Select(a => a.Id))).Select(id => (known.Row(id), adapters.GetValueOrDefault(id)))];
        (KeyRecord?, KeyRecord?)[] changedKeys =
            [.. (keyIds ?? keys.Keys.Union(known.Keys.Select(k => k.Id))).Select(id => (known.Key(id), keys.GetValueOrDefault(id)))];
        return new RegistryChange(known.After(generation, changed, changedKeys), changed, changedKeys);
    }

    // Those that changed since; null: all.
    private Dictionary<string, AdapterRecord> Adapters(RegistrySnapshot? since)
    {
        Dictionary<string, AdapterRecord> found = new(StringComparer.Ordinal);
        ILookup<string, VersionRow> versions = Query<VersionRow>($"SELECT * FROM versions{Among("adapter", ChangeRow.Adapter, since)} ORDER BY version DESC", since).ToLookup(v => v.Adapter);
        ILookup<string, AliasRow> aliases = Query<AliasRow>($"SELECT adapter, alias FROM aliases{Among("adapter", ChangeRow.Adapter, since)} ORDER BY alias", since).ToLookup(a => a.Adapter);
        foreach (AdapterRow row in Query<AdapterRow>($"SELECT id, tenant, name, created, active, pinned FROM adapters{Among("id", ChangeRow.Adapter, since)}", since))
        {
            StoredVersion[] own = [.. versions[row.Id].Select(v => v.ToVersion())];
            if (own.FirstOrDefault(v => v.Version == row.Active) is { } active)
            {
                found.Add(row.Id, new AdapterRecord(row.Id, row.Tenant, row.Name, row.Created, row.Pinned != 0, active, own, [.. aliases[row.Id].Select(a => a.Alias)]));
            }
        }
        return found;
    }

    private Dictionary<string, KeyRecord> Keys(RegistrySnapshot? since) =>
        Query<KeyRow>($"SELECT id, tenant, label, scopes, patterns, secret, created, expires, limits FROM keys{Among("id", ChangeRow.Key, since)}", since)
            .Select(KeyText.Read).ToDictionary(k => k.Id, StringComparer.Ordinal);

    private static string Among(string column, string kind, RegistrySnapshot? since) =>
        since is null ? "" : $" WHERE {column} IN (SELECT id FROM changes WHERE generation > @Generation AND kind = '{kind}')";

    private List<T> Query<T>(string text, RegistrySnapshot? since)
    {
        List<T> rows = [.. connection.Query<T>(text, new { Generation = since?.Generation ?? 0 }, transaction)];
        Rows += rows.Count;
        return rows;
    }
}
