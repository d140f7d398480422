using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Adapters;

/// <summary>A PostgreSQL of its own in a temporary folder, on a free port of 127.0.0.1, for the length of a test.</summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private readonly int port;
    private Process process;

    private PostgresServer(Process process, string folder, int port)
    {
        this.process = process;
        this.port = port;
        Folder = folder;
        ConnectionString = $"Host=127.0.0.1;Port={port};Username=lorikeet;Database=postgres";
    }

    public string ConnectionString { get; }

    public string Folder { get; }

    /// <summary>The folder of the programs, or null where they are not installed.</summary>
    public static string? Programs { get; } = !OperatingSystem.IsLinux() ? null
        : Directory.Exists("/usr/lib/postgresql") ? Directory.EnumerateDirectories("/usr/lib/postgresql").Select(v => Path.Combine(v, "bin")).LastOrDefault(b => File.Exists(Path.Combine(b, "initdb")))
        : null;

    public static async Task<PostgresServer> StartAsync()
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-postgres-").FullName, data = Path.Combine(folder, "data");
        // It refuses to run as root: another user owns its folder then.
        bool root = Environment.UserName == "root";
        if (root)
        {
            await RunAsync("chown", "nobody", folder);
        }
        await RunAsync(root, Path.Combine(Programs!, "initdb"), "-D", data, "-U", "lorikeet", "-A", "trust", "--no-sync");
        while (true)
        {
            using TcpListener free = new(IPAddress.Loopback, 0);
            free.Start();
            int port = ((IPEndPoint)free.LocalEndpoint).Port;
            free.Stop();
            PostgresServer server = new(Begin(folder, port), folder, port);
            if (await server.ReadyAsync())
            {
                return server;
            }
            // Somebody else has taken the port since: it ended by itself.
            server.process.Dispose();
        }
    }

    /// <summary>Ends it at once, as a failing machine does.</summary>
    public Task StopAsync() => SignalAsync("-QUIT");

    /// <summary>Starts it again on the same port with the same data.</summary>
    public async Task StartAgainAsync()
    {
        process.Dispose();
        process = Begin(Folder, port);
        Assert.True(await ReadyAsync(), $"PostgreSQL ended when it was started again on port {port}");
    }

    public async ValueTask DisposeAsync()
    {
        Npgsql.NpgsqlConnection.ClearAllPools();
        if (!process.HasExited)
        {
            // A polite end: it removes what it shares with other processes.
            await SignalAsync("-INT");
        }
        process.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static Process Begin(string folder, int port) =>
        Begin(Environment.UserName == "root", Path.Combine(Programs!, "postgres"), "-D", Path.Combine(folder, "data"), "-p", $"{port}", "-h", "127.0.0.1", "-k", folder, "-F");

    // False: it has ended instead.
    private async Task<bool> ReadyAsync()
    {
        await Wait.UntilAsync(async () => process.HasExited || await AnswersAsync(), "PostgreSQL takes connections");
        return !process.HasExited;
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            // Not from the pool, which may still hold connections to one that was stopped.
            await using Npgsql.NpgsqlConnection connection = new(ConnectionString + ";Pooling=false");
            await connection.OpenAsync();
            return true;
        }
        catch (Npgsql.NpgsqlException)
        {
            return false;
        }
    }

    private async Task SignalAsync(string signal)
    {
        using (Process kill = Begin(Environment.UserName == "root", "kill", signal, $"{process.Id}"))
        {
            await kill.WaitForExitAsync();
        }
        await process.WaitForExitAsync();
    }

    private static Task RunAsync(string program, params string[] arguments) => RunAsync(false, program, arguments);

    private static async Task RunAsync(bool asNobody, string program, params string[] arguments)
    {
        using Process process = Begin(asNobody, program, arguments);
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program}: {error}");
    }

    private static Process Begin(bool asNobody, string program, params string[] arguments)
    {
        ProcessStartInfo start = new(asNobody ? "setpriv" : program) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = "/" };
        foreach (string argument in asNobody ? [.. (string[])["--reuid", "nobody", "--clear-groups", program], .. arguments] : arguments)
        {
            start.ArgumentList.Add(argument);
        }
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        if (Path.GetFileName(program) == "postgres")
        {
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
        }
        return process;
    }
}

/// <summary>A test that needs PostgreSQL's programs, as Debian installs them, and is skipped where they are absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PostgresFactAttribute : FactAttribute
{
    public PostgresFactAttribute()
    {
        if (PostgresServer.Programs is null)
        {
            Skip = "needs PostgreSQL in /usr/lib/postgresql: not there";
        }
    }
}
