using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>What the server needs of an engine; the engine's host is one, tests have another.</summary>
internal interface IInference : IAsyncDisposable
{
    LanguageModel Model { get; }

    Tokenizer Tokenizer { get; }

    /// <summary>Whether the engine's thread runs.</summary>
    bool IsRunning { get; }

    /// <summary>Runs requests that enter the queue together; events name them by their place in the list.</summary>
    IAsyncEnumerable<GenerationEvent> RunAsync(IReadOnlyList<GenerationRequest> requests, CancellationToken stop);

    /// <summary>The engine's shares of what a request was bound to.</summary>
    IReadOnlyList<AdapterShare> Shares(AdapterBinding binding);

    /// <summary>Brings an adapter into memory.</summary>
    /// <exception cref="AdapterLoadException">It cannot be used.</exception>
    Task LoadAsync(BoundAdapter adapter, CancellationToken stop);

    /// <summary>Ends when no request runs with versions that the registry has dropped, and their memory is free; at once for versions that it still has.</summary>
    Task LeftAsync(string tenant, IReadOnlyList<StoredVersion> versions, CancellationToken stop);

    /// <summary>Follows the registry: versions that are gone leave with their last request, pinned ones stay in memory.</summary>
    void Follow(RegistryChange change);

    /// <summary>Where a version is: <c>stored</c>, <c>loading</c>, <c>resident</c>.</summary>
    string State(string tenant, StoredVersion version);

    /// <summary>What a version of the engine's figures is in the registry, null where that is gone; whose it is; and whether it is pinned.</summary>
    (string Tenant, StoredVersion? Version, bool Pinned) Describe(AdapterVersion version);

    /// <summary>The engine's figures, read without waiting for it.</summary>
    EngineStatistics Statistics { get; }
}
