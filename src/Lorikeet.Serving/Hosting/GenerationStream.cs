using System.Threading.Channels;

namespace Lorikeet.Serving;

/// <summary>The events of one request, as they come. Dispose it when done, or to leave before: then the request is cancelled.</summary>
public sealed class GenerationStream : IAsyncEnumerable<GenerationEvent>, IAsyncDisposable
{
    private readonly EngineHost host;
    private readonly Channel<GenerationEvent> events =
        Channel.CreateUnbounded<GenerationEvent>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    internal GenerationStream(EngineHost host, GenerationRequest request)
    {
        this.host = host;
        Request = request;
        Open = request.Choices;
    }

    /// <summary>The request.</summary>
    public GenerationRequest Request { get; }

    /// <summary>
    /// The events. It completes when all answers have ended; with an error where the engine failed or was closed. No more lie in it than the request has tokens.
    /// </summary>
    public ChannelReader<GenerationEvent> Events => events.Reader;

    /// <summary>The engine's number of the request; 0: it has none yet.</summary>
    internal int Id { get; set; }

    /// <summary>Answers that have not ended.</summary>
    internal int Open { get; set; }

    /// <summary>The engine has let go of the request.</summary>
    internal TaskCompletionSource Gone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Cancels the request: the engine frees what it holds before its next step, and the last events say so.</summary>
    public void Cancel() => host.Cancel(this);

    /// <inheritdoc/>
    public IAsyncEnumerator<GenerationEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        events.Reader.ReadAllAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);

    /// <summary>Leaves; where the request has not ended, it is cancelled, and this returns when the engine has let go of it and of its adapters.</summary>
    public async ValueTask DisposeAsync()
    {
        host.Cancel(this);
        await Gone.Task.ConfigureAwait(false);
    }

    internal void Write(in GenerationEvent next) => events.Writer.TryWrite(next);

    internal void Close(Exception? error = null)
    {
        events.Writer.TryComplete(error);
        Gone.TrySetResult();
    }
}
