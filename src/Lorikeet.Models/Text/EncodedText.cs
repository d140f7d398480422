namespace Lorikeet.Models.Text;

/// <summary>A text (or a pair) as tokens, with everything that is known of each; all lists are as long as <see cref="Ids"/>.</summary>
public sealed class EncodedText
{
    internal EncodedText(List<TokenRow> rows)
    {
        Ids = [.. rows.Select(r => r.Id)];
        Tokens = [.. rows.Select(r => r.Text ?? "")];
        Offsets = [.. rows.Select(r => (r.From, r.To))];
        TypeIds = [.. rows.Select(r => r.TypeId)];
        SequenceIds = [.. rows.Select(r => r.Sequence < 0 ? (int?)null : r.Sequence)];
        SpecialTokensMask = [.. rows.Select(r => r.Sequence < 0 ? 1 : 0)];
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

    /// <summary>1 for the template's tokens, 0 for all others, special tokens found in the text included.</summary>
    public IReadOnlyList<int> SpecialTokensMask { get; }
}
