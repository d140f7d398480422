using System.Text.Json.Nodes;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>What a server serves and how; see docs/server.md.</summary>
public sealed record ServerOptions
{
    /// <summary>The model: a folder, a GGUF file, or org/name in the local cache.</summary>
    public required string Model { get; set; }

    /// <summary>How the weights are kept; null: as stored.</summary>
    public Models.WeightFormat? Weights { get; set; }

    /// <summary>The names the base answers to; the first is its own. Empty: the last part of <see cref="Model"/>.</summary>
    public IReadOnlyList<string> ServedNames { get; set; } = [];

    /// <summary>The address to listen on; default 127.0.0.1.</summary>
    public string Host { get; set; } = "127.0.0.1";

    /// <summary>The port; default 8000, 0: any free one.</summary>
    public int Port { get; set; } = 8000;

    /// <summary>Where adapters, versions and keys are recorded: a file for SQLite, or a connection string (Host=...) for PostgreSQL; null: in memory only.</summary>
    public string? Registry { get; set; }

    /// <summary>The folder of uploaded adapters; null: uploads are not offered.</summary>
    public string? Store { get; set; }

    /// <summary>A folder whose sub-folders are adapters, found by name at first use; null: none.</summary>
    public string? AdapterFolder { get; set; }

    /// <summary>Adapters that are there from the start, of the tenant <c>shared</c>: name and folder.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Adapters { get; set; } = [];

    /// <summary>Whether vLLM's load and unload routes exist.</summary>
    public bool RuntimeLoading { get; set; }

    /// <summary>Folders from which the load route may read; empty: any.</summary>
    public IReadOnlyList<string> LoadRoots { get; set; } = [];

    /// <summary>Whether keys are demanded; null: on every address but loopback.</summary>
    public bool? Keys { get; set; }

    /// <summary>Secrets that may infer and manage in the tenant <c>default</c> without being in the registry.</summary>
    public IReadOnlyList<string> ApiKeys { get; set; } = [];

    /// <summary>Whether metrics need no key.</summary>
    public bool OpenMetrics { get; set; }

    /// <summary>Whether errors are written in vLLM's words.</summary>
    public bool VllmErrors { get; set; }

    /// <summary>Whether fields that no route knows are refused.</summary>
    public bool Strict { get; set; }

    /// <summary>Whether requests may bring their own chat template.</summary>
    public bool RequestTemplates { get; set; }

    /// <summary>Whether completions take <c>prompt_embeds</c>: prompts that are vectors in place of token ids.</summary>
    public bool PromptEmbeds { get; set; }

    /// <summary>Whether <c>GET /tokenizer_info</c> exists.</summary>
    public bool TokenizerInfo { get; set; }

    /// <summary>Why a choice that calls a named function ends; default <c>stop</c>, or <c>tool_calls</c>.</summary>
    public string NamedToolFinish { get; set; } = "stop";

    /// <summary>Sampling defaults: <c>auto</c> (the model's generation_config.json), <c>none</c>, or a folder that has one.</summary>
    public string GenerationConfig { get; set; } = "auto";

    /// <summary>Sampling defaults that win over the files', not over the request.</summary>
    public JsonObject? OverrideGenerationConfig { get; set; }

    /// <summary>How embeddings are pooled: last, mean, first; null: as the model's folder says, else last.</summary>
    public string? Pooling { get; set; }

    /// <summary>Letters beyond ASCII are allowed in adapters' names.</summary>
    public bool AnyLetters { get; set; }

    /// <summary>Origins that browsers may call from; empty: none.</summary>
    public IReadOnlyList<string> Origins { get; set; } = [];

    /// <summary>How long running answers may go on after the server was told to stop; default 30 s.</summary>
    public TimeSpan DrainTime { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often changes of other processes are looked for; default 1 s.</summary>
    public TimeSpan RegistryPoll { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The engine's limits.</summary>
    public EngineOptions Engine { get; set; } = new();

    /// <summary>Budgets of requests.</summary>
    public ServerLimits Limits { get; set; } = new();

    /// <summary>The most names in the adapter gauge; default 64.</summary>
    public int ListedAdapters { get; set; } = 64;
}
