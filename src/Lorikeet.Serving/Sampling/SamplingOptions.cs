namespace Lorikeet.Serving;

/// <summary>How the next token is chosen from the scores; the defaults change nothing and draw from the model's own distribution.</summary>
public sealed record SamplingOptions
{
    // Within these every score stays a finite float32.
    private const double Smallest = 1e-6;
    private const double Largest = 1e30;

    /// <summary>The choice of the likeliest token, always.</summary>
    public static SamplingOptions Greedy { get; } = new() { Temperature = 0 };

    /// <summary>Scores are divided by it; 0: the likeliest token is taken, the lowest id of equals. Default 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Keep the k likeliest tokens, and every tie with the last of them; 0 (the default): all.</summary>
    public int TopK { get; init; }

    /// <summary>Keep the likeliest tokens until their probabilities reach this sum; 0 to 1, default 1: all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Keep tokens at least this share as likely as the likeliest; 0 to 1, default 0: all.</summary>
    public double MinP { get; init; }

    /// <summary>Keep the tokens whose surprise is nearest to the entropy until their probabilities reach this sum; above 0, default 1: all.</summary>
    /// <remarks>Source: Meister et al., Locally Typical Sampling, TACL 2023.</remarks>
    public double TypicalP { get; init; } = 1;

    /// <summary>Each of the four cuts keeps at least so many tokens; default 1.</summary>
    public int MinTokensToKeep { get; init; } = 1;

    /// <summary>Scores of tokens in prompt or answer are divided by it where positive, multiplied where negative; above 0, default 1.</summary>
    /// <remarks>Source: Keskar et al., CTRL, arXiv 1909.05858.</remarks>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Taken once from the score of each token of the answer so far; default 0.</summary>
    public double PresencePenalty { get; init; }

    /// <summary>Taken from the score of each token as often as the answer has it; default 0.</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>No run of so many tokens occurs twice in prompt and answer; 0 (the default): off.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Runs of tokens that must not occur; one that is an end token alone is passed over.</summary>
    public IReadOnlyList<IReadOnlyList<int>> BadWords { get; init; } = [];

    /// <summary>No end token before the answer has so many tokens; default 0.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>Tokens that must not occur.</summary>
    public IReadOnlyList<int> SuppressTokens { get; init; } = [];

    /// <summary>Added to the scores of tokens.</summary>
    public IReadOnlyDictionary<int, double> LogitBias { get; init; } = new Dictionary<int, double>();

    /// <summary>Added to the score of each run's last token where the text ends with the others.</summary>
    public IReadOnlyList<SequenceBias> SequenceBiases { get; init; } = [];

    /// <summary>The token at a position depends on this number, the position and the scores only; default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Checks all values.</summary>
    /// <param name="vocabulary">Number of tokens, or 0 where it is not known.</param>
    /// <exception cref="ArgumentException">A value it cannot have; the message names the option, what was found and expected.</exception>
    public void Check(int vocabulary = 0)
    {
        Require(Temperature is 0 or (>= Smallest and <= Largest), "temperature", Temperature, $"0 (greedy), or {Smallest} or more");
        Require(TopK >= 0, "top_k", TopK, "0 (off) or more");
        Require(TopP is >= 0 and <= 1, "top_p", TopP, "0 to 1");
        Require(MinP is >= 0 and <= 1, "min_p", MinP, "0 to 1");
        Require(TypicalP is > 0 and <= 1, "typical_p", TypicalP, "above 0, at most 1");
        Require(MinTokensToKeep >= 1, "min_tokens_to_keep", MinTokensToKeep, "1 or more");
        Require(RepetitionPenalty is >= Smallest and <= Largest, "repetition_penalty", RepetitionPenalty, $"{Smallest} or more");
        Require(Math.Abs(PresencePenalty) <= Largest, "presence_penalty", PresencePenalty, "a finite number");
        Require(Math.Abs(FrequencyPenalty) <= Largest, "frequency_penalty", FrequencyPenalty, "a finite number");
        Require(NoRepeatNgramSize >= 0, "no_repeat_ngram_size", NoRepeatNgramSize, "0 (off) or more");
        Require(MinNewTokens >= 0, "min_new_tokens", MinNewTokens, "0 or more");
        Tokens("suppress_tokens", SuppressTokens, vocabulary);
        foreach (IReadOnlyList<int> word in BadWords)
        {
            Require(word.Count > 0, "bad_words", 0, "runs of at least one token");
            Tokens("bad_words", word, vocabulary);
        }
        foreach ((int token, double bias) in LogitBias)
        {
            Tokens("logit_bias", [token], vocabulary);
            Require(Math.Abs(bias) <= Largest, "logit_bias", bias, "finite numbers");
        }
        foreach (SequenceBias sequence in SequenceBiases)
        {
            Require(sequence.Tokens.Count > 0, "sequence_bias", 0, "runs of at least one token");
            Tokens("sequence_bias", sequence.Tokens, vocabulary);
            Require(Math.Abs(sequence.Bias) <= Largest, "sequence_bias", sequence.Bias, "finite numbers");
        }
    }

    private static void Tokens(string name, IReadOnlyList<int> tokens, int vocabulary)
    {
        foreach (int token in tokens)
        {
            Require(token >= 0 && (vocabulary == 0 || token < vocabulary), name, token, vocabulary == 0 ? "token ids, 0 or more" : $"token ids from 0 to {vocabulary - 1}");
        }
    }

    private static void Require(bool holds, string name, double found, string expected)
    {
        if (!holds)
        {
            throw new ArgumentException($"{name} is {found}; expected {expected}");
        }
    }
}

/// <summary>A bias on the last token of a run, where the text ends with the others.</summary>
/// <param name="Tokens">The run.</param>
/// <param name="Bias">What is added to the score.</param>
public sealed record SequenceBias(IReadOnlyList<int> Tokens, double Bias);
