using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Lorikeet.Server;

/// <summary>Server-sent events: each leaves in one write and is flushed at once; a reader that stalls is treated as gone.</summary>
internal sealed class EventStream(HttpContext http, TimeSpan stall, CancellationToken stop)
{
    private static readonly ReadOnlyMemory<byte> Done = "data: [DONE]\n\n"u8.ToArray();
    private static readonly ReadOnlyMemory<byte> Comment = ": keep-alive\n\n"u8.ToArray();

    /// <summary>Sends status and headers with the first event.</summary>
    public void Start()
    {
        http.Response.StatusCode = 200;
        http.Response.ContentType = "text/event-stream; charset=utf-8";
        http.Response.Headers.CacheControl = "no-cache";
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
    }

    public Task SendAsync(Action<Utf8JsonWriter> write) => WriteAsync(JsonText.Event("data: "u8, write));

    public Task SendNamedAsync(string type, Action<Utf8JsonWriter> write) =>
        WriteAsync(JsonText.Event(System.Text.Encoding.ASCII.GetBytes($"event: {type}\ndata: "), write));

    public Task DoneAsync() => WriteAsync(Done);

    public Task KeepAliveAsync() => WriteAsync(Comment);

    private async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        Task sent = http.Response.Body.WriteAsync(bytes, stop).AsTask();
        try
        {
            await (sent.IsCompleted ? sent : sent.WaitAsync(stall, stop));
            Task flushed = http.Response.Body.FlushAsync(stop);
            await (flushed.IsCompleted ? flushed : flushed.WaitAsync(stall, stop));
        }
        catch (TimeoutException)
        {
            http.Abort();
            throw new OperationCanceledException("the reader of the stream stalled");
        }
    }
}
