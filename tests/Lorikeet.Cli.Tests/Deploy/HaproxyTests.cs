using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Lorikeet.Server.Tests.Adapters;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Deploy;

/// <summary>deploy/haproxy.cfg before two server processes that share a registry in PostgreSQL.</summary>
public sealed class HaproxyTests
{
    private const string Haproxy = "/usr/sbin/haproxy";

    [HaproxyFact]
    public async Task Each_adapter_stays_at_one_of_two_servers_and_moves_when_it_ends()
    {
        using TemporaryFolder folder = new();
        string model = TinyFiles.Model(folder["base"]), store = folder["store"];
        await using PostgresServer database = await PostgresServer.StartAsync();
        string config = await File.ReadAllTextAsync(Path.Combine(Root(), "deploy", "haproxy.cfg"));
        Assert.Contains("bind 127.0.0.1:8000", config, StringComparison.Ordinal);
        using Process one = Serve(), two = Serve();
        Process? proxy = null;
        try
        {
            Uri oneAt = await AddressAsync(one), twoAt = await AddressAsync(two);
            config = config.Replace(":8001", $":{oneAt.Port}", StringComparison.Ordinal).Replace(":8002", $":{twoAt.Port}", StringComparison.Ordinal);
            // Only now: a proxy that finds its servers absent takes them for down for some checks.
            int port;
            do
            {
                // Once more where somebody takes the port before the proxy does.
                proxy?.Dispose();
                port = Free();
                await File.WriteAllTextAsync(folder["haproxy.cfg"], config.Replace(":8000", $":{port}", StringComparison.Ordinal));
                proxy = Start(Haproxy, "-f", folder["haproxy.cfg"]);
                using HttpClient asks = new() { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Longest };
                await Wait.UntilAsync(async () => proxy.HasExited || await ReadyAsync(asks), "the proxy has its servers");
            }
            while (proxy.HasExited);
            using HttpClient http = new() { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Longest };
            using HttpClient atOne = new() { BaseAddress = oneAt }, atTwo = new() { BaseAddress = twoAt };
            HttpClient[] servers = [atOne, atTwo];
            string[] names = [.. Enumerable.Range(0, 8).Select(i => $"adapter-{i}")];
            foreach (string name in names)
            {
                await UploadAsync(http, name, TinyFiles.Adapter(folder[name], model, seed: (ulong)name[^1]));
            }
            // Uploads reached different servers: all names are known to both.
            foreach (HttpClient server in servers)
            {
                await Wait.UntilAsync(async () => (await server.GetStringAsync(new Uri("/v1/models", UriKind.Relative))).Split("adapter-").Length > 8);
            }
            foreach (string name in names.SelectMany(n => Enumerable.Repeat(n, 5)))
            {
                Assert.Equal(name, await AskAsync(http, name));
            }
            Dictionary<string, double>[] counts = await Task.WhenAll(servers.Select(s => CountsAsync(s)));
            foreach (string name in names)
            {
                double first = counts[0].GetValueOrDefault(name), second = counts[1].GetValueOrDefault(name);
                Assert.True((first, second) is (5, 0) or (0, 5), $"{name}: {first} and {second}");
            }
            // Eight names on one server happen once in 128 rings; this ring is always the same.
            Assert.All(counts, c => Assert.NotEmpty(c));
            using (Process kill = Process.Start("kill", ["-TERM", $"{one.Id}"]))
            {
                await kill.WaitForExitAsync();
            }
            await one.WaitForExitAsync();
            foreach (string name in names)
            {
                await Wait.UntilAsync(async () => await AskAsync(http, name) == name);
            }
            Dictionary<string, double> left = await CountsAsync(servers[1]);
            Assert.All(names, name => Assert.True(left.GetValueOrDefault(name) > 0, name));
        }
        finally
        {
            foreach (Process process in ((Process?[])[proxy, one, two]).OfType<Process>())
            {
                if (!process.HasExited)
                {
                    process.Kill();
                    await process.WaitForExitAsync();
                }
            }
            proxy?.Dispose();
        }

        Process Serve() => Start(
            Environment.ProcessPath!.Contains("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath! : "dotnet", Path.Combine(AppContext.BaseDirectory, "lorikeet.dll"),
            "serve", "--model", model, "--port", "0", "--registry", database.ConnectionString, "--store", store, "--generation-config", "none", "--cache-mib", "64");
    }

    [HaproxyFact]
    public async Task The_file_is_one_that_HAProxy_takes()
    {
        using Process check = Start(Haproxy, "-c", "-f", Path.Combine(Root(), "deploy", "haproxy.cfg"));
        string said = await check.StandardError.ReadToEndAsync();
        await check.WaitForExitAsync();
        Assert.True(check.ExitCode == 0, said);
        Assert.DoesNotContain("WARNING", said, StringComparison.Ordinal);
    }

    private static async Task<bool> ReadyAsync(HttpClient http)
    {
        try
        {
            using HttpResponseMessage answer = await http.GetAsync(new Uri("/health/ready", UriKind.Relative));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            // The proxy does not listen yet.
            return false;
        }
    }

    private static async Task UploadAsync(HttpClient http, string name, string folder)
    {
        using MultipartFormDataContent content = [];
        foreach (string file in (string[])["adapter_config.json", "adapter_model.safetensors"])
        {
            content.Add(new ByteArrayContent(await File.ReadAllBytesAsync(Path.Combine(folder, file))), file, file);
        }
        using HttpResponseMessage answer = await http.PutAsync(new Uri($"/lorikeet/v1/adapters/{name}", UriKind.Relative), content);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>The model that answered; null: nobody did.</summary>
    private static async Task<string?> AskAsync(HttpClient http, string name)
    {
        using HttpResponseMessage answer = await http.PostAsJsonAsync("/v1/completions", new { model = name, prompt = "abc", max_tokens = 2 });
        return answer.IsSuccessStatusCode ? (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("model").GetString() : null;
    }

    /// <summary>Requests of each adapter, from the server's metrics.</summary>
    private static async Task<Dictionary<string, double>> CountsAsync(HttpClient server)
    {
        Dictionary<string, double> counts = [];
        foreach (string line in (await server.GetStringAsync(new Uri("/metrics", UriKind.Relative))).Split('\n'))
        {
            if (line.StartsWith("lorikeet_adapter_requests_total{", StringComparison.Ordinal) && line.Split("adapter=\"") is [_, { } rest])
            {
                counts[rest.Split('"')[0]] = double.Parse(line.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture);
            }
        }
        return counts;
    }

    private static async Task<Uri> AddressAsync(Process server)
    {
        string? line = await server.StandardError.ReadLineAsync();
        Assert.Contains("serving", line, StringComparison.Ordinal);
        return new Uri(line!.Split(" on ")[1].Split([',', ';'])[0]);
    }

    private static int Free()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static Process Start(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        return Process.Start(start)!;
    }

    private static string Root()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Lorikeet.slnx")))
        {
            folder = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(folder)) ?? throw new DirectoryNotFoundException("the repository is not above the tests");
        }
        return folder;
    }

    /// <summary>A test that needs HAProxy and PostgreSQL, as Debian installs them.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class HaproxyFactAttribute : FactAttribute
    {
        public HaproxyFactAttribute()
        {
            if (!File.Exists(Haproxy) || PostgresServer.Programs is null)
            {
                Skip = $"needs {Haproxy} and PostgreSQL in /usr/lib/postgresql: not there";
            }
        }
    }
}
