using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;
using Lorikeet.Tensors;
using Lorikeet.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lorikeet.Server.Tests;

/// <summary>A server of a small random model on a free port of 127.0.0.1, with a folder for its files.</summary>
public sealed class TinyServer : IAsyncDisposable
{
    public const string Base = "tiny";
    public const string Template =
        "{%- for m in messages -%}<{{ m.role }}>{{ m.content }}{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ c.function.name }}{{ c.function.arguments | tojson }}</tool_call>{% endfor %}{% endif %}\n{% endfor -%}{%- if tools -%}[{{ tools | tojson }}]{%- endif -%}{%- if add_generation_prompt -%}<assistant>{%- endif -%}";

    public static ModelConfig Config { get; } = new()
    {
        HiddenSize = 16,
        IntermediateSize = 24,
        Layers = 2,
        Heads = 4,
        KeyHeads = 2,
        HeadDim = 4,
        VocabularySize = 257,
        MaxPositions = 1024,
        EndIds = [256],
    };

    private static readonly Lazy<string> SharedModel = new(() =>
    {
        // No name of this process: others of the same number may share the folder of temporary files.
        string folder = Directory.CreateTempSubdirectory("lorikeet-server-model-").FullName;
        using LanguageModel model = ModelLoader.Build(Config, new RandomSource(new CounterRandom(7), ElementType.F32, 0.4f));
        ModelWriter.Save(model, folder);
        new ByteTokenizer().Save(folder);
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), Template);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    });

    private TinyServer(LorikeetServer server, EngineInference engine, string folder)
    {
        Server = server;
        Engine = engine;
        Folder = folder;
        Http = new HttpClient { BaseAddress = server.Address, Timeout = Wait.Longest };
    }

    public static string Model => SharedModel.Value;

    public LorikeetServer Server { get; }

    public HttpClient Http { get; }

    /// <summary>The engine itself, whatever a test put around it.</summary>
    internal EngineInference Engine { get; }

    /// <summary>A folder of this server's own.</summary>
    public string Folder { get; }

    internal static async Task<TinyServer> StartAsync(Func<ServerOptions, string, ServerOptions>? change = null, Func<IInference, IInference>? wrap = null)
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-server-").FullName;
        ServerOptions options = new()
        {
            Model = Model,
            ServedNames = [Base, "base"],
            Port = 0,
            GenerationConfig = "none",
            Store = Path.Combine(folder, "store"),
            DrainTime = TimeSpan.FromSeconds(5),
            RegistryPoll = TimeSpan.FromMilliseconds(100),
            Engine = new EngineOptions { CacheBytes = 64 << 20, MaxSequences = 16, MaxRows = 128 },
        };
        options = change?.Invoke(options, folder) ?? options;
        Tokenizer tokenizer = Tokenizer.Load(options.Model);
        EngineInference inference = new(ModelLoader.Load(options.Model), tokenizer, options.Engine);
        LorikeetServer server = LorikeetServer.Create(options, services => services.AddSingleton<IInference>(_ => wrap?.Invoke(inference) ?? inference), logging => logging.SetMinimumLevel(LogLevel.None));
        await server.StartAsync();
        return new TinyServer(server, inference, folder);
    }

    /// <summary>A LoRA of random factors in a folder of the server's.</summary>
    public string Adapter(string name, ulong seed, float size = 1f, string? template = null) => MakeAdapter(Path.Combine(Folder, name), seed, size, template);

    public static string MakeAdapter(string folder, ulong seed, float size = 1f, string? template = null)
    {
        using LanguageModel model = ModelLoader.Load(Model);
        JsonObject config = new() { ["r"] = 2, ["lora_alpha"] = 4, ["target_modules"] = new JsonArray("q_proj", "v_proj", "down_proj") };
        using TrainedAdapter adapter = AdapterMethods.Find("lora").Create("tiny", model, config, new CounterRandom(seed));
        foreach ((string key, Parameter parameter) in adapter.NamedParameters)
        {
            new CounterRandom(seed).Named(key).FillNormal(parameter.Value.Span, size);
        }
        AdapterFolder.Save(adapter, folder);
        if (template is not null)
        {
            File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), template);
        }
        return folder;
    }

    public static MultipartFormDataContent Upload(string folder)
    {
        MultipartFormDataContent content = [];
        foreach (string name in AdapterFiles.Names)
        {
            string path = Path.Combine(folder, name);
            if (File.Exists(path))
            {
                content.Add(new ByteArrayContent(File.ReadAllBytes(path)), name, name);
            }
        }
        return content;
    }

    public Task<Answer> PostAsync(string path, string json, string? key = null, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, path, new StringContent(json, Encoding.UTF8, "application/json"), key, headers);

    public Task<Answer> GetAsync(string path, string? key = null, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, path, null, key, headers);

    public async Task<Answer> SendAsync(HttpMethod method, string path, HttpContent? content = null, string? key = null, params (string Name, string Value)[] headers)
    {
        using HttpRequestMessage request = new(method, path) { Content = content };
        if (key is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
        foreach ((string name, string value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        using HttpResponseMessage response = await Http.SendAsync(request);
        return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response);
    }

    /// <summary>The text of a greedy completion.</summary>
    public async Task<string> CompleteAsync(string model, string prompt = "abc", string? key = null, string more = "")
    {
        Answer answer = await PostAsync("/v1/completions", $$"""{"model":"{{model}}","prompt":"{{prompt}}","max_tokens":12,"temperature":0,"ignore_eos":true,"return_token_ids":true{{more}}}""", key);
        return answer.Ok().GetProperty("choices")[0].GetProperty("token_ids").GetRawText();
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Server.StopAsync();
        await Server.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>What a server answered.</summary>
public sealed record Answer(int Status, string Body, HttpResponseMessage Response)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public JsonElement Ok(int status = 200)
    {
        Assert.True(Status == status, $"{Status}: {Body}");
        return Json;
    }

    /// <summary>The error object, whose form is checked.</summary>
    public JsonElement Error(int status, string? code = null, string? param = null)
    {
        Assert.True(Status == status, $"expected {status}, got {Status}: {Body}");
        JsonElement error = Json.GetProperty("error");
        Assert.Equal(["message", "type", "param", "code"], error.EnumerateObject().Select(p => p.Name));
        Assert.NotEqual("", error.GetProperty("message").GetString());
        if (code is not null)
        {
            Assert.Equal(code, error.GetProperty("code").GetString());
        }
        if (param is not null)
        {
            Assert.Equal(param, error.GetProperty("param").GetString());
        }
        return error;
    }

    public string? Header(string name) =>
        Response.Headers.TryGetValues(name, out IEnumerable<string>? values) || Response.Content.Headers.TryGetValues(name, out values) ? string.Join(", ", values) : null;

    /// <summary>The events of a stream, which must have the form of section 1.1.</summary>
    public IReadOnlyList<JsonElement> Events()
    {
        Assert.Equal(200, Status);
        Assert.Equal("text/event-stream; charset=utf-8", Header("Content-Type"));
        Assert.Equal("no-cache", Header("Cache-Control"));
        Assert.EndsWith("data: [DONE]\n\n", Body, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', Body);
        string[] events = Body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.All(events, e => Assert.StartsWith("data: ", e, StringComparison.Ordinal));
        return [.. events[..^1].Select(e => JsonDocument.Parse(e["data: ".Length..]).RootElement)];
    }
}
