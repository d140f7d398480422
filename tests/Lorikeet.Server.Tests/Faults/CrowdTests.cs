using System.Net;
using System.Net.Sockets;
using System.Text;
using Lorikeet.Serving;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Faults;

/// <summary>Thousands of connections that say nothing, hundreds that say it slowly or never listen, bodies of 100 MB: others are answered as before, and memory comes back.</summary>
[Collection(AloneCollection.Name)]
[Trait("Category", "Slow")]
public sealed class CrowdTests
{
    private const int Idle = 2000, Slow = 200;
    private const long Large = 100L << 20;

    [Fact]
    public async Task Idle_and_slow_connections_delay_nobody_and_leave_nothing()
    {
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { Engine = new EngineOptions { CacheBytes = 16 << 20, MaxSequences = 16, MaxRows = 128, PoisonFreedPages = true } });
        string[] before = await Proof.AnswersAsync(server, "tiny");
        int port = server.Server.Address.Port;
        await OpenAsync(port, 50, 10);
        long heap = Proof.Heap();
        (List<TcpClient> idle, List<TcpClient> slow) = await OpenAsync(port, Idle, Slow);
        using CancellationTokenSource enough = new();
        Task[] dribbling = [.. slow.Select((client, i) => DribbleAsync(client, headers: i % 2 == 0, enough.Token))];
        for (int i = 0; i < 30; i++)
        {
            Assert.Equal(before, await Proof.AnswersAsync(server, "tiny"));
            Assert.Equal(200, (await server.GetAsync("/health")).Status);
            await Task.Delay(50);
        }
        // A head has ten seconds, a body 240 bytes a second after five: all slow ones are ended by the server, none with a status that clients repeat.
        string[] ends = await Task.WhenAll(slow.Select(ReadAllAsync)).WaitAsync(Wait.Longest);
        Assert.All(ends, end => Assert.True(end.Length == 0 || end.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal), end));
        await enough.CancelAsync();
        await Task.WhenAll(dribbling);
        Assert.Equal(before, await Proof.AnswersAsync(server, "tiny"));
        // The idle ones are still there, and good for a request.
        TcpClient kept = idle[^1];
        await kept.GetStream().WriteAsync("GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray());
        Assert.StartsWith("HTTP/1.1 200 OK", await ReadAllAsync(kept), StringComparison.Ordinal);
        idle.ForEach(c => c.Dispose());
        slow.ForEach(c => c.Dispose());
        await Proof.AllReturnedAsync(server);
        // The server hears of a closed connection a while after its client.
        await Wait.UntilAsync(() => Proof.Heap() - heap < 6 << 20);
    }

    /// <summary>Streams whose readers take nothing are ended, and the requests behind them too.</summary>
    [Fact]
    public async Task Readers_that_take_nothing_are_left()
    {
        ScriptedInference? engine = null;
        await using TinyServer server = await TinyServer.StartAsync(
            (o, _) => o with { Limits = new ServerLimits { StreamStall = TimeSpan.FromSeconds(1) } }, inner => engine = new ScriptedInference(inner, r => new string('x', r.Choices > 1 ? 2000 : 3)));
        List<TcpClient> readers = [];
        byte[] body = Encoding.ASCII.GetBytes("""{"prompt":"a","n":64,"max_tokens":1000,"stream":true,"logprobs":0}""");
        for (int i = 0; i < 4; i++)
        {
            TcpClient client = new() { ReceiveBufferSize = 4096 };
            await client.ConnectAsync(IPAddress.Loopback, server.Server.Address.Port);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n"));
            await client.GetStream().WriteAsync(body);
            readers.Add(client);
        }
        await Wait.UntilAsync(() => engine!.Started == 4);
        Assert.Equal(200, (await server.GetAsync("/health")).Status);
        await Wait.UntilAsync(() => engine!.Cancelled == 4 && server.Server.Parts.Admission.InFlight == 0);
        readers.ForEach(r => r.Dispose());
        Assert.Equal("xxx", (await server.PostAsync("/v1/completions", """{"prompt":"a"}""")).Ok().GetProperty("choices")[0].GetProperty("text").GetString());
    }

    [Fact]
    public async Task Bodies_of_a_hundred_megabytes_are_refused_or_streamed_never_kept()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        string folder = server.Adapter("kept", 1);
        await Adapters.RegistryTests.PutAsync(server, "kept", folder, 201);
        string[] before = await Proof.AnswersAsync(server, "tiny", "kept");
        long heap = Proof.Heap();
        string config = await File.ReadAllTextAsync(Path.Combine(folder, "adapter_config.json"));
        string first = $"--b\r\nContent-Disposition: form-data; name=\"adapter_config.json\"\r\n\r\n{config}\r\n--b\r\nContent-Disposition: form-data; name=\"adapter_model.safetensors\"\r\n\r\n";
        // What is told in advance is refused unread; what is not, after the limit's bytes; an upload goes to the disk and is refused there.
        Assert.Contains(await SendAsync(server, "POST", "/v1/completions", "application/json", "{\"prompt\":\"", chunked: false), (string[])["413", ""]);
        Assert.Contains(await SendAsync(server, "POST", "/v1/chat/completions", "application/json", "{\"x\":\"", chunked: true), (string[])["413", ""]);
        Assert.Contains(await SendAsync(server, "POST", "/lorikeet/v1/keys", "application/json", "{\"x\":\"", chunked: true), (string[])["413", ""]);
        Assert.Contains(await SendAsync(server, "POST", "/v1/nothing", "application/json", "{", chunked: false), (string[])["404", ""]);
        Assert.Contains(await SendAsync(server, "PUT", "/lorikeet/v1/adapters/large", "multipart/form-data; boundary=b", first, chunked: false), (string[])["400", ""]);
        Assert.Contains(await SendAsync(server, "PUT", "/lorikeet/v1/adapters/large", "multipart/form-data; boundary=b", first, chunked: true), (string[])["400", ""]);
        Assert.Contains(await SendAsync(server, "PUT", "/lorikeet/v1/adapters/large", "application/octet-stream", "", chunked: true), (string[])["415", ""]);
        (await server.GetAsync("/lorikeet/v1/adapters/large")).Error(404);
        // A client whose connection is closed may be here before the server has put all away.
        await Wait.UntilAsync(() => Directory.EnumerateFiles(Path.Combine(server.Folder, "store"), "*", SearchOption.AllDirectories).Count() == 2);
        Assert.Equal(before, await Proof.AnswersAsync(server, "tiny", "kept"));
        await Proof.AllReturnedAsync(server);
        await Wait.UntilAsync(() => Proof.Heap() - heap < 6 << 20);
    }

    private static async Task<(List<TcpClient> Idle, List<TcpClient> Slow)> OpenAsync(int port, int idle, int slow)
    {
        List<TcpClient> all = [];
        for (int i = 0; i < idle + slow; i++)
        {
            TcpClient client = new();
            await client.ConnectAsync(IPAddress.Loopback, port);
            all.Add(client);
            if (i < idle && i % 2 == 1)
            {
                // Idle after a request, others before their first.
                await client.GetStream().WriteAsync("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
                byte[] answer = new byte[1024];
                Assert.True(await client.GetStream().ReadAsync(answer) > 0);
            }
        }
        return (all[..idle], all[idle..]);
    }

    // A few bytes a second, of the head or of the body.
    private static async Task DribbleAsync(TcpClient client, bool headers, CancellationToken enough)
    {
        try
        {
            await client.GetStream().WriteAsync(headers ? "POST /v1/completions HTTP/1.1\r\nX: "u8.ToArray() : "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"u8.ToArray(), enough);
            while (!enough.IsCancellationRequested)
            {
                await client.GetStream().WriteAsync("aaaaa"u8.ToArray(), enough);
                await Task.Delay(500, enough);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The server has ended it, or the test.
            return;
        }
    }

    private static async Task<string> ReadAllAsync(TcpClient client)
    {
        StringBuilder text = new();
        byte[] buffer = new byte[4096];
        try
        {
            while (await client.GetStream().ReadAsync(buffer) is > 0 and int read)
            {
                text.Append(Encoding.ASCII.GetString(buffer, 0, read));
            }
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // Reset, before or after the first bytes.
            return text.ToString();
        }
        return text.ToString();
    }

    /// <summary>Sends 100 MB over a connection of its own while reading.</summary>
    /// <returns>The status, or nothing where the server closed before it could be read.</returns>
    private static async Task<string> SendAsync(TinyServer server, string method, string path, string type, string begin, bool chunked)
    {
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, server.Server.Address.Port);
        NetworkStream stream = client.GetStream();
        Task<string> answer = ReadAllAsync(client);
        byte[] first = Encoding.ASCII.GetBytes(begin), block = new byte[1 << 20];
        block.AsSpan().Fill((byte)'x');
        long length = first.Length + Large;
        try
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {type}\r\n{(chunked ? "Transfer-Encoding: chunked" : $"Content-Length: {length}")}\r\n\r\n"));
            await WriteAsync(first);
            for (long at = 0; at < Large; at += block.Length)
            {
                await WriteAsync(block);
            }
            if (chunked)
            {
                await stream.WriteAsync("0\r\n\r\n"u8.ToArray());
            }
        }
        catch (IOException)
        {
            // Refused before all was sent.
            string early = await answer.WaitAsync(Wait.Longest);
            return early.Length > 12 ? early[9..12] : "";
        }
        string whole = await answer.WaitAsync(Wait.Longest);
        return whole.Length > 12 ? whole[9..12] : "";

        async Task WriteAsync(byte[] bytes)
        {
            if (bytes.Length == 0)
            {
                return;
            }
            if (chunked)
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"{bytes.Length:x}\r\n"));
            }
            await stream.WriteAsync(bytes);
            if (chunked)
            {
                await stream.WriteAsync("\r\n"u8.ToArray());
            }
        }
    }
}
