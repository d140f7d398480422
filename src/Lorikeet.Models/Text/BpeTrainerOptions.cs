using Lorikeet.Models.Text.PreTokenizers;

namespace Lorikeet.Models.Text;

/// <summary>How a byte-level BPE vocabulary is learnt.</summary>
public sealed record BpeTrainerOptions
{
    /// <summary>GPT-2's pattern, which cuts a text into words.</summary>
    public const string Gpt2Pattern = PreTokenizers.Gpt2Pattern.Text;

    /// <summary>The pattern of cl100k and Llama 3, which cuts a text into words.</summary>
    public static string Llama3Pattern { get; } = Cl100kPattern.TextOf("{1,3}");

    /// <summary>How many tokens to learn, special ones and the alphabet included.</summary>
    /// <value>The default is 8192.</value>
    public int VocabularySize { get; init; } = 8192;

    /// <summary>The smallest count of a pair that is still merged; 0 acts as 1.</summary>
    /// <value>The default is 2.</value>
    public long MinimumFrequency { get; init; } = 2;

    /// <summary>Tokens that are no text; they get the first ids.</summary>
    /// <value>The default is <c>&lt;|endoftext|&gt;</c> alone.</value>
    public IReadOnlyList<string> SpecialTokens { get; init; } = ["<|endoftext|>"];

    /// <summary>Whether all 256 bytes are tokens whatever occurs, so that any text can be encoded.</summary>
    /// <value>The default is true.</value>
    public bool AllBytes { get; init; } = true;

    /// <summary>A merge is only counted if the lengths of its parts, in bytes, sum to less than this; null for no limit.</summary>
    public int? MaximumTokenLength { get; init; }

    /// <summary>The regular expression that cuts a text into words.</summary>
    /// <value>The default is <see cref="Gpt2Pattern"/>.</value>
    public string Pattern { get; init; } = Gpt2Pattern;

    /// <summary>The special token that begins a text, for tokenizer_config.json; null for none.</summary>
    public string? BosToken { get; init; }

    /// <summary>The special token that ends a text and fills up batches, for tokenizer_config.json; null for none.</summary>
    /// <value>The default is the last of <see cref="SpecialTokens"/>.</value>
    public string? EosToken { get; init; }
}
