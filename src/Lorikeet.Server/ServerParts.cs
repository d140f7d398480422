using Lorikeet.Models.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Lorikeet.Server;

/// <summary>The server's parts, put together once, and where they answer.</summary>
internal sealed partial class ServerParts : IAsyncDisposable
{
    private static readonly TimeSpan Upkeep = TimeSpan.FromSeconds(5);
    private readonly ServerOptions options;
    private readonly TimeProvider clock;
    private readonly ILogger<ServerParts> logger;
    private readonly AdapterStore store;
    private readonly bool chat;
    private readonly CancellationTokenSource stopping = new();
    private Task? upkeep;

    public ServerParts(ServerOptions options, string place, IInference inference, ILoggerFactory loggers, TimeProvider clock)
    {
        this.options = options;
        this.clock = clock;
        Inference = inference;
        logger = loggers.CreateLogger<ServerParts>();
        ServerLimits limits = options.Limits;
        int context = options.Engine.Longest(inference.Model);
        Metrics = new ServerMetrics(clock, context);
        Registry = new Registry(RegistryDatabase.Of(options.Registry), options.RegistryPoll, clock, loggers.CreateLogger<Registry>());
        Registry.Changed += inference.Follow;
        Keys = new KeyRing(Registry, options);
        RateLimits rates = new(clock, Metrics);
        Admission = new Admission(limits, rates, Metrics, clock);
        AdapterCheck check = new(inference.Model, limits);
        Directory = new AdapterDirectory(Registry, options, check);
        store = new AdapterStore(Registry, Directory, new AdapterUpload(options), check, options, loggers.CreateLogger<AdapterStore>());
        ChatTemplateSet set = System.IO.Directory.Exists(place) ? ChatTemplateSet.Load(place) : ChatTemplateSet.Of(inference.Tokenizer);
        chat = set.Names.Count > 0;
        ConstraintCompiler constraints = new(inference.Tokenizer, limits);
        Services = new GenerationServices(
            options, inference, Admission, new ModelFields(Directory, limits), constraints, new ChatPrompt(new ChatTemplates(set, limits), inference.Tokenizer, options),
            new KnownFields(options.Strict, loggers.CreateLogger<KnownFields>()), new GenerationRunner(inference, Metrics, Admission),
            new Fingerprint(inference.Model, context, Fingerprint.OfModel(place, options.Weights?.Name)), Defaults(place, inference), Forced(), rates, clock, loggers.CreateLogger<GenerationServices>());
        Chat = new ChatEndpoint(Services);
        Embeddings = new EmbeddingEndpoint(Services, EmbeddingSettings.Read(place, options.Pooling));
    }

    public IInference Inference { get; }

    public ServerMetrics Metrics { get; }

    public Registry Registry { get; }

    public KeyRing Keys { get; }

    public Admission Admission { get; }

    public AdapterDirectory Directory { get; }

    public AdapterStore Store => store;

    public GenerationServices Services { get; }

    public ChatEndpoint Chat { get; }

    public EmbeddingEndpoint Embeddings { get; }

    /// <summary>Whether requests are accepted and can be answered.</summary>
    public bool IsReady => Admission.IsOpen && Inference.IsRunning;

    /// <summary>Requests are accepted from now on; upkeep begins.</summary>
    public void Open()
    {
        Inference.Follow(RegistryChange.All(Registry.Snapshot));
        Admission.Open();
        upkeep ??= UpkeepAsync();
    }

    /// <summary>Puts all routes in place.</summary>
    public void Map(IEndpointRouteBuilder app)
    {
        Routes routes = new(app, Keys);
        AdapterEndpoint adapters = new(Registry, Directory, store, Inference, Admission, options);
        MapInference(routes, adapters);
        MapManagement(routes, adapters);
        MapService(routes);
    }

    /// <summary>Now and then: files that nobody needs go, the times of keys' last use are kept.</summary>
    private async Task UpkeepAsync()
    {
        using PeriodicTimer timer = new(Upkeep, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping.Token))
            {
                try
                {
                    await store.SweepAsync();
                    await Keys.SaveUsesAsync();
                }
                catch (Exception e) when (e is System.Data.Common.DbException or IOException or UnauthorizedAccessException)
                {
                    // It is tried again.
                    UpkeepFailed(logger, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Stopped.
            return;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        if (upkeep is not null)
        {
            await upkeep;
        }
        await Registry.DisposeAsync();
    }

    private void MapInference(Routes routes, AdapterEndpoint adapters)
    {
        GenerationServices services = Services;
        CompletionEndpoint completions = new(services);
        TokenizeEndpoint tokens = new(services);
        ModelEndpoint models = new(Directory, adapters, services, clock.GetUtcNow().ToUnixTimeSeconds());
        routes.Add("POST", "/v1/chat/completions", "infer", "Answers a conversation.", Chat.AnswerAsync, ChatEndpoint.Names, answer: "ChatCompletion Events");
        routes.Add("POST", "/v1/chat/completions/render", "infer", "The token ids of a conversation.", Chat.RenderAsync, ChatEndpoint.Names, answer: "TokenIds");
        routes.Add("POST", "/v1/responses", "infer", "Answers a conversation, in items.", new ResponseEndpoint(services, Chat).AnswerAsync, ResponseEndpoint.Names, answer: "Response Events");
        routes.Add("POST", "/v1/completions", "infer", "Continues texts.", completions.AnswerAsync, CompletionEndpoint.Names, answer: "Completion Events");
        routes.Add("POST", "/v1/completions/render", "infer", "The token ids of texts.", completions.RenderAsync, CompletionEndpoint.Names, answer: "TokenIdLists");
        routes.Add("POST", "/v1/embeddings", "infer", "Vectors of texts.", Embeddings.AnswerAsync, EmbeddingEndpoint.Names, answer: "Embeddings");
        routes.Add("GET", "/v1/models", "infer", "The base and the adapters that the key may use.", models.ListAsync, answer: "Models", query: ["limit", "after"]);
        routes.Add("GET", "/v1/models/{**id}", "infer", "One of them.", models.GetAsync, answer: "Model");
        routes.Add("DELETE", "/v1/models/{**id}", "manage", "Deletes an adapter.", models.DeleteAsync, answer: "Deleted", query: ["tenant"]);
        routes.Add("GET", "/lora-adapters", "infer", "The adapters that the key may use, oldest first.", models.LoraAdaptersAsync, answer: "LoraAdapters");
        foreach (string prefix in (string[])["", "/v1"])
        {
            routes.Add("POST", prefix + "/tokenize", "infer", "The tokens of a text or a conversation.", tokens.TokenizeAsync, TokenizeEndpoint.Names, answer: "Tokens");
            routes.Add("POST", prefix + "/detokenize", "infer", "The text of tokens.", tokens.DetokenizeAsync, TokenizeEndpoint.DetokenizeNames, answer: "Detokenized");
        }
        if (options.TokenizerInfo)
        {
            routes.Add("GET", "/tokenizer_info", "infer", "The tokenizer and its chat template.", tokens.InfoAsync, answer: "TokenizerInfo");
        }
        foreach (string path in (string[])["/classify", "/score", "/v1/score", "/rerank", "/v1/rerank", "/v2/rerank", "/pooling", "/lora-adapters"])
        {
            routes.Add("POST", path, "infer", "Not offered: answers 400 unsupported_operation.", (_, _) => throw ApiException.Unsupported(null, $"{path} is not offered"), answer: OpenApiSchemas.Refused);
        }
        foreach ((string method, string path) in (ReadOnlySpan<(string, string)>)[("GET", "/v1/responses/{id}"), ("DELETE", "/v1/responses/{id}"), ("POST", "/v1/responses/{id}/cancel")])
        {
            routes.Add(method, path, "infer", "Nothing is stored: answers 404.", (_, _) => throw ApiException.NotFound(null, "id", "there is no such response: nothing is stored"), answer: OpenApiSchemas.Refused);
        }
    }

    private void MapManagement(Routes routes, AdapterEndpoint adapters)
    {
        const string Base = "/lorikeet/v1/adapters";
        routes.Add("PUT", Base + "/{name}", "manage", "Uploads an adapter.", adapters.PutAsync, tag: "adapters", answer: "Adapter", query: ["tenant"]);
        routes.Add("GET", Base, null, "The adapters that the key may use.", adapters.ListAsync, tag: "adapters", answer: "Adapters", query: ["tenant", "limit", "after"]);
        routes.Add("GET", Base + "/{name}", null, "One of them.", adapters.GetAsync, tag: "adapters", answer: "Adapter", query: ["tenant"]);
        routes.Add("GET", Base + "/{name}/versions", "manage", "Its versions, newest first.", adapters.VersionsAsync, tag: "adapters", answer: "Versions", query: ["tenant", "limit", "after"]);
        routes.Add("POST", Base + "/{name}/rollback", "manage", "Makes an older version the active one.", adapters.RollbackAsync, ["to"], "adapters", "Adapter", ["tenant"]);
        routes.Add("POST", Base + "/{name}/pin", "manage", "Keeps it in memory.", adapters.PinAsync, tag: "adapters", answer: "Adapter", query: ["tenant"]);
        routes.Add("POST", Base + "/{name}/unpin", "manage", "Ends that.", adapters.UnpinAsync, tag: "adapters", answer: "Adapter", query: ["tenant"]);
        routes.Add("POST", Base + "/{name}/alias", "manage", "Gives it another name, or takes one away.", adapters.AliasAsync, ["alias", "remove"], "adapters", "Adapter", ["tenant"]);
        routes.Add("DELETE", Base + "/{name}", "manage", "Deletes it, or one version.", adapters.DeleteAsync, tag: "adapters", answer: "Deleted", query: ["tenant", "version"]);
        KeyEndpoint keys = new(Registry, Keys, options);
        string[] fields = ["tenant", "label", "scopes", "adapters", "expires", "limits"];
        routes.Add("POST", "/lorikeet/v1/keys", "admin", "Makes a key; its secret is shown once.", keys.CreateAsync, fields, "keys", "Key");
        routes.Add("GET", "/lorikeet/v1/keys", "admin", "All keys.", keys.ListAsync, tag: "keys", answer: "Keys", query: ["limit", "after"]);
        routes.Add("GET", "/lorikeet/v1/keys/{id}", "admin", "One key.", keys.GetAsync, tag: "keys", answer: "Key");
        routes.Add("DELETE", "/lorikeet/v1/keys/{id}", "admin", "Deletes a key.", keys.DeleteAsync, tag: "keys", answer: "Deleted");
        if (options.RuntimeLoading)
        {
            LoadEndpoint load = new(Registry, Directory, adapters, Admission, Inference, options);
            string[] names = ["lora_name", "lora_path", "load_inplace", "is_3d_lora_weight", "base_model_name", "expected_version", "pinned", "tenant", "scale"];
            routes.Add("POST", "/v1/load_lora_adapter", "admin", "Registers a folder of the server's disk.", load.LoadAsync, names, "adapters", "text/plain Adapter");
            routes.Add("POST", "/v1/unload_lora_adapter", "admin", "Takes a name out.", load.UnloadAsync, ["lora_name", "lora_int_id", "tenant"], "adapters", "text/plain", ["wait"]);
        }
    }

    private void MapService(Routes routes)
    {
        foreach ((string method, string path) in (ReadOnlySpan<(string, string)>)[("GET", "/health"), ("GET", "/health/ready"), ("GET", "/ping"), ("POST", "/ping")])
        {
            routes.Open(method, path, "200 while requests are accepted, else 503.", http =>
            {
                http.Response.StatusCode = IsReady ? 200 : 503;
                if (!IsReady)
                {
                    http.Response.Headers.RetryAfter = "1";
                }
                http.Response.ContentLength = 0;
                return Task.CompletedTask;
            });
        }
        routes.Open("GET", "/health/live", "200 while the process runs.", http =>
        {
            http.Response.ContentLength = 0;
            return Task.CompletedTask;
        });
        routes.Add("GET", "/version", null, "The version.", (http, _) => JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("version", Version);
            json.WriteEndObject();
        }), tag: "service", answer: "Version");
        StateEndpoint state = new(Metrics, Inference, Directory, Registry, options, clock, chat, Version);
        routes.Add("GET", "/lorikeet/v1/state", null, "What the dashboard shows: an operator's key sees all, others what is theirs.", state.AnswerAsync, tag: "service", query: StateQuery.Names);
        routes.Open("GET", "/", "The dashboard.", http => DashboardFiles.AnswerAsync(http, "index.html"), "text/html");
        routes.Open("GET", "/dashboard/{file}", "Its files.", http => DashboardFiles.AnswerAsync(http, RouteNames.Of(http, "file")));
        string? metricsScope = options.OpenMetrics ? null : "metrics";
        MetricsEndpoint metrics = new(Metrics, Inference, Admission, Directory, Registry, options);
        if (options.OpenMetrics)
        {
            routes.Open("GET", "/metrics", "Figures for Prometheus.", http => metrics.AnswerAsync(http, Caller.Everybody), "text/plain");
            routes.Open("GET", "/load", "Requests in flight.", http => LoadAsync(http), "Load");
        }
        else
        {
            routes.Add("GET", "/metrics", metricsScope, "Figures for Prometheus.", metrics.AnswerAsync, tag: "service", answer: "text/plain");
            routes.Add("GET", "/load", metricsScope, "Requests in flight.", (http, _) => LoadAsync(http), tag: "service", answer: "Load");
        }
        routes.Open("GET", "/openapi.json", "This document.", http => JsonText.WriteAsync(http, 200, json => OpenApiDocument.Write(json, routes.All, Version)), "Object");
    }

    private static string Version => typeof(ServerParts).Assembly.GetName().Version?.ToString(3) ?? "0";

    private Task LoadAsync(HttpContext http) => JsonText.WriteAsync(http, 200, json =>
    {
        json.WriteStartObject();
        json.WriteNumber("server_load", Admission.InFlight);
        json.WriteEndObject();
    });

    private SamplingDefaults Defaults(string place, IInference inference)
    {
        IReadOnlyList<int> ends = inference.Model.Config.EndIds;
        SamplingDefaults own = options.GenerationConfig switch
        {
            "none" or "vllm" => SamplingDefaults.None,
            "auto" => SamplingDefaults.Read(place),
            _ => SamplingDefaults.Read(options.GenerationConfig) with { Caps = true },
        };
        // End tokens count whatever the operator says about sampling.
        IReadOnlyList<int> fileEnds = own.EndIds.Count > 0 ? own.EndIds : SamplingDefaults.Read(place).EndIds;
        return own with { EndIds = [.. (fileEnds.Count > 0 ? fileEnds : ends).Where(id => id >= 0)] };
    }

    private SamplingDefaults? Forced() => options.OverrideGenerationConfig is { } json ? SamplingDefaults.Of(json) : null;

    [LoggerMessage(Level = LogLevel.Warning, Message = "upkeep of the registry failed and is tried again: {Reason}")]
    private static partial void UpkeepFailed(ILogger logger, string reason);
}
