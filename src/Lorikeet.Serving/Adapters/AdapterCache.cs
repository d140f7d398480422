using Lorikeet.Adapters;
using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>The adapters of one model by folder: each is read once however many requests use it, and freed when room is needed and nobody does.</summary>
/// <remarks>Thread-safe. A folder's files are read at its first use; while it is in the cache, changes on disk are not seen.</remarks>
public sealed class AdapterCache : IDisposable
{
    private readonly LanguageModel model;
    private readonly Func<string, Adapter> load;
    private readonly Lock gate = new();
    private readonly Dictionary<string, Entry> entries = new(StringComparer.Ordinal);
    private long clock;

    /// <summary>An empty cache.</summary>
    /// <param name="model">The model.</param>
    /// <param name="budgetBytes">Unused adapters are freed, those unused longest first, while all together are larger.</param>
    /// <param name="factors">How low-rank factors are kept while they serve.</param>
    public AdapterCache(LanguageModel model, long budgetBytes = long.MaxValue, FactorStorage factors = FactorStorage.Exact)
        : this(
            model,
            budgetBytes,
            folder =>
            {
                Adapter adapter = AdapterFolder.Load(folder, model);
                adapter.Factors = factors;
                return adapter;
            })
    {
    }

    internal AdapterCache(LanguageModel model, long budgetBytes, Func<string, Adapter> load)
    {
        this.model = model;
        this.load = load;
        BudgetBytes = budgetBytes;
    }

    /// <summary>The size above which unused adapters are freed.</summary>
    public long BudgetBytes { get; }

    /// <summary>How often an adapter was read from its files.</summary>
    public long Loads { get; private set; }

    /// <summary>Adapters in memory.</summary>
    public int Count
    {
        get
        {
            lock (gate)
            {
                return entries.Count;
            }
        }
    }

    /// <summary>Lends an adapter; give it back with <see cref="AdapterLease.Dispose"/> when its requests have ended.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <exception cref="IOException">The files are absent or wrong.</exception>
    /// <exception cref="NotSupportedException">The adapter's method is not built.</exception>
    public AdapterLease Rent(string folder)
    {
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        // Loading inside the lock: two requests for one new adapter cause one load, and both wait.
        lock (gate)
        {
            if (!entries.TryGetValue(path, out Entry? entry))
            {
                Adapter adapter = load(path);
                if (!ReferenceEquals(adapter.Model, model))
                {
                    adapter.Dispose();
                    throw new InvalidOperationException($"{path}: the adapter was read for another model");
                }
                entries[path] = entry = new Entry(adapter, ParameterBytes(adapter));
                Loads++;
            }
            entry.Users++;
            entry.LastUse = ++clock;
            MakeRoom();
            return new AdapterLease(this, path, entry.Adapter);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            foreach (Entry entry in entries.Values)
            {
                entry.Adapter.Dispose();
            }
            entries.Clear();
        }
    }

    internal void Return(string path)
    {
        lock (gate)
        {
            if (entries.TryGetValue(path, out Entry? entry))
            {
                entry.Users--;
                MakeRoom();
            }
        }
    }

    private void MakeRoom()
    {
        long bytes = 0;
        foreach (Entry entry in entries.Values)
        {
            bytes += entry.Bytes;
        }
        while (bytes > BudgetBytes)
        {
            string? oldest = null;
            foreach ((string path, Entry entry) in entries)
            {
                if (entry.Users == 0 && (oldest is null || entry.LastUse < entries[oldest].LastUse))
                {
                    oldest = path;
                }
            }
            if (oldest is null)
            {
                return;
            }
            bytes -= entries[oldest].Bytes;
            entries[oldest].Adapter.Dispose();
            entries.Remove(oldest);
        }
    }

    private static long ParameterBytes(Adapter adapter)
    {
        long floats = 0;
        foreach (Tensors.Parameter parameter in adapter.Parameters)
        {
            floats += parameter.Value.Shape.Length;
        }
        return sizeof(float) * floats;
    }

    private sealed class Entry(Adapter adapter, long parameterBytes)
    {
        public Adapter Adapter { get; } = adapter;

        /// <summary>Parameters and batched forms; before the first use has made the forms, as much again as the parameters.</summary>
        public long Bytes => parameterBytes + Math.Max(parameterBytes, Adapter.FormBytes);

        public int Users { get; set; }

        public long LastUse { get; set; }
    }
}

/// <summary>An adapter on loan from a cache.</summary>
public sealed class AdapterLease : IDisposable
{
    private readonly string path;
    private AdapterCache? cache;

    internal AdapterLease(AdapterCache cache, string path, Adapter adapter)
    {
        this.cache = cache;
        this.path = path;
        Adapter = adapter;
    }

    /// <summary>The adapter; valid until the lease is given back.</summary>
    public Adapter Adapter { get; }

    /// <summary>Gives the adapter back.</summary>
    public void Dispose()
    {
        Interlocked.Exchange(ref cache, null)?.Return(path);
    }
}
