using System.Text.Json;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>Runs a request and writes its answer, whole or as a stream of events; what either looks like is the route's matter.</summary>
/// <typeparam name="TJob">The request.</typeparam>
internal abstract class AnswerWriter<TJob>(GenerationServices services, TJob job, string prefix)
    where TJob : GenerationJob
{
    private readonly string fingerprint = services.Fingerprint.Of(job.Adapter);

    protected GenerationServices Services => services;

    protected TJob Job => job;

    protected string Id { get; } = prefix + Guid.NewGuid().ToString("N");

    /// <summary>When the answer began, Unix seconds.</summary>
    protected long Created { get; } = services.Now;

    protected UsageCount Usage { get; } = new() { Prompt = job.PromptTokens };

    public async Task SendAsync(HttpContext http)
    {
        IAsyncEnumerable<GenerationEvent> events = Run(http.RequestAborted);
        if (job.Spec.Stream)
        {
            await StreamAsync(http, events);
            return;
        }
        await foreach (GenerationEvent next in events)
        {
            await TakeAsync(next, null);
        }
        await JsonText.WriteAsync(http, 200, Write);
    }

    /// <summary>Runs the request.</summary>
    protected abstract IAsyncEnumerable<GenerationEvent> Run(CancellationToken stop);

    /// <summary>Takes an event of the engine, and sends on what it brings; null: nothing is sent.</summary>
    protected abstract Task TakeAsync(GenerationEvent next, EventStream? stream);

    /// <summary>Writes the whole answer.</summary>
    protected abstract void Write(Utf8JsonWriter json);

    /// <summary>Sends what comes before the first event.</summary>
    protected virtual Task OpenAsync(EventStream stream) => Task.CompletedTask;

    /// <summary>Sends what comes after the last event.</summary>
    protected abstract Task CloseAsync(EventStream stream);

    /// <summary>Says in the stream that the answer failed.</summary>
    protected virtual async Task FailAsync(EventStream stream, ApiException error)
    {
        await stream.SendAsync(json => ErrorBody.Write(json, error, services.Options.VllmErrors));
        await stream.DoneAsync();
    }

    /// <summary>Writes the members with which answers of chats and completions begin.</summary>
    protected void Head(Utf8JsonWriter json, string kind)
    {
        json.WriteString("id", Id);
        json.WriteString("object", kind);
        json.WriteNumber("created", Created);
        json.WriteString("model", job.Echo);
        json.WriteString("system_fingerprint", fingerprint);
    }

    private async Task StreamAsync(HttpContext http, IAsyncEnumerable<GenerationEvent> events)
    {
        EventStream stream = new(http, services.Options.Limits.StreamStall, http.RequestAborted);
        bool started = false;
        try
        {
            await foreach (GenerationEvent next in events)
            {
                // Not before the first step: until then a refusal keeps its status.
                if (!started)
                {
                    started = true;
                    stream.Start();
                    await OpenAsync(stream);
                }
                await TakeAsync(next, stream);
            }
            if (!started)
            {
                stream.Start();
                await OpenAsync(stream);
            }
            await CloseAsync(stream);
        }
        catch (ApiException e) when (started)
        {
            services.Logged(http, e);
            await FailAsync(stream, e);
        }
    }
}
