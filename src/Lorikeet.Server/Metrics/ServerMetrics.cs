using System.Collections.Concurrent;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>What is counted while requests run; atomics only.</summary>
internal sealed class ServerMetrics(TimeProvider clock, int context)
{
    private const int MostNames = 100;
    private static readonly double[] FirstToken = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560];
    private static readonly double[] BetweenTokens = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
    private static readonly double[] Latency = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];

    private readonly BusiestAdapters adapters = new(MostNames);
    private readonly ConcurrentDictionary<string, long[]> rejected = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Tenant, string Reason), long[]> throttled = [];

    public TimeProvider Clock => clock;

    public AtomicHistogram TimeToFirstToken { get; } = new(FirstToken);

    public AtomicHistogram InterToken { get; } = new(BetweenTokens);

    public AtomicHistogram TimePerToken { get; } = new(BetweenTokens);

    public AtomicHistogram EndToEnd { get; } = new(Latency);

    public AtomicHistogram QueueTime { get; } = new(Latency);

    public AtomicHistogram InferenceTime { get; } = new(Latency);

    public AtomicHistogram PrefillTime { get; } = new(Latency);

    public AtomicHistogram DecodeTime { get; } = new(Latency);

    public AtomicHistogram PromptTokens { get; } = new(AtomicHistogram.Steps(context));

    public AtomicHistogram GenerationTokens { get; } = new(AtomicHistogram.Steps(context));

    public AtomicHistogram MaxGenerationTokens { get; } = new(AtomicHistogram.Steps(context));

    public AtomicHistogram ParamsMaxTokens { get; } = new(AtomicHistogram.Steps(context));

    public AtomicHistogram ParamsN { get; } = new(1, 2, 5, 10, 20);

    /// <summary>How requests ended: stop, length, abort.</summary>
    public ConcurrentDictionary<string, long[]> Ended { get; } = new(new Dictionary<string, long[]> { ["stop"] = [0], ["length"] = [0], ["abort"] = [0] });

    /// <summary>HTTP requests by method, class of status and handler.</summary>
    public ConcurrentDictionary<(string Method, string Status, string Handler), long[]> Http { get; } = [];

    public AtomicHistogram HttpSeconds { get; } = new(0.01, 0.1, 0.5, 1, 5, 10, 60);

    /// <summary>What the dashboard shows.</summary>
    public Traffic Traffic { get; } = new(clock);

    public IEnumerable<KeyValuePair<(string Tenant, string Adapter), AdapterCounts>> Adapters => adapters.All;

    public IEnumerable<KeyValuePair<string, long[]>> RejectedCounts => rejected;

    public IEnumerable<KeyValuePair<(string Tenant, string Reason), long[]>> ThrottledCounts => throttled;

    public void Rejected(string reason) => Interlocked.Increment(ref rejected.GetOrAdd(reason, _ => [0])[0]);

    public void Throttled(string tenant, string reason) =>
        Interlocked.Increment(ref throttled.GetOrAdd((throttled.Count < MostNames ? tenant : BusiestAdapters.Others, reason), _ => [0])[0]);

    /// <summary>A request begins to wait for the engine.</summary>
    public RequestTrace Begin(string tenant, AdapterBinding adapter, IReadOnlyList<GenerationRequest> requests)
    {
        foreach (GenerationRequest request in requests)
        {
            PromptTokens.Add(request.PromptLength);
            ParamsMaxTokens.Add(request.MaxTokens);
            ParamsN.Add(request.Choices);
        }
        return new RequestTrace(
            this, adapter.Single is { } one ? adapters.Of(tenant, one.Name) : null, adapter.Single?.Name, Traffic.Of(tenant, adapter).Begin(requests.Sum(r => (long)r.PromptLength)));
    }
}
