using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Lorikeet.Models;
using Lorikeet.Models.Text;

namespace Lorikeet.Serving;

/// <summary>Lists of requests and whole texts over an <see cref="EngineHost"/>: any number of callers at once share its batches.</summary>
public sealed class TextGenerator : IDisposable
{
    /// <summary>Starts a generator.</summary>
    /// <param name="model">The model; the caller keeps it, and does not use it while answers are generated.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="options">The engine's limits; null: the defaults.</param>
    public TextGenerator(LanguageModel model, Tokenizer tokenizer, EngineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        Host = new EngineHost(model, tokenizer, options);
        Tokenizer = tokenizer;
    }

    /// <summary>The tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The host.</summary>
    public EngineHost Host { get; }

    /// <summary>Generates the answers to one or more requests.</summary>
    /// <param name="requests">The requests.</param>
    /// <param name="stop">Cancels all of them.</param>
    /// <returns>
    /// Events as they come; <see cref="GenerationEvent.Id"/> is the request's place in the list. It ends when all answers have; where the caller leaves
    /// before, it ends when the step in progress has: from then on the requests' adapters are not used any more.
    /// </returns>
    /// <exception cref="ArgumentException">A request cannot be met; the others of the call are cancelled.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> was signalled.</exception>
    public async IAsyncEnumerable<GenerationEvent> GenerateAsync(
        IReadOnlyList<GenerationRequest> requests, [EnumeratorCancellation] CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        List<GenerationStream> streams = [];
        List<Task> pumps = [];
        Channel<GenerationEvent> all = Channel.CreateUnbounded<GenerationEvent>(new UnboundedChannelOptions { SingleReader = true });
        try
        {
            foreach (GenerationRequest request in requests)
            {
                streams.Add(Host.Submit(request));
            }
            pumps.AddRange(streams.Select((stream, i) => PumpAsync(stream, i, all.Writer)));
            _ = Task.WhenAll(pumps).ContinueWith(
                done => all.Writer.TryComplete(done.Exception?.InnerException), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            await foreach (GenerationEvent next in all.Reader.ReadAllAsync(stop).ConfigureAwait(false))
            {
                yield return next;
            }
        }
        finally
        {
            streams.ForEach(s => s.Cancel());
            foreach (GenerationStream stream in streams)
            {
                await stream.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Generates the whole text of one answer.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="settings">Everything but the prompt; its own prompt is not used. Null: the defaults.</param>
    /// <param name="stop">Cancels it.</param>
    public async Task<string> GenerateTextAsync(string prompt, GenerationRequest? settings = null, CancellationToken stop = default)
    {
        GenerationRequest request = (settings ?? new GenerationRequest { Prompt = [] }) with { Prompt = Tokenizer.Encode(prompt) };
        System.Text.StringBuilder text = new();
        await foreach (GenerationEvent next in GenerateAsync([request], stop).ConfigureAwait(false))
        {
            text.Append(next.Text);
        }
        return text.ToString();
    }

    /// <summary>Ends all answers and stops the thread.</summary>
    public void Dispose() => Host.Dispose();

    private static async Task PumpAsync(GenerationStream stream, int place, ChannelWriter<GenerationEvent> to)
    {
        await foreach (GenerationEvent next in stream.Events.ReadAllAsync().ConfigureAwait(false))
        {
            to.TryWrite(next with { Id = place });
        }
    }
}
