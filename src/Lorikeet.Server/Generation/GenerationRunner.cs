using System.Runtime.CompilerServices;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>Runs requests on the engine with deadline, cancellation, counting; turns what ends badly into the answer for it.</summary>
internal sealed class GenerationRunner(IInference inference, ServerMetrics metrics, Admission admission)
{
    /// <summary>Runs requests; the last event of each has been seen when it ends, or an exception says why not.</summary>
    /// <param name="ticket">The admitted request.</param>
    /// <param name="requests">What to run.</param>
    /// <param name="adapter">What they run with.</param>
    /// <param name="deadline">How long they have, from arrival.</param>
    /// <param name="usage">Is counted up as events come.</param>
    /// <param name="gone">The client's leaving.</param>
    public async IAsyncEnumerable<GenerationEvent> RunAsync(
        Admission.Ticket ticket, IReadOnlyList<GenerationRequest> requests, AdapterBinding adapter, TimeLimit deadline, UsageCount usage, [EnumeratorCancellation] CancellationToken gone)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(gone, admission.Ending);
        TimeLimit left = deadline.After(TimeSpan.FromSeconds(ticket.Elapsed));
        if (left.IsOver)
        {
            throw Expired(begun: false);
        }
        using RequestTrace trace = metrics.Begin(ticket.Caller.Tenant, adapter, requests);
        ticket.Use(adapter);
        string ended = "abort";
        IAsyncEnumerator<GenerationEvent> events = inference.RunAsync([.. requests.Select(r => r with { Deadline = left.Whole, StartWithin = left.Queue })], stop.Token).GetAsyncEnumerator(stop.Token);
        try
        {
            while (true)
            {
                try
                {
                    if (!await events.MoveNextAsync())
                    {
                        break;
                    }
                }
                catch (OperationCanceledException) when (admission.Ending.IsCancellationRequested && !gone.IsCancellationRequested)
                {
                    throw ApiException.Unavailable("service_unavailable", "the server is stopping");
                }
                GenerationEvent next = events.Current;
                ticket.Start();
                trace.Count(next);
                if (next.Token >= 0)
                {
                    usage.Completion++;
                    ticket.Generated(1);
                }
                usage.Cached += next.Usage?.CachedTokens ?? 0;
                switch (next.Finish)
                {
                    case FinishReason.Expired:
                        throw Expired(usage.Completion > 0);
                    case FinishReason.Failed:
                        throw Failure(next.Error, adapter, requests[next.Id].Rows is not null);
                    case FinishReason.Cancelled:
                        throw ApiException.Unavailable("service_unavailable", "the engine dropped the request");
                    case FinishReason.Stop or FinishReason.Length:
                        ended = next.Finish == FinishReason.Stop ? "stop" : "length";
                        break;
                    default:
                        break;
                }
                yield return next;
            }
        }
        finally
        {
            await events.DisposeAsync();
            trace.End(ended, usage);
            ticket.Leave();
        }
    }

    private ApiException Expired(bool begun) => new(503, ErrorTypes.Server, "deadline_exceeded", null, begun ? "the deadline passed while the answer was generated" : "the deadline passed in the queue; nothing was computed")
    {
        Repeatable = !begun,
        RetrySeconds = admission.ExpectedWait,
    };

    private static ApiException Failure(Exception? error, AdapterBinding adapter, bool vectors) => error switch
    {
        null when vectors => ApiException.Value(PromptEmbeds.Field, "no token could be chosen: the vectors lead to what is no number, or all tokens were ruled out"),
        null => new ApiException(500, ErrorTypes.Server, null, null, "no token could be chosen: all were ruled out, or the model gave what is no number") { Repeatable = false },
        AdapterLoadException { InnerException: { } inner } => Failure(inner, adapter, vectors),
        CacheTooSmallException => ApiException.Bad(null, "limit_exceeded", "the request and its adapter need more memory than the server has for keys, values and adapters"),
        GrammarException e => ApiException.Bad(null, "limit_exceeded", e.Message),
        IOException or NotSupportedException or UnauthorizedAccessException or InvalidDataException => ApiException.Bad("model", "invalid_adapter", "the adapter cannot be used: its files are absent, damaged or do not fit"),
        OutOfMemoryException => ApiException.Bad("model", "limit_exceeded", "the adapter needs more memory than the server has for adapters"),
        ArgumentException e when !adapter.IsBase && adapter.Single is null => ApiException.Bad(Named(adapter, e.Message), "adapter_not_mixable", e.Message),
        ArgumentException e => ApiException.Value(null, e.Message),
        _ => new ApiException(500, ErrorTypes.Server, null, null, "the engine failed on this request") { Repeatable = false },
    };

    // The engine's message has the adapter's name; where another name of equal content was loaded first it is that one's.
    private static string Named(AdapterBinding mixture, string message) =>
        mixture.Entries.FirstOrDefault(e => message.StartsWith($"adapter {e.Name} ", StringComparison.Ordinal))?.Place ?? "adapters";
}
