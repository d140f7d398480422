using Lorikeet.Models;
using Lorikeet.Models.Text;

namespace Lorikeet.Serving;

/// <summary>Checks what can be said of a request before it enters the queue; on any thread.</summary>
internal sealed class RequestCheck(LanguageModel model, Tokenizer? tokenizer, EngineOptions options)
{
    private const int MostTop = 20;
    private const int MostChoices = 1024;
    private readonly StateLayout layout = new(model);

    /// <exception cref="ArgumentException">The request cannot be met; the message says why.</exception>
    public void Run(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        int prompt = request.PromptLength, vocabulary = model.Config.VocabularySize, longest = options.Longest(model);
        bool generates = request.Ask == Ask.Generate;
        Require(prompt > 0, "the prompt is empty; expected at least one token");
        if (request.Rows is { } rows)
        {
            Require(request.Prompt.Count == 0, $"the prompt has {request.Prompt.Count} token ids and {rows.Count} vectors; expected the one or the other");
            Require(rows.Width == model.EmbeddingWidth, $"the prompt's vectors have {rows.Width} numbers; the model's have {model.EmbeddingWidth}");
            Require(request.PromptLogProbabilities is null, "a prompt of vectors has no tokens that could be scored: prompt_logprobs must be absent");
        }
        foreach (int id in request.Prompt)
        {
            Require(id >= 0 && id < vocabulary, $"the prompt has token {id}; expected ids from 0 to {vocabulary - 1}");
        }
        int room = generates && request.MaxTokens > 0 ? longest - 1 : longest;
        Require(prompt <= room, $"the prompt has {prompt} tokens; the model's sequences end at {longest}");
        Require(request.MaxTokens >= 0, $"max_tokens is {request.MaxTokens}; expected 0 (score the prompt) or more");
        Require(request.Choices is >= 1 and <= MostChoices, $"n is {request.Choices}; expected 1 to {MostChoices}");
        Require(request.Stop.Count == 0 || tokenizer is not null, "stop texts need an engine with a tokenizer");
        Require(!request.Stop.Any(string.IsNullOrEmpty), "a stop string is empty; expected at least one character");
        Require(request.TopLogProbabilities is >= 0 and <= MostTop, $"top_logprobs is {request.TopLogProbabilities}; expected 0 to {MostTop}");
        Require(request.PromptLogProbabilities is null or (>= 0 and <= MostTop), $"prompt_logprobs is {request.PromptLogProbabilities}; expected 0 to {MostTop}");
        Require(double.IsFinite(request.TenantWeight) && request.TenantWeight > 0, $"the tenant's weight is {request.TenantWeight}; expected a finite number above 0");
        Require(request.Deadline is not { } deadline || deadline > TimeSpan.Zero, $"the deadline is {request.Deadline}; expected a time above 0");
        Require(request.StartWithin is not { } start || start > TimeSpan.Zero, $"the time to start within is {request.StartWithin}; expected a time above 0");
        Require(generates || request is { Choices: 1, PromptLogProbabilities: null }, "a vector of a prompt comes once, without scores: n must be 1, prompt_logprobs absent");
        Adapters(request);
        request.Sampling.Check(vocabulary);
        int most = prompt + Most(request);
        long needed = layout.Bytes(most, Math.Min(most, options.MaxRows));
        Require(
            needed <= options.CacheBytes,
            $"the request may need {needed} bytes of keys and values; the cache has {options.CacheBytes}: shorten it, or raise the cache");
    }

    /// <summary>The most tokens that an answer can have.</summary>
    public int Most(GenerationRequest request) =>
        request.Ask == Ask.Generate ? Math.Min(request.MaxTokens, options.Longest(model) - request.PromptLength) : 0;

    private void Adapters(GenerationRequest request)
    {
        Require(request.Adapter is null || ReferenceEquals(request.Adapter.Model, model), $"adapter {request.Adapter?.Name} was made for another model");
        Require(request.Adapter is null || request.Adapters.Count == 0, "a request names adapters in one way: Adapter or Adapters");
        HashSet<AdapterVersion> seen = [];
        foreach (AdapterShare share in request.Adapters)
        {
            Require(share.Version is not null, "an adapter of the request is null");
            Require(float.IsFinite(share.Weight), $"the weight of adapter {share.Version} is {share.Weight}; expected a finite number");
            Require(seen.Add(share.Version!), $"adapter {share.Version} is named twice; expected each once");
        }
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new ArgumentException(message);
        }
    }
}
