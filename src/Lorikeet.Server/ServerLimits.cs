namespace Lorikeet.Server;

/// <summary>What a request, a tenant and the server may use; the defaults are those of docs/server.md, which has the most that each may be too.</summary>
public sealed partial record ServerLimits
{
    /// <summary>Bytes of a JSON body; default 4 MiB, at most 64 MiB.</summary>
    public long BodyBytes { get; init; } = 4L << 20;

    /// <summary>Bytes of one uploaded adapter; default 1 GiB, at most 16 GiB.</summary>
    public long UploadBytes { get; init; } = 1L << 30;

    /// <summary>Bytes of all headers; default 32 KiB.</summary>
    public int HeaderBytes { get; init; } = 32 << 10;

    /// <summary>Bytes of the request line; default 8 KiB.</summary>
    public int RequestLineBytes { get; init; } = 8 << 10;

    /// <summary>Nesting of JSON; default 64, at most 128.</summary>
    public int JsonDepth { get; init; } = 64;

    /// <summary>Connections; default 4,096.</summary>
    public int Connections { get; init; } = 4096;

    /// <summary>A stream whose reader takes nothing for so long is ended; default 30 s.</summary>
    public TimeSpan StreamStall { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Answers that wait or run; default 1,024.</summary>
    public int QueueRequests { get; init; } = 1024;

    /// <summary>Prompt tokens of answers that wait or run; default 1 M.</summary>
    public long QueueTokens { get; init; } = 1_000_000;

    /// <summary>The time a request has from its arrival, unless it says less; default 600 s.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(600);

    /// <summary>The longest deadline a request may ask for; default 3,600 s.</summary>
    public TimeSpan LongestDeadline { get; init; } = TimeSpan.FromSeconds(3600);

    /// <summary>Prompts of one completion request; default 128.</summary>
    public int Prompts { get; init; } = 128;

    /// <summary>Bytes of the vectors that all requests with <c>prompt_embeds</c> hold together; default 256 MiB, at most 64 GiB.</summary>
    public long VectorBytes { get; init; } = 256L << 20;

    /// <summary>Inputs of one embedding request; default 2,048.</summary>
    public int EmbeddingInputs { get; init; } = 2048;

    /// <summary>Tokens of one embedding request; default 300,000.</summary>
    public long EmbeddingTokens { get; init; } = 300_000;

    /// <summary>Prompts times n; default 128.</summary>
    public int Choices { get; init; } = 128;

    /// <summary>Prompts times n times tokens to generate; default 131,072.</summary>
    public long GeneratedTokens { get; init; } = 131_072;

    /// <summary>Messages of a conversation; default 2,048.</summary>
    public int Messages { get; init; } = 2048;

    /// <summary>Tools; default 128.</summary>
    public int Tools { get; init; } = 128;

    /// <summary>Bytes of all tools' schemas; default 256 KiB.</summary>
    public int ToolBytes { get; init; } = 256 << 10;

    /// <summary>Stop strings; default 16.</summary>
    public int Stops { get; init; } = 16;

    /// <summary>Characters of a stop string; default 256.</summary>
    public int StopCharacters { get; init; } = 256;

    /// <summary>Stop token ids; default 128.</summary>
    public int StopTokens { get; init; } = 128;

    /// <summary>Entries of logit_bias; default 1,024.</summary>
    public int LogitBias { get; init; } = 1024;

    /// <summary>Allowed token ids; default 65,536.</summary>
    public int AllowedTokens { get; init; } = 65_536;

    /// <summary>Bad words; default 128.</summary>
    public int BadWords { get; init; } = 128;

    /// <summary>Bytes of an answer with prompt log-probabilities, echo or token ids, estimated from lengths; default 16 MiB.</summary>
    public long AnswerBytes { get; init; } = 16L << 20;

    /// <summary>Bytes of a JSON schema; default 64 KiB.</summary>
    public int SchemaBytes { get; init; } = 64 << 10;

    /// <summary>Nesting of a JSON schema; default 16.</summary>
    public int SchemaDepth { get; init; } = 16;

    /// <summary>Properties of a JSON schema in all; default 5,000.</summary>
    public int SchemaProperties { get; init; } = 5000;

    /// <summary>Values of a JSON schema's enumerations in all; default 1,000.</summary>
    public int SchemaValues { get; init; } = 1000;

    /// <summary>Bytes of a grammar, a regular expression, or all choices; default 16 KiB.</summary>
    public int GrammarBytes { get; init; } = 16 << 10;

    /// <summary>Repetitions in a regular expression; default 1,000.</summary>
    public int Repetitions { get; init; } = 1000;

    /// <summary>Entries of choice; default 1,024.</summary>
    public int GrammarChoices { get; init; } = 1024;

    /// <summary>States of a constraint's automaton; default 65,536.</summary>
    public int AutomatonStates { get; init; } = 65_536;

    /// <summary>Time to compile a constraint; default 0.5 s.</summary>
    public TimeSpan CompileTime { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>Bytes of a chat template; default 64 KiB.</summary>
    public int TemplateBytes { get; init; } = 64 << 10;

    /// <summary>Steps of a chat template; default 1 M.</summary>
    public long TemplateSteps { get; init; } = 1_000_000;

    /// <summary>Characters that a chat template may write; default 1 Mi.</summary>
    public int TemplateOutput { get; init; } = 1 << 20;

    /// <summary>Calls inside each other in a chat template; default 64.</summary>
    public int TemplateDepth { get; init; } = 64;

    /// <summary>Entries of a mixture; default 8.</summary>
    public int MixtureEntries { get; init; } = 8;

    /// <summary>Rank of an adapter; default 256.</summary>
    public int AdapterRank { get; init; } = 256;

    /// <summary>Tensors of an adapter; default 16,384.</summary>
    public int AdapterTensors { get; init; } = 16_384;

    /// <summary>Bytes of a safetensors header; default 16 MiB.</summary>
    public long AdapterHeaderBytes { get; init; } = 16L << 20;

    /// <summary>Versions kept of an adapter; default 10.</summary>
    public int Versions { get; init; } = 10;

    /// <summary>Aliases of an adapter; default 8.</summary>
    public int Aliases { get; init; } = 8;

    /// <summary>Keys of a tenant; default 100.</summary>
    public int Keys { get; init; } = 100;

    /// <summary>Patterns of a key; default 64.</summary>
    public int Patterns { get; init; } = 64;

    /// <summary>Pinned adapters of a tenant; default 4.</summary>
    public int Pinned { get; init; } = 4;

    /// <summary>Entries of a list's page; default 100, at most 1,000.</summary>
    public int Page { get; init; } = 100;
}
