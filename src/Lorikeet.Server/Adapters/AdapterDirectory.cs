using System.Collections.Concurrent;
using Lorikeet.Models.Files;

namespace Lorikeet.Server;

/// <summary>Finds what a request's <c>model</c> means for its caller: the base, a registered adapter of the tenant, a shared one, one in the adapter folder.</summary>
internal sealed class AdapterDirectory
{
    // What TGI's clients call whatever is served.
    private const string AnyBase = "tgi";

    private readonly Registry registry;
    private readonly ServerOptions options;
    private readonly AdapterCheck check;
    private readonly HashSet<string> baseNames;
    private long resolved;
    private readonly ConcurrentDictionary<(string Tenant, string Name), Lazy<Task<AdapterRecord?>>> resolving = [];

    public AdapterDirectory(Registry registry, ServerOptions options, AdapterCheck check)
    {
        this.registry = registry;
        this.options = options;
        this.check = check;
        BaseNames = options.ServedNames.Count > 0 ? options.ServedNames : [Path.GetFileName(Path.TrimEndingDirectorySeparator(options.Model))];
        baseNames = [.. BaseNames];
    }

    /// <summary>How often the adapter folder was asked for a name.</summary>
    public long Resolved => Interlocked.Read(ref resolved);

    /// <summary>The names of the base, its own first.</summary>
    public IReadOnlyList<string> BaseNames { get; }

    public string BaseName => BaseNames[0];

    public bool IsBase(string name) => baseNames.Contains(name);

    /// <summary>The adapter that a name means to a caller, with the version it asks for; null: the base.</summary>
    /// <exception cref="ApiException">404, the same for names unknown, foreign and forbidden; 400 where the adapter folder has it but it cannot be used.</exception>
    public async Task<BoundAdapter?> FindAsync(Caller caller, string? name, string param, CancellationToken stop)
    {
        string asked = string.IsNullOrEmpty(name) ? BaseName : name;
        bool isBase = IsBase(asked);
        int at = isBase ? -1 : asked.LastIndexOf('@');
        string plain = at > 0 ? asked[..at] : asked;
        string? version = at > 0 ? asked[(at + 1)..] : null;
        // All three run whatever the others say: what a refused name costs does not depend on whether it exists.
        bool may = caller.May(isBase ? asked : plain);
        AdapterRecord? own = registry.Snapshot.Find(caller.Tenant, plain);
        AdapterRecord? shared = registry.Snapshot.Find(Caller.SharedTenant, plain);
        AdapterRecord? found = own ?? shared;
        if (isBase && may)
        {
            return null;
        }
        // SGLang's form, where the whole is no name.
        if (found is null && !isBase && may && plain.IndexOf(':', StringComparison.Ordinal) is > 0 and int colon && IsBase(plain[..colon]))
        {
            string inner = asked[(colon + 1)..];
            return inner.Length == 0 ? throw ApiException.NoModel(asked, param) : await FindAsync(caller, inner, param, stop);
        }
        if (found is null && may && options.AdapterFolder is not null && AdapterNames.Fault(plain, options.AnyLetters) is null)
        {
            found = await ResolveAsync(caller.Tenant, plain, stop);
        }
        if (found is null && asked == AnyBase && caller.May(BaseName))
        {
            return null;
        }
        if (found is null || !may || (version is null ? found.Active : found.Find(version)) is not { } bound)
        {
            throw ApiException.NoModel(asked, param);
        }
        return new BoundAdapter(found.Tenant, found.Name, bound, 1, found.Pinned);
    }

    /// <summary>What a caller may use, by name: its own, then shared ones that no own name hides.</summary>
    public IReadOnlyList<AdapterRecord> Visible(Caller caller)
    {
        Dictionary<string, AdapterRecord> names = new(StringComparer.Ordinal);
        foreach (AdapterRecord adapter in registry.Snapshot.Adapters)
        {
            if ((adapter.Tenant == caller.Tenant || (adapter.Tenant == Caller.SharedTenant && !names.ContainsKey(adapter.Name))) && caller.May(adapter.Name))
            {
                names[adapter.Name] = adapter;
            }
        }
        return [.. names.Values.OrderBy(a => a.Name, StringComparer.Ordinal)];
    }

    /// <summary>Registers a folder under a name, as a new adapter or its next version; the same content again changes nothing.</summary>
    public async Task<AdapterRecord> RegisterAsync(string tenant, string name, string folder, bool pinned, double scale, bool managed, CancellationToken stop)
    {
        StoredVersion version = await ReadAsync(tenant, name, folder, scale, managed, stop);
        return IsNew(version) || registry.Snapshot.Find(tenant, name) is not { } known ? await WriteAsync(tenant, name, version, pinned, (_, _) => { }) : known;
    }

    /// <summary>Registers folders for everybody in one write: the registry is read once however many there are.</summary>
    /// <exception cref="BadFileException">A folder holds no adapter of this model.</exception>
    public async Task RegisterAllAsync(IEnumerable<KeyValuePair<string, string>> folders, CancellationToken stop)
    {
        List<(string Name, StoredVersion Version)> fresh = [];
        foreach ((string name, string folder) in folders)
        {
            try
            {
                StoredVersion version = await ReadAsync(Caller.SharedTenant, name, Path.GetFullPath(BundledFolder.Resolve(folder)), 1, managed: false, stop);
                if (IsNew(version))
                {
                    fresh.Add((name, version));
                }
            }
            catch (ApiException e)
            {
                throw new BadFileException($"adapter {name}: {e.Message}", e);
            }
        }
        if (fresh.Count > 0)
        {
            await registry.WriteAsync(writer =>
            {
                foreach ((string name, StoredVersion version) in fresh)
                {
                    Write(writer, writer.Find(Caller.SharedTenant, name), Caller.SharedTenant, name, version, pinned: false);
                }
                return fresh.Count;
            });
        }
    }

    /// <summary>Checks a folder and describes it as a version; where the name has that content already, its active version.</summary>
    /// <exception cref="ApiException">400: the files cannot be used.</exception>
    public async Task<StoredVersion> ReadAsync(string tenant, string name, string folder, double scale, bool managed, CancellationToken stop)
    {
        (string hash, long bytes) = await AdapterFiles.HashAsync(folder, stop);
        if (registry.Snapshot.Find(tenant, name) is { Active: { } active } known && known.Name == name && active.Hash == hash && active.Folder == folder && active.Scale == scale)
        {
            return active;
        }
        (string kind, int rank) = await Task.Run(() => check.Run(folder), stop);
        return new StoredVersion("", 0, hash, kind, rank, bytes, BaseName, registry.Now, folder, managed, scale);
    }

    /// <summary>Gives a name a version.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="name">The name.</param>
    /// <param name="version">What <see cref="ReadAsync"/> gave.</param>
    /// <param name="pinned">Whether it is pinned from now on; false: a name keeps what it has.</param>
    /// <param name="check">Refuses it, with the name's present record or null, in the transaction that writes.</param>
    public async Task<AdapterRecord> WriteAsync(string tenant, string name, StoredVersion version, bool pinned, Action<RegistryWriter, AdapterRecord?> check) =>
        await registry.WriteAsync(writer =>
        {
            AdapterRecord? adapter = writer.Find(tenant, name);
            check(writer, adapter);
            Write(writer, adapter, tenant, name, version, pinned);
            return writer.Find(tenant, name)!;
        });

    // What has a row already is the active version of its name.
    private static bool IsNew(StoredVersion version) => version.Id.Length == 0;

    private void Write(RegistryWriter writer, AdapterRecord? adapter, string tenant, string name, StoredVersion version, bool pinned)
    {
        if (adapter is null)
        {
            writer.Create(tenant, name, version, pinned);
            return;
        }
        if (IsNew(version))
        {
            writer.Append(adapter, version, options.Limits.Versions);
        }
        if (pinned && !adapter.Pinned)
        {
            writer.Pin(adapter, true);
        }
    }

    // Two requests for one new name cause one load, and both wait.
    private async Task<AdapterRecord?> ResolveAsync(string tenant, string name, CancellationToken stop)
    {
        Interlocked.Increment(ref resolved);
        Lazy<Task<AdapterRecord?>> resolution = resolving.GetOrAdd((tenant, name), key => new Lazy<Task<AdapterRecord?>>(() => ResolveOnceAsync(key.Tenant, key.Name)));
        try
        {
            return await resolution.Value.WaitAsync(stop);
        }
        finally
        {
            if (resolution.IsValueCreated && resolution.Value.IsCompleted)
            {
                resolving.TryRemove(new((tenant, name), resolution));
            }
        }
    }

    private async Task<AdapterRecord?> ResolveOnceAsync(string tenant, string name)
    {
        string root = Path.GetFullPath(BundledFolder.Resolve(options.AdapterFolder!));
        string folder = Path.GetFullPath(Path.Combine(root, name));
        if (!folder.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal) || !File.Exists(Path.Combine(folder, Lorikeet.Adapters.AdapterFolder.ConfigName)))
        {
            return null;
        }
        return LeavesRoots(folder, [root])
            ? throw AdapterCheck.Invalid("model", "a link leads out of the adapter folder")
            : await RegisterAsync(tenant, name, folder, pinned: false, scale: 1, managed: false, CancellationToken.None);
    }

    /// <summary>Whether a folder or one of an adapter's files in it leads, by links, out of some roots.</summary>
    public static bool LeavesRoots(string folder, IReadOnlyList<string> roots)
    {
        if (roots.Count == 0)
        {
            return false;
        }
        string[] allowed = [.. roots.Select(r => RealPath(Path.GetFullPath(r)))];
        return AdapterFiles.Names.Select(n => Path.Combine(folder, n)).Where(File.Exists).Append(folder).Any(p =>
        {
            string real = RealPath(p);
            return !allowed.Any(r => real == r || real.StartsWith(r + Path.DirectorySeparatorChar, StringComparison.Ordinal));
        });
    }

    // Every link of the way followed, not only the last.
    private static string RealPath(string path)
    {
        string real = Path.GetPathRoot(path)!;
        int links = 0;
        Stack<string> left = new(path[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse());
        while (left.TryPop(out string? part))
        {
            string next = Path.GetFullPath(Path.Combine(real, part));
            FileSystemInfo info = Directory.Exists(next) ? new DirectoryInfo(next) : new FileInfo(next);
            if (info.LinkTarget is not { } target)
            {
                real = next;
                continue;
            }
            if (++links > 40)
            {
                throw new BadFileException($"{path} goes round in links");
            }
            string full = Path.GetFullPath(Path.Combine(real, target));
            real = Path.GetPathRoot(full)!;
            foreach (string piece in full[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse())
            {
                left.Push(piece);
            }
        }
        return real;
    }
}
