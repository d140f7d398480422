using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Lorikeet.Cli.Tests;

/// <summary>The server as a user starts it: a process, a request, a signal.</summary>
[Collection("console")]
public sealed class ServeCommandTests
{
    [Fact]
    public async Task Serves_until_it_is_told_to_stop()
    {
        using TemporaryFolder folder = new();
        string model = TinyFiles.Model(folder["base"]), adapter = TinyFiles.Adapter(folder["legal"], model), registry = folder["registry.db"];
        string key = Cli.Run("key", "--registry", registry, "--scope", "infer", "--label", "test").Done().Output.Trim();
        Assert.StartsWith("lk-", key, StringComparison.Ordinal);
        using Process server = Start("serve", "--model", model, "--adapter", $"legal={adapter}", "--registry", registry, "--require-keys", "--port", "0", "--generation-config", "none");
        string line = (await server.StandardError.ReadLineAsync())!;
        Assert.Contains("keys demanded", line, StringComparison.Ordinal);
        using HttpClient http = new() { BaseAddress = new Uri(line.Split(" on ")[1].Split(',')[0]) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        using StringContent body = new("""{"model":"legal","prompt":"The sea","max_tokens":4}""", Encoding.UTF8, "application/json");
        using HttpResponseMessage answer = await http.PostAsync(new Uri("/v1/completions", UriKind.Relative), body);
        using JsonDocument json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        Assert.Equal("legal", json.RootElement.GetProperty("model").GetString());
        using (Process kill = Process.Start("/bin/sh", ["-c", $"kill -TERM {server.Id}"]))
        {
            await kill.WaitForExitAsync();
        }
        await server.WaitForExitAsync();
        Assert.Equal(0, server.ExitCode);
    }

    [Theory]
    [InlineData("--host", "0.0.0.0")]
    [InlineData("--host", "example")]
    [InlineData("--port", "70000")]
    [InlineData("--adapter", "legal")]
    [InlineData("--named-tool-finish", "never")]
    [InlineData("--override-generation-config", "[]")]
    [InlineData("--cache-mib", "0")]
    public void Wrong_use_is_one_line(params string[] options) => Cli.Run(["serve", "--model", "/no/such", .. options]).Refused(2);

    [Fact]
    public void An_absent_model_is_one_line() => Assert.Contains("/no/such", Cli.Run("serve", "--model", "/no/such").Refused(), StringComparison.Ordinal);

    [Fact]
    public void Sequences_longer_than_the_models_are_one_line()
    {
        using TemporaryFolder folder = new();
        string model = TinyFiles.Model(folder["base"]);
        Assert.Contains("--max-model-len", Cli.Run("serve", "--model", model, "--port", "0", "--max-model-len", "1M").Refused(), StringComparison.Ordinal);
    }

    private static Process Start(params string[] arguments)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!.Contains("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath! : "dotnet") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string argument in arguments.Prepend(Path.Combine(AppContext.BaseDirectory, "lorikeet.dll")))
        {
            start.ArgumentList.Add(argument);
        }
        return Process.Start(start)!;
    }
}
