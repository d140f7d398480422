using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Faults;

/// <summary><c>lorikeet serve</c> as a process of its own that a test asks, watches and kills.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly Process process;
    private readonly Task<string> rest;

    private ServerProcess(Process process, Uri address)
    {
        this.process = process;
        rest = process.StandardError.ReadToEndAsync();
        Http = new HttpClient { BaseAddress = address, Timeout = Wait.Longest };
    }

    public HttpClient Http { get; }

    /// <summary>Bytes in memory, read calls' bytes, open files: what Linux counts for the process.</summary>
    public (long Resident, long Read, int Files) Counters => (
        Line("status", "VmRSS:") * 1024,
        Line("io", "rchar:"),
        Directory.EnumerateFileSystemEntries($"/proc/{process.Id}/fd").Count());

    public static async Task<ServerProcess> StartAsync(params string[] arguments)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!.Contains("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath! : "dotnet") { RedirectStandardError = true };
        foreach (string argument in (string[])[Path.Combine(AppContext.BaseDirectory, "lorikeet.dll"), "serve", "--port", "0", "--generation-config", "none", .. arguments])
        {
            start.ArgumentList.Add(argument);
        }
        Process process = Process.Start(start)!;
        string? line = await process.StandardError.ReadLineAsync();
        Assert.True(line?.Contains(" on http", StringComparison.Ordinal) == true, line);
        return new ServerProcess(process, new Uri(line!.Split(" on ")[1].Split([',', ';'])[0]));
    }

    /// <summary>Ends it as the system does when memory runs out: no handler runs.</summary>
    public async Task KillAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        await rest;
    }

    public async Task<(int Status, string Body)> SendAsync(HttpMethod method, string path, HttpContent? content = null)
    {
        using HttpRequestMessage request = new(method, path) { Content = content };
        using HttpResponseMessage response = await Http.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public Task<(int Status, string Body)> PutAsync(string name, string folder)
    {
        MultipartFormDataContent content = [];
        foreach (string file in (string[])["adapter_config.json", "adapter_model.safetensors"])
        {
            content.Add(new ByteArrayContent(File.ReadAllBytes(Path.Combine(folder, file))), file, file);
        }
        return SendAsync(HttpMethod.Put, "/lorikeet/v1/adapters/" + name, content);
    }

    /// <summary>A completion's choices, bit for bit.</summary>
    public async Task<string> AskAsync(string model)
    {
        (int status, string body) = await SendAsync(HttpMethod.Post, "/v1/completions", Json($$"""{"model":"{{model}}","prompt":"The sea","max_tokens":12,"seed":3,"logprobs":2,"ignore_eos":true}"""));
        Assert.True(status == 200, body);
        using JsonDocument json = JsonDocument.Parse(body);
        return json.RootElement.GetProperty("choices").GetRawText();
    }

    public static StringContent Json(string text) => new(text, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));

    public void Dispose()
    {
        Http.Dispose();
        if (!process.HasExited)
        {
            process.Kill();
            process.WaitForExit();
        }
        process.Dispose();
    }

    private long Line(string file, string name) =>
        long.Parse(File.ReadLines($"/proc/{process.Id}/{file}").First(l => l.StartsWith(name, StringComparison.Ordinal)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
