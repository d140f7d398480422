using System.Runtime.CompilerServices;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

namespace Lorikeet.Server.Tests;

/// <summary>An engine whose events a test lets through one by one: what is under way stays under way until it is let go.</summary>
internal class HeldInference(IInference inner) : IInference
{
    private int started, cancelled;

    /// <summary>Where it is set when a request begins, that request waits for it before each event, and before the engine hears of it.</summary>
    public SemaphoreSlim? Gate { get; set; }

    public int Started => Volatile.Read(ref started);

    public int Cancelled => Volatile.Read(ref cancelled);

    public LanguageModel Model => inner.Model;

    public Tokenizer Tokenizer => inner.Tokenizer;

    public bool IsRunning => inner.IsRunning;

    public EngineStatistics Statistics => inner.Statistics;

    public async IAsyncEnumerable<GenerationEvent> RunAsync(IReadOnlyList<GenerationRequest> requests, [EnumeratorCancellation] CancellationToken stop)
    {
        SemaphoreSlim? gate = Gate;
        Interlocked.Increment(ref started);
        bool done = false;
        try
        {
            await using IAsyncEnumerator<GenerationEvent> events = EventsAsync(requests, stop).GetAsyncEnumerator(stop);
            while (true)
            {
                if (gate is not null)
                {
                    await gate.WaitAsync(stop);
                }
                if (!await events.MoveNextAsync())
                {
                    break;
                }
                yield return events.Current;
            }
            done = true;
        }
        finally
        {
            Interlocked.Add(ref cancelled, done ? 0 : 1);
        }
    }

    public IReadOnlyList<AdapterShare> Shares(AdapterBinding binding) => inner.Shares(binding);

    public Task LoadAsync(BoundAdapter adapter, CancellationToken stop) => inner.LoadAsync(adapter, stop);

    public Task LeftAsync(string tenant, IReadOnlyList<StoredVersion> versions, CancellationToken stop) => inner.LeftAsync(tenant, versions, stop);

    public void Follow(RegistryChange change) => inner.Follow(change);

    public (string Tenant, StoredVersion? Version, bool Pinned) Describe(AdapterVersion version) => inner.Describe(version);

    public string State(string tenant, StoredVersion version) => inner.State(tenant, version);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    /// <summary>The engine's own.</summary>
    protected virtual IAsyncEnumerable<GenerationEvent> EventsAsync(IReadOnlyList<GenerationRequest> requests, CancellationToken stop) => inner.RunAsync(requests, stop);
}
