using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text;

/// <summary>What a token of a vocabulary is; the numbers are those of GGUF's <c>tokenizer.ggml.token_type</c>.</summary>
public enum TokenKind
{
    /// <summary>Text.</summary>
    Normal = 1,

    /// <summary>Stands for text that no token has.</summary>
    Unknown = 2,

    /// <summary>No text: begins or ends a text, or a turn.</summary>
    Control = 3,

    /// <summary>Text that is cut out before anything else.</summary>
    UserDefined = 4,

    /// <summary>Nothing.</summary>
    Unused = 5,

    /// <summary>One byte, <c>&lt;0x41&gt;</c>.</summary>
    Byte = 6,
}

/// <summary>A vocabulary in memory; see <see cref="VocabularyTokenizer"/>.</summary>
public sealed record VocabularyParts
{
    // A token is cut at every place.
    internal const int MostTokenLength = 1024;

    /// <summary>Where it comes from, for messages.</summary>
    public string Source { get; init; } = "the vocabulary";

    /// <summary>The tokens; the id is the place. Of a text that occurs twice the last counts.</summary>
    public required IReadOnlyList<string> Tokens { get; init; }

    /// <summary>The tokens' scores, for SentencePiece; otherwise empty.</summary>
    public IReadOnlyList<float> Scores { get; init; } = [];

    /// <summary>What each token is; empty: all are text.</summary>
    public IReadOnlyList<TokenKind> Kinds { get; init; } = [];

    /// <summary>Which tokens merge, each "a b", in their order, for byte-level BPE; otherwise empty.</summary>
    public IReadOnlyList<string> Merges { get; init; } = [];

    /// <summary>The token that begins a text, or null.</summary>
    public int? BosId { get; init; }

    /// <summary>The token that ends a text, or null.</summary>
    public int? EosId { get; init; }

    /// <summary>The token that fills up a batch, or null.</summary>
    public int? PadId { get; init; }

    /// <summary>The token of text that no token has, or null.</summary>
    public int? UnknownId { get; init; }

    /// <summary>Whether the template puts <see cref="BosId"/> first.</summary>
    public bool AddBos { get; init; }

    /// <summary>Whether the template puts <see cref="EosId"/> last.</summary>
    public bool AddEos { get; init; }

    /// <summary>How a conversation becomes a text, in Jinja, or null.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>Whether a space is put before a text, as SentencePiece's <c>add_dummy_prefix</c> does.</summary>
    /// <value>The default is true.</value>
    public bool AddSpacePrefix { get; init; } = true;

    /// <summary>Whether a token is text that merging may reach.</summary>
    internal bool IsText(int id) => id >= Kinds.Count || Kinds[id] is TokenKind.Normal or TokenKind.UserDefined;

    /// <summary>Makes sure that the parts fit together.</summary>
    /// <exception cref="BadFileException">They do not.</exception>
    internal void Check()
    {
        if (Kinds.Count != 0 && Kinds.Count != Tokens.Count)
        {
            throw new BadFileException($"{Source}: the vocabulary has {Tokens.Count} tokens and {Kinds.Count} kinds; expected as many of both.");
        }
        if (Scores.Any(s => !float.IsFinite(s)))
        {
            throw new BadFileException($"{Source}: a token's score is no number; expected finite numbers.");
        }
        foreach ((string name, int? id) in ((string, int?)[])[("bos", BosId), ("eos", EosId), ("pad", PadId), ("unknown", UnknownId)])
        {
            if (id is { } known && (uint)known >= (uint)Tokens.Count)
            {
                throw new BadFileException($"{Source}: the {name} token is {known}; expected an id below {Tokens.Count}.");
            }
        }
    }
}
