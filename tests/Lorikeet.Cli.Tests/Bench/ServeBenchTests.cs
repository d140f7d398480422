using System.Text.Json;
using Lorikeet.Models.Text;
using Lorikeet.Server;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Tests.Bench;

/// <summary>The load generator against the server itself.</summary>
[Collection("console")]
public sealed class ServeBenchTests
{
    [Theory]
    [InlineData]
    [InlineData("--concurrency", "3")]
    [InlineData("--ids", "200")]
    [InlineData("--chat", "--plain")]
    [InlineData("--in-turn")]
    public async Task Every_request_is_answered_and_counted(params string[] more)
    {
        using TemporaryFolder folder = new();
        string model = TinyFiles.Model(folder["base"]), page = folder["load.html"];
        Cli.Run("bench", "make", folder["loras"], "--base", model, "--count", "3", "--rank", "2", "4").Done();
        await File.WriteAllTextAsync(Path.Combine(model, "chat_template.jinja"), "{{ messages[0].content }}");
        await using LorikeetServer server = await StartAsync(model, folder["loras"]);
        CliResult run = await Task.Run(() => Cli.Run(
            ["bench", "serve", "--server", server.Address.ToString(), "--adapter-count", "3", "--requests", "12", "--rate", "200", "--input", "2", "5", "--output", "3", "6", "--json", "--html", page, .. more]).Done());
        await server.StopAsync();
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement root = json.RootElement;
        Assert.True(root.GetProperty("answered").GetInt32() == 12, run.Output);
        Assert.Equal(1, root.GetProperty("slo_attainment").GetDouble());
        Assert.True(root.GetProperty("first_token_s").GetProperty("p50").GetDouble() > 0);
        Assert.True(root.GetProperty("input_tokens_per_s").GetDouble() > 0);
        Assert.True(root.GetProperty("request_s").GetProperty("max").GetDouble() >= root.GetProperty("first_token_s").GetProperty("max").GetDouble());
        string html = await File.ReadAllTextAsync(page);
        Assert.Contains("<svg", html, StringComparison.Ordinal);
        Assert.Contains("In flight", html, StringComparison.Ordinal);
    }

    /// <summary>Answers that are kept are all that was said: equal runs write equal files, however many requests were on the way.</summary>
    [Theory]
    [InlineData]
    [InlineData("--chat")]
    public async Task Kept_answers_of_equal_requests_are_equal_files(params string[] more)
    {
        using TemporaryFolder folder = new();
        string model = TinyFiles.Model(folder["base"]);
        Cli.Run("bench", "make", folder["loras"], "--base", model, "--count", "3", "--rank", "2", "4").Done();
        await File.WriteAllTextAsync(Path.Combine(model, "chat_template.jinja"), "{{ messages[0].content }}");
        await using LorikeetServer server = await StartAsync(model, folder["loras"]);
        string[] one = await RunAsync("one", "1"), many = await RunAsync("many", "6"), other = await RunAsync("other", "1", "--seed", "3");
        Assert.Equal(one, many);
        Assert.NotEqual(one, other);
        Assert.Equal(12, one.Length);
        for (int i = 0; i < one.Length; i++)
        {
            using JsonDocument line = JsonDocument.Parse(one[i]);
            JsonElement root = line.RootElement;
            Assert.Equal((i, "length"), (root.GetProperty("request").GetInt32(), root.GetProperty("finish_reason").GetString()));
            int tokens = root.GetProperty(more.Length > 0 ? "content" : "token_logprobs").GetArrayLength();
            Assert.InRange(tokens, 3, 5);
            Assert.Equal(tokens, root.GetProperty("token_ids").GetArrayLength());
        }
        string[] failed = await RunAsync("failed", "1", "--adapters", "absent");
        Assert.All(failed, line => Assert.Contains("404 model_not_found", line, StringComparison.Ordinal));
        await server.StopAsync();

        async Task<string[]> RunAsync(string name, string concurrency, params string[] last)
        {
            string[] adapters = last.Contains("--adapters") ? [] : ["--adapter-count", "3"];
            await Task.Run(() => Cli.Run([
                "bench", "serve", "--server", server.Address.ToString(), "--requests", "12", "--concurrency", concurrency, "--input", "2", "5", "--output", "3", "6", "--answers", folder[name],
                .. adapters, .. more, .. last]).Done());
            return await File.ReadAllLinesAsync(folder[name]);
        }
    }

    [Fact]
    public async Task Failures_are_counted_by_kind()
    {
        using TemporaryFolder folder = new();
        string model = TinyFiles.Model(folder["base"]);
        await using LorikeetServer server = await StartAsync(model, null);
        CliResult run = await Task.Run(() => Cli.Run(
            "bench", "serve", "--server", server.Address.ToString(), "--adapters", "base", "absent", "--requests", "20", "--rate", "500", "--input", "2", "3", "--output", "2", "3", "--warm-up", "0").Done());
        await server.StopAsync();
        Assert.Matches(@"failed    \d+: 404 model_not_found", run.Output);
        Assert.Matches(@"\d+ answered, \d+ failed", run.Output);
    }

    [Fact]
    public void A_model_of_a_shape_is_one_that_serves_and_becomes_a_file()
    {
        using TemporaryFolder folder = new();
        Cli.Run("bench", "make", folder["s"], "--shape", "S").Done();
        Assert.Contains("49,152", Cli.Run("inspect", folder["s"]).Done().Output, StringComparison.Ordinal);
        Tokenizer tokenizer = Tokenizer.Load(folder["s"]);
        Assert.Equal("the cat", tokenizer.Decode(tokenizer.Encode("the cat")));
        // Every token is a text of its own.
        Assert.Equal(49_152, Enumerable.Range(0, 49_152).Select(tokenizer.TokenText).Distinct().Count());
        Cli.Run("bench", "make", folder["s"], "--shape", "S").Refused(2);
    }

    [Fact]
    public void Nobody_listening_is_a_kind_of_failure() => Assert.Contains(
        "connection: ConnectionError",
        Cli.Run("bench", "serve", "--server", "http://127.0.0.1:9", "--model", "any", "--requests", "2", "--rate", "100", "--warm-up", "0").Done().Output,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("--server", "here")]
    [InlineData("--input", "5", "5")]
    [InlineData("--rate", "0")]
    [InlineData("--cv", "NaN")]
    [InlineData("--requests", "0")]
    [InlineData("--adapters", "a", "--model", "b")]
    [InlineData("--chat", "--ids", "5")]
    [InlineData("--concurrency", "0")]
    public void Wrong_use_is_one_line(params string[] options) => Cli.Run(["bench", "serve", .. options]).Refused(2);

    private static async Task<LorikeetServer> StartAsync(string model, string? adapters)
    {
        LorikeetServer server = LorikeetServer.Create(new ServerOptions
        {
            Model = model,
            ServedNames = ["base"],
            Port = 0,
            GenerationConfig = "none",
            AdapterFolder = adapters,
            Engine = new EngineOptions { CacheBytes = 64 << 20, MaxSequences = 16, MaxRows = 128 },
        });
        await server.StartAsync();
        return server;
    }
}
