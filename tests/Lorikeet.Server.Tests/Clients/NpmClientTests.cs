using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Lorikeet.Server.Tests.Clients;

/// <summary>OpenAI's own client for JavaScript against the server: tests/clients/npm has the tests, this gives them servers.</summary>
public sealed class NpmClientTests(Contract.FieldTests.Host host) : IClassFixture<Contract.FieldTests.Host>
{
    [NpmFact]
    public async Task The_npm_client_runs_unchanged()
    {
        string admin = "";
        // A server whose answers take their time, for what happens while one runs.
        using SemaphoreSlim pace = new(0);
        await using TinyServer keyed = await TinyServer.StartAsync(
            (o, folder) =>
            {
                string registry = Path.Combine(folder, "registry.db");
                admin = LorikeetServer.CreateKeyAsync(registry, "operator", ["admin"]).GetAwaiter().GetResult().Secret;
                return o with { Registry = registry, Keys = true };
            },
            inner => new ScriptedInference(inner, _ => new string('a', 2000)) { Gate = pace });
        string key = (await keyed.PostAsync("/lorikeet/v1/keys", """{"tenant":"acme","scopes":["infer"],"limits":{"concurrent":1}}""", admin)).Ok(201).GetProperty("secret").GetString()!;
        using CancellationTokenSource over = new(TimeSpan.FromMinutes(10));
        // Twenty tokens a second: an answer of 900 goes on while the others are asked, however slow the machine.
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(50));
        Task<(int Code, string Output)> running = RunAsync(
            over.Token,
            ("LORIKEET_URL", host.Server.Server.Address), ("LORIKEET_MODEL", TinyServer.Base), ("LORIKEET_KEYED_URL", keyed.Server.Address), ("LORIKEET_KEY", key), ("LORIKEET_DEAD_URL", Dead()));
        while (!running.IsCompleted && await timer.WaitForNextTickAsync(CancellationToken.None))
        {
            // Nothing is saved up while nobody waits.
            if (pace.CurrentCount == 0)
            {
                pace.Release();
            }
        }
        (int code, string output) = await running;
        Assert.True(code == 0, output);
        // Nothing was left out for want of a server.
        Assert.Contains("# skipped 0", output, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output)> RunAsync(CancellationToken stop, params (string Name, object Value)[] variables)
    {
        ProcessStartInfo start = new(NpmFactAttribute.Node!, ["--test", "--test-reporter=tap", "openai.test.mjs"]) { WorkingDirectory = NpmFactAttribute.Clients, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, object value) in variables)
        {
            start.Environment[name] = value.ToString()!.TrimEnd('/');
        }
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(CancellationToken.None), errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            await process.WaitForExitAsync(stop);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
        }
        return (process.HasExited ? process.ExitCode : -1, await output + await errors);
    }

    // An address where somebody was, and nobody is any more.
    private static string Dead()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return $"http://{listener.LocalEndpoint}";
    }
}
