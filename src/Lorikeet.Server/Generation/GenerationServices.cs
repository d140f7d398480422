using System.Collections.Concurrent;
using System.Globalization;
using Lorikeet.Models.Text;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lorikeet.Server;

/// <summary>What the inference routes share.</summary>
internal sealed partial class GenerationServices(
    ServerOptions options, IInference inference, Admission admission, ModelFields models, ConstraintCompiler constraints, ChatPrompt chatPrompt, KnownFields known, GenerationRunner runner,
    Fingerprint fingerprint, SamplingDefaults defaults, SamplingDefaults? forced, RateLimits rates, TimeProvider clock, ILogger<GenerationServices> logger)
{
    private const int MostKept = 4096;
    private readonly ConcurrentDictionary<string, SamplingDefaults> ofAdapters = new(StringComparer.Ordinal);

    public ServerOptions Options => options;

    public IInference Inference => inference;

    public Admission Admission => admission;

    public ModelFields Models => models;

    public ConstraintCompiler Constraints => constraints;

    public ChatPrompt ChatPrompt => chatPrompt;

    public KnownFields Known => known;

    public GenerationRunner Runner => runner;

    public Fingerprint Fingerprint => fingerprint;

    public Tokenizer Tokenizer => inference.Tokenizer;

    public int Vocabulary => inference.Model.Config.VocabularySize;

    /// <summary>The longest text that is read, prompt and answer together.</summary>
    public int Context => options.Engine.Longest(inference.Model);

    public TokenNames Names { get; } = new(inference.Tokenizer, constraints);

    public long Now => clock.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>The sampling defaults of an adapter that brings its own, over the base's; what the operator forces over both.</summary>
    public SamplingDefaults DefaultsOf(AdapterBinding adapter)
    {
        SamplingDefaults own = adapter.Single is { } single ? OfAdapter(single.Version) : SamplingDefaults.None;
        SamplingDefaults merged = own.Over(defaults);
        return forced is null ? merged : forced.Over(merged);
    }

    /// <summary>A number of tokens, cut to what the operator allows.</summary>
    public int Cap(int tokens, AdapterBinding adapter) => DefaultsOf(adapter) is { Caps: true, MaxNewTokens: { } most } ? Math.Min(tokens, most) : tokens;

    /// <summary>The engine's request for a prompt.</summary>
    public GenerationRequest Request(Caller caller, AdapterBinding adapter, GenerationSpec spec, int[] prompt, int maxTokens, int top, TokenConstraint? constraint) => new()
    {
        Prompt = prompt,
        Adapters = inference.Shares(adapter),
        Choices = spec.Choices,
        MaxTokens = maxTokens,
        Sampling = spec.Sampling with { Seed = spec.Seed },
        Constraint = Constraint(spec, constraint),
        Stop = spec.Stop,
        IncludeStop = spec.IncludeStop,
        EndIds = spec.EndIds,
        SkipSpecialTokens = !spec.KeepSpecial,
        LogProbabilities = top >= 0,
        TopLogProbabilities = Math.Max(0, top),
        // Without keys there is one tenant, and its prompts may share their beginnings.
        Tenant = caller.Tenant,
        CacheSalt = spec.Salt ?? "",
    };

    public void CheckChoices(int prompts, GenerationSpec spec)
    {
        if ((long)prompts * spec.Choices > options.Limits.Choices)
        {
            throw ApiException.Limit("n", (long)prompts * spec.Choices, options.Limits.Choices, "prompts times n");
        }
    }

    public void CheckConstraint(TokenConstraint? constraint, GenerationSpec spec)
    {
        if (constraint is not null && spec.EndIds.Count == 0)
        {
            throw ApiException.Unsupported("ignore_eos", "a constrained answer ends with an end token; there is none, or ignore_eos is set");
        }
    }

    /// <summary>Estimates what lists of scores and ids would make of an answer.</summary>
    public void CheckAnswerBytes(long scores, long ids)
    {
        long bytes = (scores * 80) + (ids * 7);
        if (bytes > options.Limits.AnswerBytes)
        {
            throw ApiException.Limit("prompt_logprobs", bytes, options.Limits.AnswerBytes, "the answer would be too long (bytes, estimated)");
        }
    }

    /// <summary>Headers that come with every answer.</summary>
    public void Prepare(HttpContext http, Caller caller, GenerationSpec spec)
    {
        if (spec.SeedDrawn)
        {
            http.Response.Headers["x-lorikeet-seed"] = spec.Seed.ToString(CultureInfo.InvariantCulture);
        }
        rates.WriteHeaders(http.Response, caller);
    }

    /// <summary>How long a request has, from its arrival.</summary>
    public TimeLimit Deadline(HttpContext http) => TimeLimit.Read(http.Request.Headers, options.Limits);

    public void Logged(HttpContext http, ApiException error) => InStream(logger, http.TraceIdentifier, error.Status, error.Message);

    private Func<int, ITokenConstraint>? Constraint(GenerationSpec spec, TokenConstraint? constraint)
    {
        if (spec.Allowed is { } allowed)
        {
            // End tokens end the answer where nothing else is left to say.
            IEnumerable<int> kept = constraint is null ? allowed : allowed.Concat(spec.EndIds);
            return _ => new AllowedTokens(kept, Vocabulary, constraint?.Begin(spec.EndIds));
        }
        return constraint is null ? null : _ => constraint.Begin(spec.EndIds);
    }

    private SamplingDefaults OfAdapter(StoredVersion version)
    {
        if (ofAdapters.TryGetValue(version.Id, out SamplingDefaults? known))
        {
            return known;
        }
        if (ofAdapters.Count >= MostKept)
        {
            ofAdapters.Clear();
        }
        try
        {
            return ofAdapters[version.Id] = SamplingDefaults.Read(version.Folder);
        }
        catch (Models.Files.BadFileException)
        {
            throw AdapterCheck.Invalid("model", "the adapter cannot be used: its files are absent, damaged or do not fit");
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Request}: the stream ended with {Status}: {Reason}")]
    private static partial void InStream(ILogger logger, string request, int status, string reason);
}
