#:project ../src/Lorikeet.Training/Lorikeet.Training.csproj
#:property PublishAot=false
#:property GenerateDocumentationFile=false

// Loads `lorikeet serve` for as long as asked with everything at once: the steady workload of `lorikeet bench serve`, random requests of all routes, uploads, rollbacks and deletes, clients that leave,
// readers that are slow, requests that are wrong, connections that say nothing. Every five seconds it notes memory, pages, adapters and requests to a file; in the end it draws them.
//   dotnet run eng/soak.cs -- --minutes 60 --out runs/soak
// It fails when memory goes on growing after the first quarter, when pages or requests are left over, when an answer differs from the first one to the same request, or when the server answers with a fault.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;
using Lorikeet.Training;

const int Adapters = 60, Names = 12, SampleSeconds = 5;
Dictionary<string, string> options = [];
for (int i = 0; i + 1 < args.Length; i += 2)
{
    options[args[i]] = args[i + 1];
}
string Option(string name, string otherwise) => options.TryGetValue(name, out string? value) ? value : otherwise;
double Real(string name, string otherwise) => double.Parse(Option(name, otherwise), CultureInfo.InvariantCulture);
string[] command = Option("--lorikeet", "./lorikeet").Split(' ');
string folder = Path.GetFullPath(Option("--out", "runs/soak"));
double minutes = Real("--minutes", "60"), rate = Real("--rate", "4");
ulong seed = ulong.Parse(Option("--seed", "1"), CultureInfo.InvariantCulture);

if (Directory.Exists(folder))
{
    Directory.Delete(folder, recursive: true);
}
Directory.CreateDirectory(folder);
string model = Option("--model", Path.Combine(folder, "base")), loras = Path.Combine(folder, "loras"), registry = Path.Combine(folder, "registry.db");
if (!options.ContainsKey("--model"))
{
    ModelConfig shape = new() { HiddenSize = 64, IntermediateSize = 128, Layers = 4, Heads = 4, KeyHeads = 2, HeadDim = 16, VocabularySize = 257, MaxPositions = 1024, EndIds = [256] };
    using LanguageModel made = ModelLoader.Create(shape, new CounterRandom(seed), ElementType.F32);
    ModelWriter.Save(made, model);
    new ByteTokenizer().Save(model);
    File.WriteAllText(Path.Combine(model, "chat_template.jinja"), "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>");
}
Run("bench", "make", loras, "--base", model, "--count", $"{Adapters}", "--rank", "4", "8", "16");
string[] keys = [.. ((string[])["acme", "zeta"]).Select(tenant => Run("key", "--registry", registry, "--tenant", tenant, "--scope", "infer", "--scope", "manage").Trim())];
Process server = Begin(
    "serve", "--model", model, "--adapter-dir", loras, "--registry", registry, "--store", Path.Combine(folder, "store"), "--require-keys", "--open-metrics", "--port", "0", "--cache-mib", "8",
    "--max-num-seqs", "32", "--queue", "256", "--generation-config", "none");
AppDomain.CurrentDomain.ProcessExit += (_, _) => End(server);
string line = server.StandardError.ReadLine() ?? throw new InvalidOperationException("the server did not start");
Uri address = new(line.Split(" on ")[1].Split([',', ';'])[0]);
Task<string> errors = server.StandardError.ReadToEndAsync();

using SocketsHttpHandler handler = new() { PooledConnectionLifetime = TimeSpan.FromMinutes(2) };
using HttpClient http = new(handler) { BaseAddress = address, Timeout = TimeSpan.FromMinutes(2) };
ConcurrentDictionary<string, long> counts = [];
ConcurrentDictionary<string, string> first = [];
ConcurrentQueue<string> faults = [];
List<Sample> samples = [];
using CancellationTokenSource over = new(TimeSpan.FromMinutes(minutes));
Stopwatch clock = Stopwatch.StartNew();
Process bench = Begin(
    "bench", "serve", "--server", address.ToString(), "--key", keys[0], "--adapter-count", $"{Adapters}", "--alpha", "0.3", "--rate", Number(rate), "--duration", Number(minutes * 60), "--input", "8", "64",
    "--output", "8", "64", "--cv", "2", "--seed", $"{seed}", "--json");
AppDomain.CurrentDomain.ProcessExit += (_, _) => End(bench);
Task<string> load = bench.StandardOutput.ReadToEndAsync(), loadErrors = bench.StandardError.ReadToEndAsync();
List<Task> work = [SampleAsync()];
work.AddRange(Enumerable.Range(0, 4).Select(i => LoopAsync($"ask {i}", AskAsync)));
work.Add(LoopAsync("change", ChangeAsync));
work.Add(LoopAsync("leave", LeaveAsync));
work.Add(LoopAsync("slow", SlowAsync));
work.Add(LoopAsync("wrong", WrongAsync));
work.Add(LoopAsync("silent", SilentAsync));
await Task.WhenAll(work);
File.WriteAllText(Path.Combine(folder, "load.json"), await load);
await bench.WaitForExitAsync();
if (bench.ExitCode != 0)
{
    faults.Enqueue($"bench serve ended with {bench.ExitCode}: {await loadErrors}");
}

// At rest: what is still in use now is lost.
await Task.Delay(2000);
foreach (string key in keys)
{
    for (int i = 0; i < Names; i++)
    {
        await SendAsync("delete", HttpMethod.Delete, $"/lorikeet/v1/adapters/up-{i}", null, key);
    }
}
// The figures are those of the last step: two more, for what was deleted before.
for (int i = 0; i < 2; i++)
{
    await SendAsync("rest", HttpMethod.Post, "/v1/completions", """{"prompt":"at rest","max_tokens":1}""", keys[0]);
    await Task.Delay(500);
}
Sample rest = Measure();
if (rest.InFlight != 0 || rest.PoolUsed != rest.PoolIdle)
{
    faults.Enqueue($"at rest {rest.InFlight} requests are open and {rest.PoolUsed - rest.PoolIdle} bytes of the pool in use");
}
Sample[] steady = [.. samples.Skip(samples.Count / 4)];
double resident = Growth(steady, s => s.Resident), heap = Growth(steady, s => s.Heap);
// A bound on what the straight line through all samples grows by over the whole of them.
if (resident > Math.Max(8 << 20, 0.05 * steady.Average(s => s.Resident)) || heap > 4 << 20)
{
    faults.Enqueue($"memory grows: {resident / (1 << 20):F1} MiB resident, {heap / (1 << 20):F1} MiB managed over {(steady[^1].Seconds - steady[0].Seconds) / 60:F1} minutes");
}
if (steady[^1].Files > steady[0].Files + 64)
{
    faults.Enqueue($"{steady[^1].Files} files are open, {steady[0].Files} were");
}
using (Process stop = Process.Start("kill", ["-TERM", $"{server.Id}"]))
{
    stop.WaitForExit();
}
await server.WaitForExitAsync();
if (server.ExitCode != 0)
{
    faults.Enqueue($"the server ended with {server.ExitCode}: {await errors}");
}
Report();
return faults.IsEmpty ? 0 : 1;

async Task LoopAsync(string name, Func<Draw, Task> step)
{
    Draw draw = new(new CounterRandom(seed).Named(name));
    while (!over.IsCancellationRequested)
    {
        try
        {
            await step(draw);
        }
        catch (Exception e)
        {
            faults.Enqueue($"{name}: {e.GetType().Name}: {e.Message}");
        }
    }
}

// Any route, any adapter, whole or as a stream; one in eight has been asked before and must be answered as it was.
async Task AskAsync(Draw draw)
{
    string key = keys[draw.Next(2)], name = draw.Next(5) == 0 ? "base" : $"bench-{draw.Next(Adapters):D4}";
    if (draw.Next(8) == 0)
    {
        string body = $$"""{"model":"{{name}}","prompt":"The same question","max_tokens":16,"seed":5,"logprobs":1,"ignore_eos":true}""";
        (int status, string answer) = await SendAsync("again", HttpMethod.Post, "/v1/completions", body, key);
        if (status == 200)
        {
            using JsonDocument json = JsonDocument.Parse(answer);
            string choices = json.RootElement.GetProperty("choices").GetRawText();
            if (first.GetOrAdd(name, choices) != choices)
            {
                faults.Enqueue($"{name} answers differently: {choices}");
            }
        }
        return;
    }
    string text = string.Concat(Enumerable.Range(0, 1 + draw.Next(40)).Select(i => $"{(draw.Next(3) * 50) + i} "));
    string stream = draw.Next(2) == 0 ? "true" : "false", tokens = $"{1 + draw.Next(60)}", n = draw.Next(6) == 0 ? "3" : "1";
    string more = draw.Next(6) switch
    {
        0 => ",\"guided_json\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\",\"maxLength\":5}},\"required\":[\"a\",\"b\"]}",
        1 => ",\"guided_regex\":\"[a-z]{3,9}( [0-9]+)*\"",
        2 => ",\"ignore_eos\":true",
        _ => "",
    };
    (string path, string request) = draw.Next(6) switch
    {
        0 => ("/v1/embeddings", $$"""{"model":"{{name}}","input":["{{text}}","{{text}} too"]}"""),
        1 => ("/tokenize", $$"""{"model":"{{name}}","prompt":"{{text}}"}"""),
        2 or 3 => ("/v1/chat/completions", $$"""{"model":"{{name}}","messages":[{"role":"user","content":"{{text}}"}],"max_tokens":{{tokens}},"n":{{n}},"stream":{{stream}}{{more}}}"""),
        _ => ("/v1/completions", $$"""{"model":"{{name}}","prompt":"{{text}}","max_tokens":{{tokens}},"n":{{n}},"stream":{{stream}}{{more}}}"""),
    };
    await SendAsync("ask", HttpMethod.Post, path, request, key, draw.Next(20) == 0 ? "40" : null);
}

// Uploads of new and old content, rollbacks, aliases, pins, deletes; and questions to what was uploaded.
async Task ChangeAsync(Draw draw)
{
    string key = keys[draw.Next(2)], name = $"up-{draw.Next(Names)}", path = $"/lorikeet/v1/adapters/{name}";
    switch (draw.Next(8))
    {
        case 0 or 1 or 2:
            string source = Path.Combine(loras, $"bench-{draw.Next(Adapters):D4}");
            using (MultipartFormDataContent content = [])
            {
                foreach (string file in (string[])["adapter_config.json", "adapter_model.safetensors"])
                {
                    byte[] bytes = File.ReadAllBytes(Path.Combine(source, file));
                    content.Add(new ByteArrayContent(draw.Next(10) == 0 ? bytes[..(bytes.Length / 2)] : bytes), file, file);
                }
                await SendContentAsync("upload", HttpMethod.Put, path, content, key, null);
            }
            break;
        case 3:
            await SendAsync("rollback", HttpMethod.Post, path + "/rollback", "", key);
            break;
        case 4:
            await SendAsync("pin", HttpMethod.Post, path + (draw.Next(3) == 0 ? "/pin" : "/unpin"), "", key);
            break;
        case 5:
            await SendAsync("delete", HttpMethod.Delete, path, null, key);
            break;
        default:
            await SendAsync("ask uploaded", HttpMethod.Post, "/v1/completions", $$"""{"model":"{{name}}","prompt":"x","max_tokens":20}""", key);
            break;
    }
    await Task.Delay(draw.Next(300));
}

// A client that goes away in the queue, in its prompt, in its answer.
async Task LeaveAsync(Draw draw)
{
    using CancellationTokenSource leave = new(draw.Next(200));
    using HttpRequestMessage request = Message(HttpMethod.Post, "/v1/completions", Json($$"""{"model":"bench-{{draw.Next(Adapters):D4}}","prompt":["{{new string('a', 1 + draw.Next(500))}}","b"],"n":2,"max_tokens":400,"ignore_eos":true,"stream":{{(draw.Next(2) == 0 ? "true" : "false")}}}"""), keys[draw.Next(2)]);
    try
    {
        using HttpResponseMessage response = await http.SendAsync(request, leave.Token);
        Count("leave", (int)response.StatusCode);
        if (!response.IsSuccessStatusCode && (int)response.StatusCode != 429)
        {
            faults.Enqueue($"leave: {await response.Content.ReadAsStringAsync()}");
        }
    }
    catch (OperationCanceledException) when (leave.IsCancellationRequested)
    {
        Count("leave", 499);
    }
}

// A reader that takes its stream a little at a time, and now and then not at all.
async Task SlowAsync(Draw draw)
{
    using HttpRequestMessage request = Message(HttpMethod.Post, "/v1/completions", Json($$"""{"model":"bench-{{draw.Next(Adapters):D4}}","prompt":"slowly","n":8,"max_tokens":100,"ignore_eos":true,"stream":true}"""), keys[draw.Next(2)]);
    using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    await using Stream stream = await response.Content.ReadAsStreamAsync();
    byte[] buffer = new byte[4096];
    int reads = draw.Next(40);
    while (reads-- > 0 && !over.IsCancellationRequested && await stream.ReadAsync(buffer) > 0)
    {
        await Task.Delay(draw.Next(100));
    }
    Count("slow", (int)response.StatusCode);
}

async Task WrongAsync(Draw draw)
{
    string body = draw.Next(8) switch
    {
        0 => "{", 1 => "[]", 2 => new string('[', 5000), 3 => "{\"prompt\":1e999}", 4 => "{\"prompt\":\"x\",\"max_tokens\":-1}", 5 => "{\"model\":\"no-such\",\"prompt\":\"x\"}",
        6 => "{\"prompt\":\"x\",\"guided_regex\":\"((\"}", _ => "{\"prompt\":\"" + new string('x', 3000) + "\",\"max_tokens\":1000}",
    };
    (int status, _) = await SendAsync("wrong", HttpMethod.Post, "/v1/completions", body, draw.Next(10) == 0 ? "lk-wrong" : keys[draw.Next(2)]);
    if (status is not (400 or 401 or 404 or 413 or 429))
    {
        faults.Enqueue($"{(body.Length > 80 ? body[..80] : body)} gave {status}");
    }
    await Task.Delay(draw.Next(100));
}

async Task SilentAsync(Draw draw)
{
    List<TcpClient> clients = [];
    for (int i = draw.Next(20); i >= 0; i--)
    {
        TcpClient client = new();
        clients.Add(client);
        await client.ConnectAsync(address.Host, address.Port);
        if (i % 2 == 0)
        {
            await client.GetStream().WriteAsync("POST /v1/completions HTTP/1.1\r\nContent-Length: 1000\r\n"u8.ToArray());
        }
    }
    await Task.Delay(draw.Next(3000));
    clients.ForEach(c => c.Dispose());
    Count("silent", 0);
}

Task<(int Status, string Body)> SendAsync(string kind, HttpMethod method, string path, string? body, string key, string? deadline = null) => SendContentAsync(kind, method, path, body is null ? null : Json(body), key, deadline);

async Task<(int Status, string Body)> SendContentAsync(string kind, HttpMethod method, string path, HttpContent? content, string key, string? deadline)
{
    using HttpRequestMessage request = Message(method, path, content, key);
    if (deadline is not null)
    {
        request.Headers.Add("X-Lorikeet-Deadline-Ms", deadline);
    }
    using HttpResponseMessage response = await http.SendAsync(request);
    string body = await response.Content.ReadAsStringAsync();
    int status = (int)response.StatusCode;
    Count(kind, status);
    if ((status == 400 && kind is "ask" or "again" or "ask uploaded") || status is 408 or 409 or 501 || (status >= 500 && !body.Contains("deadline_exceeded", StringComparison.Ordinal)))
    {
        faults.Enqueue($"{method} {path} gave {status}: {body}");
    }
    return (status, body);
}

static HttpRequestMessage Message(HttpMethod method, string path, HttpContent? content, string key) => new(method, path) { Content = content, Headers = { Authorization = new AuthenticationHeaderValue("Bearer", key) } };

static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

void Count(string kind, int status) => counts.AddOrUpdate($"{kind} {status}", 1, (_, n) => n + 1);

async Task SampleAsync()
{
    await using StreamWriter notes = new(Path.Combine(folder, "samples.jsonl"));
    while (!over.IsCancellationRequested)
    {
        Sample sample;
        try
        {
            sample = Measure();
        }
        catch (Exception e) when (e is HttpRequestException or IOException or KeyNotFoundException)
        {
            faults.Enqueue($"the server cannot be measured: {e.Message}");
            await over.CancelAsync();
            return;
        }
        samples.Add(sample);
        await notes.WriteLineAsync(
            $$"""{"seconds":{{Number(sample.Seconds)}},"resident":{{Number(sample.Resident)}},"heap":{{Number(sample.Heap)}},"pool_used":{{Number(sample.PoolUsed)}},"pool_idle":{{Number(sample.PoolIdle)}},"adapter_bytes":{{Number(sample.AdapterBytes)}},"adapters":{{Number(sample.Adapters)}},"registered":{{Number(sample.Registered)}},"in_flight":{{Number(sample.InFlight)}},"requests":{{Number(sample.Requests)}},"tokens":{{Number(sample.Tokens)}},"files":{{sample.Files}},"threads":{{sample.Threads}}}""");
        await notes.FlushAsync();
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(SampleSeconds), over.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }
    }
}

Sample Measure()
{
    Dictionary<string, double> metrics = [];
    foreach (string sample in http.GetStringAsync("/metrics").GetAwaiter().GetResult().Split('\n').Where(l => l.Length > 0 && l[0] != '#'))
    {
        string name = sample.Split(['{', ' '])[0];
        metrics[name] = metrics.GetValueOrDefault(name) + double.Parse(sample[(sample.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
    }
    string[] status = File.ReadAllLines($"/proc/{server.Id}/status");
    double Status(string name) => double.Parse(status.First(l => l.StartsWith(name, StringComparison.Ordinal)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    return new Sample(
        clock.Elapsed.TotalSeconds, Status("VmRSS:") * 1024, metrics["dotnet_total_memory_bytes"], metrics["lorikeet_pool_used_bytes"], metrics["lorikeet_pool_idle_bytes"], metrics["lorikeet_adapter_resident_bytes"],
        metrics["lorikeet_adapters_resident"], metrics["lorikeet_adapters_registered"], metrics["lorikeet_requests_in_flight"], metrics.GetValueOrDefault("http_requests_total"), metrics["vllm:generation_tokens_total"],
        Directory.EnumerateFileSystemEntries($"/proc/{server.Id}/fd").Count(), (int)Status("Threads:"));
}

// What the least-squares line through the samples grows by from the first to the last.
static double Growth(Sample[] samples, Func<Sample, double> of)
{
    double x = samples.Average(s => s.Seconds), y = samples.Average(of);
    double slope = samples.Sum(s => (s.Seconds - x) * (of(s) - y)) / samples.Sum(s => (s.Seconds - x) * (s.Seconds - x));
    return slope * (samples[^1].Seconds - samples[0].Seconds);
}

void Report()
{
    ChartLine Line(string name, Func<Sample, double> of) => new(name, [.. samples.Select(s => (s.Seconds / 60, of(s) / (1 << 20)))], LineStyle.Plain);
    Chart chart = new(
        "Memory of a server under mixed load", "minutes", "MiB",
        [Line("resident", s => s.Resident), Line("managed heap", s => s.Heap), Line("pool: keys, values and adapters", s => s.PoolUsed), Line("pool: adapters", s => s.AdapterBytes)]);
    File.WriteAllText(Path.Combine(folder, "soak.svg"), chart.Draw());
    Sample last = samples[^1];
    StringBuilder text = new();
    text.Append(CultureInfo.InvariantCulture, $"{last.Seconds / 60:F1} minutes, {last.Requests:N0} HTTP requests, {last.Tokens:N0} tokens generated\n");
    text.Append(CultureInfo.InvariantCulture, $"resident {steady.Average(s => s.Resident) / (1 << 20):F1} MiB (growth {resident / (1 << 20):F2}), managed {steady.Average(s => s.Heap) / (1 << 20):F1} MiB (growth {heap / (1 << 20):F2})\n");
    text.Append(CultureInfo.InvariantCulture, $"files {steady[0].Files} to {last.Files}, threads {steady[0].Threads} to {last.Threads}, adapters in memory {steady.Min(s => s.Adapters)} to {steady.Max(s => s.Adapters)}; at rest {rest.InFlight} requests, {rest.PoolUsed - rest.PoolIdle} bytes of the pool in use\n");
    text.Append(string.Join(", ", counts.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Key}: {c.Value}"))).Append('\n');
    foreach (string fault in faults.Take(20))
    {
        text.Append("FAULT ").Append(fault).Append('\n');
    }
    File.WriteAllText(Path.Combine(folder, "report.txt"), text.ToString());
    Console.Write(text);
}

Process Begin(params string[] arguments) => Process.Start(new ProcessStartInfo(command[0], [.. command[1..], .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;

static void End(Process process)
{
    if (!process.HasExited)
    {
        process.Kill();
    }
}

string Run(params string[] arguments)
{
    using Process process = Process.Start(new ProcessStartInfo(command[0], [.. command[1..], .. arguments]) { RedirectStandardOutput = true })!;
    string output = process.StandardOutput.ReadToEnd();
    process.WaitForExit();
    return process.ExitCode == 0 ? output : throw new InvalidOperationException($"lorikeet {string.Join(' ', arguments)} ended with {process.ExitCode}");
}

static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

internal sealed record Sample(
    double Seconds, double Resident, double Heap, double PoolUsed, double PoolIdle, double AdapterBytes, double Adapters, double Registered, double InFlight, double Requests, double Tokens, int Files, int Threads);

internal sealed class Draw(CounterRandom random)
{
    private ulong count;

    public int Next(int below) => random.Integer(count++, below);
}
