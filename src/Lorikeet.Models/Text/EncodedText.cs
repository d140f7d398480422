namespace Lorikeet.Models.Text;

/// <summary>A text (or a pair) as tokens, with everything that is known of each; all lists are as long as <see cref="Ids"/>.</summary>
public sealed class EncodedText
{
    internal EncodedText(TokenList tokens)
    {
        List<TokenDetail> details = tokens.Details!;
        Ids = [.. tokens.Ids];
        Tokens = [.. details.Select(d => d.Text)];
        Offsets = [.. details.Select(d => (d.From, d.To))];
        TypeIds = [.. details.Select(d => d.TypeId)];
        SequenceIds = [.. details.Select(d => d.Sequence < 0 ? (int?)null : d.Sequence)];
        SpecialTokensMask = [.. details.Select(d => d.Inserted ? 1 : 0)];
        AttentionMask = [.. details.Select(d => d.Padding ? 0 : 1)];
    }

    /// <summary>The token ids.</summary>
    public IReadOnlyList<int> Ids { get; }

    /// <summary>The tokens as the vocabulary writes them; of an added token the text as matched, with the white space it swallowed.</summary>
    public IReadOnlyList<string> Tokens { get; }

    /// <summary>Start and end of each in its text, in Unicode code points; (0, 0) for the template's tokens.</summary>
    public IReadOnlyList<(int Start, int End)> Offsets { get; }

    /// <summary>The template's types; without a template 0 for the first text, 1 for the second.</summary>
    public IReadOnlyList<int> TypeIds { get; }

    /// <summary>0 or 1 for the text it comes from, null for the template's tokens.</summary>
    public IReadOnlyList<int?> SequenceIds { get; }

    /// <summary>1 for the template's tokens and for padding, 0 for all others, special tokens found in the text included.</summary>
    public IReadOnlyList<int> SpecialTokensMask { get; }

    /// <summary>0 for padding, which tokenizer.json may ask for, 1 for all others.</summary>
    public IReadOnlyList<int> AttentionMask { get; }
}
