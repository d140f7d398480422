using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving;

/// <summary>The adapters in memory: read when a request in the queue wants one, kept while it is used, thrown out when room is needed and nobody uses it.</summary>
/// <remarks>Belongs to the engine's thread; only reading is done elsewhere. Their bytes and the keys' and values' share one budget.</remarks>
internal sealed class AdapterCache : IDisposable
{
    private const long MostReady = 512L << 20;
    private readonly Memory memory;
    private readonly ReadyMemory ready;
    private readonly bool readsAside;
    private readonly AdapterLoader loader;
    private readonly PrefixCache prefixes;
    private readonly Dictionary<AdapterVersion, AdapterEntry> entries = [];
    private long clock;

    public AdapterCache(LanguageModel model, Memory memory, PrefixCache prefixes, FactorStorage factors, int threads)
    {
        this.memory = memory;
        this.prefixes = prefixes;
        ready = new ReadyMemory(Math.Min(memory.Pool.BudgetBytes / 4, MostReady));
        // Where the step that wants an adapter reads it, nothing happens beside it.
        readsAside = threads > 0;
        loader = new AdapterLoader(model, factors, threads, readsAside ? ready : null);
    }

    /// <summary>Called on a loader's thread when a load ended.</summary>
    public Action? Loaded
    {
        set => loader.Finished = value;
    }

    /// <summary>The most bytes that a load may take at present; null: whatever is free.</summary>
    public Func<long>? Allowance { get; set; }

    /// <summary>Adapters in memory or on their way.</summary>
    public IReadOnlyCollection<AdapterEntry> Entries => entries.Values;

    /// <summary>Loads that have not been taken in yet.</summary>
    public int Loading => loader.Open;

    /// <summary>True: a load has ended and can be taken in.</summary>
    public bool HasLoaded => loader.HasLoaded;

    /// <summary>How long loads took.</summary>
    public Histogram LoadMicroseconds { get; } =
        new(1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000);

    public long Loads { get; private set; }

    public long LoadFailures { get; private set; }

    public long Evictions { get; private set; }

    /// <summary>Why the last load that failed did.</summary>
    public Exception? LastFailure { get; private set; }

    /// <summary>Changes whenever a sequence begins to use an adapter, or one is asked for.</summary>
    public long Uses => clock;

    /// <summary>Changes whenever an adapter comes, goes or fails.</summary>
    public long Changes { get; private set; }

    /// <summary>Says that an adapter of some size is likely to be asked for: memory is touched ahead, as far as the budget has room for it.</summary>
    public void Expect(long bytes)
    {
        if (readsAside)
        {
            ready.Expect(bytes, memory.Pool.FreeBytes);
        }
    }

    /// <summary>Asks for an adapter on behalf of a request in the queue; in this pass it stays.</summary>
    /// <param name="version">Which.</param>
    /// <param name="error">Why it can never be had; null.</param>
    public AdapterWish Want(AdapterVersion version, out Exception? error)
    {
        error = null;
        if (entries.TryGetValue(version, out AdapterEntry? entry))
        {
            entry.WantedInPass = memory.Pass;
            return entry.Adapter is null ? AdapterWish.Loading : AdapterWish.Ready;
        }
        long bytes;
        try
        {
            bytes = version.KnownBytes > 0 ? version.KnownBytes : version.Source.EstimateBytes();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            error = e;
            return AdapterWish.Failed;
        }
        if (bytes > memory.Pool.BudgetBytes)
        {
            error = new CacheTooSmallException($"adapter {version} takes {bytes} bytes; the cache has {memory.Pool.BudgetBytes}: raise the cache");
            return AdapterWish.Failed;
        }
        if (bytes > (Allowance?.Invoke() ?? long.MaxValue) || !memory.MakeRoom(bytes) || !memory.Pool.TryCharge(bytes))
        {
            return AdapterWish.NoRoom;
        }
        entries[version] = entry = new AdapterEntry(this, version, bytes) { WantedInPass = memory.Pass, LastUse = ++clock };
        Changes++;
        loader.Start(entry, memory.Pool.FreeBytes);
        return AdapterWish.Loading;
    }

    /// <summary>Takes in what was read since the last call.</summary>
    /// <param name="failed">Receives what could not be read, and why.</param>
    public void Poll(List<(AdapterVersion Version, Exception Error)> failed)
    {
        while (loader.TryTake(out LoadedAdapter result))
        {
            AdapterEntry entry = result.Entry;
            entry.Version.Count().CountLoad(result.Error is null, result.Took);
            LoadMicroseconds.Add((long)result.Took.TotalMicroseconds);
            Changes++;
            if (result.Error is not null)
            {
                LoadFailures++;
                LastFailure = result.Error;
                Drop(entry);
                failed.Add((entry.Version, result.Error));
                continue;
            }
            Loads++;
            TakeIn(entry, result.Adapter!);
        }
    }

    /// <summary>The entry of a version that is in memory; null: it is not.</summary>
    public AdapterEntry? Find(AdapterVersion version) => entries.TryGetValue(version, out AdapterEntry? entry) && entry.Adapter is not null ? entry : null;

    /// <summary>A running sequence uses an adapter.</summary>
    public void Use(AdapterEntry entry)
    {
        entry.Users++;
        entry.LastUse = ++clock;
        memory.Busy(entry);
    }

    /// <summary>A sequence that used it runs no more.</summary>
    public void Leave(AdapterEntry entry)
    {
        entry.Users--;
        Settle(entry);
    }

    /// <summary>Pins an adapter, or unpins it: pinned ones stay in memory from their next load on.</summary>
    public void Pin(AdapterVersion version, bool pinned)
    {
        version.IsPinned = pinned;
        if (entries.TryGetValue(version, out AdapterEntry? entry) && entry.Adapter is not null)
        {
            memory.Busy(entry);
            Settle(entry);
        }
    }

    /// <summary>A request is bound to a version.</summary>
    public void Bind(AdapterVersion version) => version.Bound++;

    /// <summary>A request that was bound to a version has ended.</summary>
    public void Unbind(AdapterVersion version)
    {
        if (--version.Bound == 0 && version.IsRetired)
        {
            Retire(version);
        }
    }

    /// <summary>No new request will ask for it: it goes with its last request, and with it the keys and values of its prompts.</summary>
    public void Retire(AdapterVersion version)
    {
        version.IsRetired = true;
        if (version.Bound > 0)
        {
            return;
        }
        if (entries.TryGetValue(version, out AdapterEntry? entry) && entry.Adapter is not null)
        {
            memory.Busy(entry);
            Settle(entry);
        }
        string key = AdapterIdentity.Part(version.Key);
        prefixes.Forget(identity => identity.Contains(key, StringComparison.Ordinal));
        SayLeft(version);
    }

    /// <summary>Ends when a retired version has left.</summary>
    public Task Left(AdapterVersion version)
    {
        if (!version.IsRetired)
        {
            throw new InvalidOperationException($"adapter {version} was not retired; it leaves when it was");
        }
        version.Leaving ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        SayLeft(version);
        return version.Leaving.Task;
    }

    /// <summary>Frees an adapter that nobody uses.</summary>
    public void Evict(AdapterEntry entry)
    {
        Evictions++;
        entry.Version.Count().CountEviction();
        Drop(entry);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        loader.Dispose();
        foreach (AdapterEntry entry in entries.Values.ToArray())
        {
            memory.Busy(entry);
            Drop(entry);
        }
        ready.Dispose();
    }

    private void TakeIn(AdapterEntry entry, Adapter adapter)
    {
        long bytes = adapter.Bytes;
        entry.Version.KnownBytes = Math.Max(bytes, 1);
        memory.Pool.Discharge(entry.Bytes);
        entry.SetBytes(0);
        if (bytes > (Allowance?.Invoke() ?? long.MaxValue) || !memory.MakeRoom(bytes) || !memory.Pool.TryCharge(bytes))
        {
            // It is larger than its files let expect. Next time its size is known before it is read.
            adapter.Dispose();
            Drop(entry);
            return;
        }
        entry.SetBytes(bytes);
        entry.Adapter = adapter;
        entry.Version.Count().SetBytes(bytes);
        Settle(entry);
    }

    private void Settle(AdapterEntry entry)
    {
        if (entry.Users > 0)
        {
            return;
        }
        if (entry.Version.IsRetired && entry.Version.Bound == 0)
        {
            Drop(entry);
        }
        else if (!entry.Version.IsPinned)
        {
            memory.Idle(entry);
        }
    }

    private void Drop(AdapterEntry entry)
    {
        entries.Remove(entry.Version);
        memory.Pool.Discharge(entry.Bytes);
        entry.SetBytes(0);
        entry.Version.Count().SetBytes(0);
        entry.Adapter?.Dispose();
        entry.Adapter = null;
        Changes++;
        SayLeft(entry.Version);
    }

    private void SayLeft(AdapterVersion version)
    {
        if (version.IsRetired && version.Bound == 0 && !entries.ContainsKey(version))
        {
            version.Leaving?.TrySetResult();
        }
    }
}

/// <summary>How an adapter stands that a request wants.</summary>
internal enum AdapterWish
{
    /// <summary>It is in memory.</summary>
    Ready,

    /// <summary>It is being read.</summary>
    Loading,

    /// <summary>There is no room for it at present.</summary>
    NoRoom,

    /// <summary>It can never be had.</summary>
    Failed,
}
