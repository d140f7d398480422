using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Serving;
using Lorikeet.Tensors;

namespace Lorikeet.Server;

/// <summary>The engine behind the server: one host, and the engine's versions of the registry's adapters.</summary>
internal sealed class EngineInference : IInference
{
    private readonly LanguageModel model;
    private readonly EngineHost host;
    // Equal bytes in two tenants are two residents; one strength of a version is one entry.
    private readonly ConcurrentDictionary<(string Tenant, string Hash), AdapterVersion> versions = [];
    private readonly ConcurrentDictionary<(string Tenant, string Hash), Task> leaving = [];
    private readonly ConcurrentDictionary<AdapterVersion, (string Tenant, StoredVersion Stored, bool Pinned)> stored = [];

    public EngineInference(LanguageModel model, Tokenizer tokenizer, EngineOptions options)
    {
        this.model = model;
        Tokenizer = tokenizer;
        host = new EngineHost(model, tokenizer, options);
    }

    /// <summary>Loads the model of the options.</summary>
    public static EngineInference Load(ServerOptions options)
    {
        Tokenizer tokenizer = Tokenizer.Load(ModelLocation.Resolve(options.Model));
        LanguageModel model = ModelLoader.Load(options.Model, new ModelLoadOptions { ConvertTo = options.Weights });
        try
        {
            return new EngineInference(model, tokenizer, options.Engine);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    public LanguageModel Model => model;

    public Tokenizer Tokenizer { get; }

    public bool IsRunning => host.IsAccepting;

    /// <summary>Adapter versions that were asked for and are still registered.</summary>
    public int KnownVersions => versions.Count;

    /// <summary>The host, for checks of its memory.</summary>
    public EngineHost Host => host;

    public EngineStatistics Statistics => host.Statistics;

    public async IAsyncEnumerable<GenerationEvent> RunAsync(IReadOnlyList<GenerationRequest> requests, [EnumeratorCancellation] CancellationToken stop)
    {
        if (requests.Count == 1)
        {
            await using GenerationStream only = Submit(requests[0]);
            await foreach (GenerationEvent next in only.Events.ReadAllAsync(stop))
            {
                yield return next with { Id = 0 };
            }
            yield break;
        }
        List<GenerationStream> streams = new(requests.Count);
        Channel<GenerationEvent> merged = Channel.CreateUnbounded<GenerationEvent>(new UnboundedChannelOptions { SingleReader = true });
        try
        {
            foreach (GenerationRequest request in requests)
            {
                streams.Add(Submit(request));
            }
            Task all = Task.WhenAll(streams.Select((stream, index) => PumpAsync(stream, index, merged.Writer, stop)))
                .ContinueWith(done => merged.Writer.TryComplete(done.Exception?.InnerException), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            await foreach (GenerationEvent next in merged.Reader.ReadAllAsync(stop))
            {
                yield return next;
            }
            await all;
        }
        finally
        {
            foreach (GenerationStream stream in streams)
            {
                await stream.DisposeAsync();
            }
        }
    }

    public IReadOnlyList<AdapterShare> Shares(AdapterBinding binding) =>
        // Two names of equal content are one adapter: their weights add up.
        [.. binding.Entries.GroupBy(e => Of(e.Tenant, e.Name, e.Version)).Select(g => new AdapterShare(g.Key, (float)g.Sum(e => e.Weight * e.Version.Scale)))];

    public Task LoadAsync(BoundAdapter adapter, CancellationToken stop) => host.LoadAsync(Of(adapter.Tenant, adapter.Name, adapter.Version), stop);

    public Task LeftAsync(string tenant, IReadOnlyList<StoredVersion> versions, CancellationToken stop) =>
        Task.WhenAll(versions.Select(v => leaving.GetValueOrDefault((tenant, v.Hash), Task.CompletedTask))).WaitAsync(stop);

    public void Follow(RegistryChange change)
    {
        RegistrySnapshot snapshot = change.Snapshot;
        // What was read from files that are going is let go, even where another name has equal ones: that reads its own when it is asked for.
        HashSet<(string Tenant, string Hash)> gone = [];
        foreach (KeyValuePair<(string Tenant, string Hash), AdapterVersion> held in versions)
        {
            if (!Has(snapshot, held.Key.Tenant, held.Key.Hash, held.Value.Source.Place) && versions.TryRemove(held))
            {
                gone.Add(held.Key);
                stored.TryRemove(held.Value, out _);
                Task left = LeaveAsync(held.Value);
                leaving[held.Key] = left;
                Forget(left.ContinueWith(t => leaving.TryRemove(new KeyValuePair<(string, string), Task>(held.Key, t)), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default));
            }
        }
        IEnumerable<AdapterRecord> now = change.Adapters.Select(c => c.After).OfType<AdapterRecord>();
        foreach (AdapterRecord adapter in now.TakeLast(ReadyMemory.MostBlocks))
        {
            Forget(host.ExpectAsync(adapter.Active.Bytes));
        }
        // Where a name that is pinned shared what has been let go, it is read again.
        foreach (AdapterRecord adapter in now.Concat(gone.SelectMany(g => snapshot.With(g.Tenant, g.Hash))).Where(a => a.Pinned))
        {
            AdapterVersion kept = Of(adapter.Tenant, adapter.Name, adapter.Active);
            stored[kept] = (adapter.Tenant, adapter.Active, true);
            Forget(host.PinAsync(kept));
            Forget(host.LoadAsync(kept));
        }
        foreach (AdapterRecord adapter in change.Adapters.Select(c => c.Before).OfType<AdapterRecord>().Concat(now))
        {
            foreach (StoredVersion version in adapter.Versions)
            {
                if (versions.TryGetValue((adapter.Tenant, version.Hash), out AdapterVersion? unpinned)
                    && !snapshot.With(adapter.Tenant, version.Hash).Any(a => a.Pinned && a.Active.Hash == version.Hash))
                {
                    stored[unpinned] = (adapter.Tenant, version, false);
                    Forget(host.PinAsync(unpinned, pinned: false));
                }
            }
        }
    }

    public (string Tenant, StoredVersion? Version, bool Pinned) Describe(AdapterVersion version) =>
        stored.TryGetValue(version, out (string Tenant, StoredVersion Stored, bool Pinned) known) ? known : ("", null, false);

    public string State(string tenant, StoredVersion version) =>
        !versions.TryGetValue((tenant, version.Hash), out AdapterVersion? known) ? "stored"
        : known.Figures.Bytes > 0 ? "resident"
        : host.Statistics.LoadingAdapters.Contains(known) ? "loading"
        : "stored";

    public async ValueTask DisposeAsync()
    {
        await Task.Run(host.Dispose);
        model.Dispose();
    }

    private AdapterVersion Of(string tenant, string name, StoredVersion version)
    {
        AdapterVersion held = versions.GetOrAdd((tenant, version.Hash), _ => Make());
        // Made for a request that outlived its name, when another name of equal files had not been asked for: those files may be gone by now.
        if (held.Source.Place != version.Folder && !Directory.Exists(held.Source.Place) && versions.TryUpdate((tenant, version.Hash), Make(), held))
        {
            stored.TryRemove(held, out _);
            Forget(host.RetireAsync(held));
            return Of(tenant, name, version);
        }
        return held;

        AdapterVersion Make()
        {
            AdapterVersion made = new(name, AdapterSource.Folder(version.Folder), version.Hash);
            stored[made] = (tenant, version, false);
            return made;
        }
    }

    private static bool Has(RegistrySnapshot snapshot, string tenant, string hash, string place)
    {
        foreach (AdapterRecord adapter in snapshot.With(tenant, hash))
        {
            foreach (StoredVersion version in adapter.Versions)
            {
                if (version.Hash == hash && (version.Folder == place || Path.TrimEndingDirectorySeparator(Path.GetFullPath(version.Folder)) == place))
                {
                    return true;
                }
            }
        }
        return false;
    }

    private async Task LeaveAsync(AdapterVersion version)
    {
        await host.RetireAsync(version);
        await host.LeftAsync(version);
    }

    private GenerationStream Submit(GenerationRequest request)
    {
        try
        {
            return host.Submit(request);
        }
        catch (EngineBusyException e)
        {
            throw ApiException.Busy("server_overloaded", e.Message, 1);
        }
        catch (ObjectDisposedException)
        {
            throw ApiException.Unavailable("service_unavailable", "the server is stopping");
        }
        catch (ArgumentException e)
        {
            throw ApiException.Value(null, e.Message);
        }
    }

    private static async Task PumpAsync(GenerationStream stream, int index, ChannelWriter<GenerationEvent> to, CancellationToken stop)
    {
        await foreach (GenerationEvent next in stream.Events.ReadAllAsync(stop))
        {
            to.TryWrite(next with { Id = index });
        }
    }

    // What a background load fails with is told to the request that needs it.
    private static void Forget(Task task) => task.ContinueWith(t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
}
