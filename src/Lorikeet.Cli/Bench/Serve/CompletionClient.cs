using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Lorikeet.Cli.Bench;

/// <summary>Sends one request to a server that speaks OpenAI's API and notes when the pieces of its answer come.</summary>
internal sealed class CompletionClient : IDisposable
{
    private const int MostBody = 64 << 10;
    private readonly HttpClient http;
    private readonly PromptMaker prompts;
    private readonly TimeSpan timeout;
    private readonly bool keep;

    public CompletionClient(Uri server, string? key, PromptMaker prompts, TimeSpan timeout, bool keep = false)
    {
        // Connections are not what is measured: as many as there are requests.
        http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = int.MaxValue, UseProxy = false }) { BaseAddress = server, Timeout = Timeout.InfiniteTimeSpan };
        if (key is not null)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
        this.prompts = prompts;
        this.timeout = timeout;
        this.keep = keep;
    }

    /// <summary>The first model that the server lists.</summary>
    public async Task<string> FirstModelAsync(CancellationToken stop)
    {
        using HttpResponseMessage answer = await GetAsync(new Uri("/v1/models", UriKind.Relative), stop);
        using JsonDocument json = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(stop));
        return json.RootElement.TryGetProperty("data", out JsonElement data) && data is { ValueKind: JsonValueKind.Array } && data.GetArrayLength() > 0 && data[0].TryGetProperty("id", out JsonElement id)
            ? id.GetString()!
            : throw new UsageException($"{http.BaseAddress}v1/models answered {(int)answer.StatusCode} and lists no model: name one with --model or --adapters");
    }

    /// <summary>Sends a request and reads its answer to the end.</summary>
    /// <param name="request">The request.</param>
    /// <param name="model">The name that goes into its field <c>model</c>.</param>
    /// <param name="due">When it should be sent, seconds on the clock.</param>
    /// <param name="clock">Runs since the start.</param>
    /// <param name="stop">Ends the run.</param>
    public async Task<RequestOutcome> SendAsync(PlannedRequest request, string model, double due, Stopwatch clock, CancellationToken stop)
    {
        AnswerText? whole = keep ? new AnswerText() : null;
        AnswerReader reader = new(whole);
        string? error = null;
        double sent = clock.Elapsed.TotalSeconds;
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        over.CancelAfter(timeout);
        try
        {
            using ByteArrayContent body = new(prompts.Body(request, model));
            body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using HttpRequestMessage message = new(HttpMethod.Post, prompts.Path) { Content = body };
            sent = clock.Elapsed.TotalSeconds;
            using HttpResponseMessage answer = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, over.Token);
            error = answer.IsSuccessStatusCode
                ? await reader.ReadAsync(await answer.Content.ReadAsStreamAsync(over.Token), clock, over.Token)
                : await RefusalAsync(answer, over.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            error = "timeout";
        }
        catch (HttpRequestException e)
        {
            error = "connection: " + e.HttpRequestError;
        }
        catch (IOException)
        {
            error = "connection broke";
        }
        catch (JsonException)
        {
            error = "no JSON";
        }
        return reader.Outcome(request, clock.Elapsed.TotalSeconds) with { Due = due, Sent = sent, Error = error, Answer = whole?.Line(request, model, error) };
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private async Task<HttpResponseMessage> GetAsync(Uri path, CancellationToken stop)
    {
        try
        {
            return await http.GetAsync(path, stop);
        }
        catch (HttpRequestException e)
        {
            throw new IOException($"{http.BaseAddress} does not answer: {e.Message}", e);
        }
    }

    private static async Task<string> RefusalAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        string status = ((int)answer.StatusCode).ToString(CultureInfo.InvariantCulture);
        byte[] body = await answer.Content.ReadAsByteArrayAsync(stop);
        try
        {
            using JsonDocument json = JsonDocument.Parse(body.AsMemory(0, Math.Min(body.Length, MostBody)));
            return $"{status} {AnswerReader.Kind(json.RootElement)}".TrimEnd();
        }
        catch (JsonException)
        {
            return status;
        }
    }
}
