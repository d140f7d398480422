using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>Reads the sampling, stopping and output fields that chat and completions share.</summary>
internal static class GenerationFields
{
    /// <summary>Fields that are read here, or accepted without effect.</summary>
    public static FrozenSet<string> Names { get; } = new[]
    {
        "model", "n", "temperature", "top_p", "stop", "stream", "stream_options", "frequency_penalty", "presence_penalty", "logit_bias", "seed", "user", "max_tokens",
        "top_k", "min_p", "repetition_penalty", "length_penalty", "stop_token_ids", "include_stop_str_in_output", "ignore_eos", "min_tokens", "allowed_token_ids", "bad_words",
        "skip_special_tokens", "spaces_between_special_tokens", "truncate_prompt_tokens", "truncation_side", "prompt_logprobs", "return_tokens_as_token_ids", "return_token_ids",
        "use_beam_search", "echo", "add_special_tokens", "structured_outputs", "guided_json", "guided_regex", "guided_choice", "guided_grammar", "response_format",
        "priority", "request_id", "cache_salt", "kv_transfer_params", "session_id", "stream_interval", "vllm_xargs", "logprob_token_ids", "thinking_token_budget",
        "repetition_detection", "watermarking", "include_reasoning", "adapters", "adapter", "adapter_id", "lora", "merged_adapters", "adapter_source", "api_token", "logprobs",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Reads them.</summary>
    /// <param name="body">The request.</param>
    /// <param name="defaults">What holds where the request says nothing.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="vocabulary">Number of tokens.</param>
    /// <param name="limits">Budgets.</param>
    public static GenerationSpec Read(in Fields body, SamplingDefaults defaults, Tokenizer tokenizer, int vocabulary, ServerLimits limits)
    {
        body.Refuse("this build does not have it", "vllm_xargs", "logprob_token_ids", "thinking_token_budget", "repetition_detection", "watermarking", "kv_transfer_params");
        body.Refuse("requests are served in the order of arrival, fairly between tenants", "priority");
        if (body.Flag("include_reasoning") == false)
        {
            throw ApiException.Unsupported("include_reasoning", "include_reasoning: false is not offered");
        }
        if (body.Flag("use_beam_search") == true)
        {
            throw ApiException.Unsupported("use_beam_search", "beam search is not offered over HTTP; lorikeet generate --beams has it");
        }
        _ = body.Number("length_penalty", double.MinValue, double.MaxValue);
        _ = body.Flag("spaces_between_special_tokens");
        _ = body.Text("request_id");
        _ = body.Text("session_id");
        _ = body.Text("user");
        _ = body.Integer("stream_interval", 1, int.MaxValue);
        long? seed = body.Integer("seed", long.MinValue, long.MaxValue);
        int? most = (int?)body.Integer("max_tokens", 0, int.MaxValue);
        bool ignoreEnd = body.Flag("ignore_eos") ?? false;
        IReadOnlyList<int> stopIds = Bounded(body.Integers("stop_token_ids", 0, vocabulary - 1), "stop_token_ids", limits.StopTokens);
        IReadOnlyList<int> ends = defaults.EndIds.Count > 0 ? defaults.EndIds : tokenizer.EosId is { } end ? [end] : [];
        bool stream = body.Flag("stream") ?? false;
        (bool usage, bool running) = StreamOptions(body, stream);
        string? salt = body.Text("cache_salt", 1024);
        if (salt?.Length == 0)
        {
            throw ApiException.Value("cache_salt", "cache_salt is empty; expected 1 to 1024 characters");
        }
        IReadOnlyList<int>? allowed = body.Has("allowed_token_ids") ? Bounded(body.Integers("allowed_token_ids", 0, vocabulary - 1), "allowed_token_ids", limits.AllowedTokens) : null;
        if (allowed?.Count == 0)
        {
            throw ApiException.Value("allowed_token_ids", "allowed_token_ids is empty; expected at least one token id");
        }
        int? promptScores = (int?)body.Integer("prompt_logprobs", 0, 20);
        if (promptScores is not null && stream)
        {
            throw ApiException.Value("prompt_logprobs", "prompt_logprobs does not go with stream");
        }
        string? side = body.Text("truncation_side");
        if (side is not (null or "left" or "right"))
        {
            throw ApiException.Value("truncation_side", $"truncation_side is '{side}'; expected left or right");
        }
        int? truncate = (int?)body.Integer("truncate_prompt_tokens", -1, int.MaxValue);
        if (truncate == 0)
        {
            throw ApiException.Value("truncate_prompt_tokens", "truncate_prompt_tokens is 0; expected -1 (to the context) or 1 and more");
        }
        return new GenerationSpec
        {
            Sampling = Sampling(body, defaults, tokenizer, vocabulary, limits),
            Choices = (int)(body.Integer("n", 1, 128) ?? 1),
            MaxTokens = most is { } asked && defaults is { Caps: true, MaxNewTokens: { } cap } ? Math.Min(asked, cap) : most ?? defaults.MaxNewTokens,
            AskedTokens = most is not null,
            Seed = seed is { } given ? unchecked((ulong)given) : Draw(),
            SeedDrawn = seed is null,
            Stop = Stops(body, limits),
            StopIds = stopIds,
            EndIds = ignoreEnd ? stopIds : [.. ends.Union(stopIds)],
            IncludeStop = body.Flag("include_stop_str_in_output") ?? false,
            KeepSpecial = !(body.Flag("skip_special_tokens") ?? true),
            Allowed = allowed,
            PromptLogProbs = promptScores,
            TokensAsIds = body.Flag("return_tokens_as_token_ids") ?? false,
            ReturnTokenIds = body.Flag("return_token_ids") ?? false,
            Stream = stream,
            IncludeUsage = usage,
            ContinuousUsage = running,
            Truncate = truncate,
            TruncateRight = side == "right",
            Salt = salt,
        };
    }

    private static SamplingOptions Sampling(in Fields body, SamplingDefaults defaults, Tokenizer tokenizer, int vocabulary, ServerLimits limits)
    {
        double temperature = body.Number("temperature", 0, 2) ?? defaults.Temperature ?? 1;
        double topP = body.Number("top_p", 0, 1) ?? defaults.TopP ?? 1;
        double repetition = body.Number("repetition_penalty", 0, 1e30) ?? defaults.RepetitionPenalty ?? 1;
        if (repetition < 1e-6)
        {
            throw ApiException.Value("repetition_penalty", "repetition_penalty is 0; expected a number above 0");
        }
        return new SamplingOptions
        {
            // Below what divides without overflow the likeliest token wins anyway.
            Temperature = temperature < 1e-5 ? 0 : temperature,
            TopP = topP,
            TopK = (int)Math.Max(0, body.Integer("top_k", -1, int.MaxValue) ?? defaults.TopK ?? 0),
            MinP = body.Number("min_p", 0, 1) ?? defaults.MinP ?? 0,
            RepetitionPenalty = repetition,
            FrequencyPenalty = body.Number("frequency_penalty", -2, 2) ?? 0,
            PresencePenalty = body.Number("presence_penalty", -2, 2) ?? 0,
            MinNewTokens = (int)(body.Integer("min_tokens", 0, int.MaxValue) ?? 0),
            LogitBias = Bias(body, vocabulary, limits),
            BadWords = BadWords(body, tokenizer, limits),
        };
    }

    private static Dictionary<int, double> Bias(in Fields body, int vocabulary, ServerLimits limits)
    {
        Dictionary<int, double> bias = [];
        if (body.Object("logit_bias") is not { } map)
        {
            return bias;
        }
        foreach (JsonProperty entry in map.Element.EnumerateObject())
        {
            if (!int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int token) || token >= vocabulary)
            {
                throw ApiException.Value("logit_bias", $"logit_bias has the key '{(entry.Name.Length <= 40 ? entry.Name : entry.Name[..40])}'; expected token ids from 0 to {vocabulary - 1}");
            }
            if (map.Number(entry.Name, -100, 100) is { } value)
            {
                bias[token] = value;
            }
        }
        return bias.Count <= limits.LogitBias ? bias : throw ApiException.Limit("logit_bias", bias.Count, limits.LogitBias, "logit_bias has too many entries");
    }

    // With and without a space before it: as the first word of an answer, and as any other.
    private static List<IReadOnlyList<int>> BadWords(in Fields body, Tokenizer tokenizer, ServerLimits limits)
    {
        IReadOnlyList<string> words = body.Strings("bad_words", single: false);
        if (words.Count > limits.BadWords)
        {
            throw ApiException.Limit("bad_words", words.Count, limits.BadWords, "bad_words has too many entries");
        }
        List<IReadOnlyList<int>> runs = [];
        foreach (string word in words)
        {
            if (word.Trim().Length == 0 || word.Length > limits.StopCharacters)
            {
                throw ApiException.Value("bad_words", $"a bad word is empty or longer than {limits.StopCharacters} characters");
            }
            foreach (string form in (string[])[word.TrimStart(), " " + word.TrimStart()])
            {
                int[] ids = tokenizer.Encode(form, addSpecialTokens: false);
                if (ids.Length > 0)
                {
                    runs.Add(ids);
                }
            }
        }
        return runs;
    }

    private static IReadOnlyList<string> Stops(in Fields body, ServerLimits limits)
    {
        IReadOnlyList<string> stops = body.Strings("stop");
        if (stops.Count > limits.Stops)
        {
            throw ApiException.Limit("stop", stops.Count, limits.Stops, "stop has too many entries");
        }
        foreach (string stop in stops)
        {
            if (stop.Length == 0)
            {
                throw ApiException.Value("stop", "a stop string is empty; expected at least one character");
            }
            if (stop.Length > limits.StopCharacters)
            {
                throw ApiException.Limit("stop", stop.Length, limits.StopCharacters, "a stop string is too long (characters)");
            }
        }
        return stops;
    }

    private static (bool Usage, bool Running) StreamOptions(in Fields body, bool stream)
    {
        if (body.Object("stream_options") is not { } options)
        {
            return (false, false);
        }
        if (!stream && options.Element.EnumerateObject().Any())
        {
            throw ApiException.Value("stream_options", "stream_options only goes with stream: true");
        }
        bool? usage = options.Flag("include_usage");
        _ = options.Flag("include_obfuscation");
        bool running = options.Flag("continuous_usage_stats") ?? false;
        return (usage ?? running, running && usage != false);
    }

    private static IReadOnlyList<int> Bounded(IReadOnlyList<int> ids, string name, int most) =>
        ids.Count <= most ? ids : throw ApiException.Limit(name, ids.Count, most, $"{name} has too many entries");

    // 53 bits: a header that any client can read as a number.
    private static ulong Draw()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes) >> 11;
    }
}
