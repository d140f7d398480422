using System.Runtime.CompilerServices;
using System.Text;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

namespace Lorikeet.Server.Tests;

/// <summary>An engine that says what a test tells it to, byte by byte, and can be held.</summary>
internal sealed class ScriptedInference(IInference inner, Func<GenerationRequest, string> script) : IInference
{
    /// <summary>Where it is set, answers wait for it before each token.</summary>
    public SemaphoreSlim? Gate { get; set; }

    public int Started { get; private set; }

    public int Cancelled { get; private set; }

    public LanguageModel Model => inner.Model;

    public Tokenizer Tokenizer => inner.Tokenizer;

    public bool IsRunning => inner.IsRunning;

    public EngineStatistics Statistics => inner.Statistics;

    public async IAsyncEnumerable<GenerationEvent> RunAsync(IReadOnlyList<GenerationRequest> requests, [EnumeratorCancellation] CancellationToken stop)
    {
        Started++;
        bool done = false;
        try
        {
            for (int id = 0; id < requests.Count; id++)
            {
                byte[] bytes = Encoding.UTF8.GetBytes(script(requests[id]));
                for (int choice = 0; choice < requests[id].Choices; choice++)
                {
                    TextStream text = Tokenizer.Stream();
                    for (int i = 0; i <= bytes.Length; i++)
                    {
                        if (Gate is { } gate)
                        {
                            await gate.WaitAsync(stop);
                        }
                        bool end = i == bytes.Length;
                        bool cut = !end && i + 1 >= requests[id].MaxTokens;
                        int token = end ? 256 : bytes[i];
                        string piece = end ? text.Close() : text.Push(token) + (cut ? text.Close() : "");
                        yield return new GenerationEvent(id, token, piece, end ? FinishReason.Stop : cut ? FinishReason.Length : FinishReason.None) { Choice = choice };
                        if (cut)
                        {
                            break;
                        }
                    }
                }
            }
            done = true;
        }
        finally
        {
            Cancelled += done ? 0 : 1;
        }
    }

    public IReadOnlyList<AdapterShare> Shares(AdapterBinding binding) => inner.Shares(binding);

    public Task LoadAsync(BoundAdapter adapter, CancellationToken stop) => inner.LoadAsync(adapter, stop);

    public Task LeftAsync(string tenant, IReadOnlyList<StoredVersion> versions, CancellationToken stop) => inner.LeftAsync(tenant, versions, stop);

    public void Follow(RegistryChange change) => inner.Follow(change);

    public (string Tenant, StoredVersion? Version, bool Pinned) Describe(AdapterVersion version) => inner.Describe(version);

    public string State(string tenant, StoredVersion version) => inner.State(tenant, version);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
