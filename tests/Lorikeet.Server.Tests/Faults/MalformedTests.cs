using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Lorikeet.Models;
using Lorikeet.Serving;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Faults;

/// <summary>Thousands of malformed requests of a seeded source: none is a fault of the server, each refusal says what is wrong, and afterwards all is as it was.</summary>
[Collection(AloneCollection.Name)]
public sealed class MalformedTests
{
    [Fact]
    public Task A_thousand() => RunAsync(11, 1000, vectors: false);

    [Fact]
    public Task A_thousand_with_prompts_of_vectors_switched_on() => RunAsync(13, 1000, vectors: true);

    [Fact]
    [Trait("Category", "Slow")]
    public Task Twenty_thousand() => RunAsync(12, 20_000, vectors: true);

    private static async Task RunAsync(ulong seed, int count, bool vectors)
    {
        await using TinyServer server = await TinyServer.StartAsync((o, folder) => o with
        {
            Registry = Path.Combine(folder, "registry.db"),
            RuntimeLoading = true,
            PromptEmbeds = vectors,
            LoadRoots = [folder],
            Engine = new EngineOptions { CacheBytes = 16 << 20, MaxSequences = 16, MaxRows = 128, PoisonFreedPages = true },
            Limits = new ServerLimits { GeneratedTokens = 64, Deadline = Wait.Longest },
        });
        string folder = server.Adapter("kept", 1);
        await Adapters.RegistryTests.PutAsync(server, "kept", folder, 201);
        string[] before = await Proof.AnswersAsync(server, "tiny", "kept");
        MalformedRequests source = new(seed, await File.ReadAllBytesAsync(Path.Combine(folder, "adapter_config.json")), await File.ReadAllBytesAsync(Path.Combine(folder, "adapter_model.safetensors")), SmallSafetensors.Of(PromptRows.TensorName, "[5,16]", new float[80]));
        ConcurrentDictionary<int, int> statuses = [];
        // What is made once and kept (compiled code, pools, the bounded caches) is made in the first part.
        int warm = count / 4;
        await SendAsync(warm);
        await Proof.AllReturnedAsync(server);
        long heap = Proof.Heap();
        await SendAsync(count - warm);
        Assert.Equal(before, await Proof.AnswersAsync(server, "tiny", "kept"));
        await Proof.AllReturnedAsync(server);
        // What a request held goes when its connection has gone, a while after its client.
        await Wait.UntilAsync(() => Proof.Heap() - heap < 4 << 20, $"the managed heap is as it was but for 4 MiB after {count - warm} requests");
        await Wait.UntilAsync(() => !Directory.EnumerateDirectories(Path.Combine(server.Folder, "store"), AdapterUpload.Prefix + "*", SearchOption.AllDirectories).Any());
        Assert.True(statuses.GetValueOrDefault(400) > count / 2, string.Join(", ", statuses.OrderBy(s => s.Key).Select(s => $"{s.Key}: {s.Value}")));
        Assert.Contains("lorikeet_requests_in_flight 0", (await server.GetAsync("/metrics")).Body, StringComparison.Ordinal);

        async Task SendAsync(int number)
        {
            MalformedRequest[] requests = [.. Enumerable.Range(0, number).Select(_ => source.Next())];
            await Parallel.ForEachAsync(requests, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (request, _) =>
            {
                int status = request.Method == MalformedRequest.Raw ? await RawAsync(server.Server.Address.Port, request) : await AskAsync(server, request);
                statuses.AddOrUpdate(status, 1, (_, known) => known + 1);
            });
        }
    }

    private static async Task<int> AskAsync(TinyServer server, MalformedRequest request)
    {
        using HttpRequestMessage message = request.ToMessage(server.Server.Address);
        HttpResponseMessage response;
        try
        {
            response = await server.Http.SendAsync(message);
        }
        catch (HttpRequestException)
        {
            // The server closed a connection on which no request could be read.
            return 0;
        }
        using (response)
        {
            int status = (int)response.StatusCode;
            string body = await response.Content.ReadAsStringAsync();
            Check(request, status, body);
            if (body.Length == 0 && status is 400 or 414 or 431 && !response.Headers.Contains("X-Request-Id"))
            {
                // Not HTTP enough to become a request: the web server says so by itself, and closes.
                Assert.True(response.Headers.ConnectionClose, request.ToString());
            }
            else if (status >= 400 && request.Method != "HEAD")
            {
                Assert.True(body.Length > 0, $"{request}\n{status} without a word");
                using JsonDocument json = JsonDocument.Parse(body);
                JsonElement error = json.RootElement.GetProperty("error");
                Assert.Equal(["message", "type", "param", "code"], error.EnumerateObject().Select(p => p.Name));
                Assert.False(string.IsNullOrEmpty(error.GetProperty("message").GetString()), request.ToString());
                Assert.DoesNotContain("   at ", body, StringComparison.Ordinal);
                Assert.DoesNotContain(server.Folder, body, StringComparison.Ordinal);
            }
            return status;
        }
    }

    // The connection is closed, or an answer comes whose status line is checked.
    private static async Task<int> RawAsync(int port, MalformedRequest request)
    {
        using TcpClient client = new() { LingerState = new LingerOption(true, 0) };
        await client.ConnectAsync(IPAddress.Loopback, port);
        NetworkStream stream = client.GetStream();
        using CancellationTokenSource enough = new(Wait.Longest);
        try
        {
            await stream.WriteAsync(request.Body, enough.Token);
            client.Client.Shutdown(SocketShutdown.Send);
            byte[] answer = new byte[4096];
            int read = await stream.ReadAsync(answer, enough.Token);
            string text = Encoding.Latin1.GetString(answer, 0, read);
            if (read == 0)
            {
                return 0;
            }
            Assert.True(text.StartsWith("HTTP/1.1 ", StringComparison.Ordinal), $"{request}\n{text}");
            int status = int.Parse(text.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture);
            Check(request, status, text);
            return status;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static void Check(MalformedRequest request, int status, string body)
    {
        Assert.True(status is < 500 or 503 && status is not (408 or 409 or 422), $"{request}\n{status}: {body}");
        Assert.True(status != 503 || body.Contains("deadline_exceeded", StringComparison.Ordinal), $"{request}\n{body}");
    }
}
