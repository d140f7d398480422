using System.Data.Common;
using System.Globalization;
using Lorikeet.Models.Files;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Lorikeet.Server;

/// <summary>Around every request: its id, its errors in OpenAI's form, its count.</summary>
internal sealed partial class RequestPipeline(RequestDelegate next, ServerOptions options, ServerMetrics metrics, ILogger<RequestPipeline> logger)
{
    private const int MostId = 128;
    private static readonly HashSet<string> Methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    /// <summary>An id for a request that brings none.</summary>
    public static string NewId() => "req-" + Guid.NewGuid().ToString("N");

    public async Task InvokeAsync(HttpContext http)
    {
        long start = metrics.Clock.GetTimestamp();
        string? given = http.Request.Headers["X-Request-Id"];
        string id = given is { Length: > 0 and <= MostId } && given.All(c => c is > ' ' and < (char)0x7F) ? given : NewId();
        http.TraceIdentifier = id;
        http.Response.Headers["X-Request-Id"] = id;
        ApiException? refusal = null;
        try
        {
            await next(http);
        }
        catch (ApiException e)
        {
            refusal = e;
        }
        catch (BadFileException e)
        {
            refusal = ApiException.Value(null, e.Message);
            Failed(logger, e, id);
        }
        catch (BadHttpRequestException e)
        {
            // A body that comes too slowly is 408 elsewhere, which clients repeat.
            refusal = new ApiException(e.StatusCode == 408 ? 400 : e.StatusCode, ErrorTypes.Request, e.StatusCode == 413 ? "request_too_large" : "invalid_body", null, e.Message);
            if (!http.Response.HasStarted)
            {
                http.Response.Headers.Connection = "close";
            }
        }
        catch (DbException e)
        {
            refusal = StorageFaults.OfDatabase(e);
            Away(logger, id, e.Message);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException && http.RequestAborted.IsCancellationRequested)
        {
            // Nobody listens any more; the log has 499.
            Gone(logger, id);
            Count(http, 499, start);
            return;
        }
        catch (OperationCanceledException)
        {
            refusal = ApiException.Unavailable("service_unavailable", "the request was ended");
        }
#pragma warning disable CA1031 // The last line of defence: a client reads one line, never a stack trace.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Failed(logger, e, id);
            refusal = new ApiException(500, ErrorTypes.Server, null, null, "the server failed on this request; its log has the reason under " + id) { Repeatable = false };
        }
        if (http.Response.HasStarted)
        {
            if (refusal is not null)
            {
                http.Abort();
            }
        }
        else
        {
            await RefuseAsync(http, refusal ?? OfStatus(http));
        }
        Count(http, http.Response.StatusCode, start);
    }

    // What routing refuses by itself has a status and no body.
    private static ApiException? OfStatus(HttpContext http) => http.Response.StatusCode switch
    {
        404 => ApiException.NotFound(null, null, $"there is no route {http.Request.Method} {Short(http.Request.Path)}"),
        405 => new ApiException(405, ErrorTypes.Request, null, null, $"{http.Request.Method} is not a method of {Short(http.Request.Path)}"),
        415 => new ApiException(415, ErrorTypes.Request, null, null, "the content type is not taken here"),
        _ => null,
    };

    private async Task RefuseAsync(HttpContext http, ApiException? refusal)
    {
        if (refusal is null || http.RequestAborted.IsCancellationRequested)
        {
            return;
        }
        if (refusal.Status is 429 or 503)
        {
            // Spread, so that clients do not come back together.
            double seconds = refusal.RetrySeconds * (0.75 + (0.5 * System.Security.Cryptography.RandomNumberGenerator.GetInt32(1001) / 1000));
            http.Response.Headers.RetryAfter = ((int)Math.Clamp(Math.Ceiling(seconds), 1, 60)).ToString(CultureInfo.InvariantCulture);
        }
        if (!refusal.Repeatable && refusal.Status is 429 or >= 500)
        {
            http.Response.Headers["x-should-retry"] = "false";
        }
        if (refusal.Status == 401)
        {
            http.Response.Headers.WWWAuthenticate = "Bearer";
        }
        if (refusal.Status == 413)
        {
            http.Response.Headers.Connection = "close";
        }
        try
        {
            await JsonText.WriteAsync(http, refusal.Status, json => ErrorBody.Write(json, refusal, options.VllmErrors));
        }
        catch (OperationCanceledException)
        {
            Gone(logger, http.TraceIdentifier);
        }
    }

    private void Count(HttpContext http, int status, long start)
    {
        // Patterns of routes and known methods only: clients must not make series.
        string handler = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "none";
        string method = Methods.Contains(http.Request.Method) ? http.Request.Method : "other";
        Interlocked.Increment(ref metrics.Http.GetOrAdd((method, $"{status / 100}xx", handler), _ => [0])[0]);
        metrics.HttpSeconds.Add(metrics.Clock.GetElapsedTime(start).TotalSeconds);
    }

    private static string Short(string? path) => path is { Length: > 100 } ? path[..100] + "..." : path ?? "/";

    [LoggerMessage(Level = LogLevel.Error, Message = "{Request} failed")]
    private static partial void Failed(ILogger logger, Exception error, string request);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Request}: the registry failed: {Reason}")]
    private static partial void Away(ILogger logger, string request, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Request}: the client left (499)")]
    private static partial void Gone(ILogger logger, string request);
}
