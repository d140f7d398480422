namespace Lorikeet.Models.Text;

/// <summary>The added tokens of a tokenizer by id and by content, and what finds them in a text.</summary>
internal sealed class AddedTokenSet
{
    private readonly Dictionary<int, AddedToken> byId = [];
    private readonly Dictionary<string, int> byContent = [];
    private readonly Dictionary<int, string> decoded = [];
    private readonly HashSet<int> skipped = [];

    /// <summary>Takes tokens in their order.</summary>
    /// <param name="tokens">The tokens of the file.</param>
    /// <param name="model">The model; it gives the ids of tokens that it knows.</param>
    /// <param name="normalize">The tokenizer's normalizer.</param>
    public AddedTokenSet(IEnumerable<AddedToken> tokens, TokenModel model, Func<string, string> normalize)
    {
        HashSet<string> special = [];
        // A token that is listed again keeps its normalised form, as in the reference.
        Dictionary<int, string> normalized = [];
        int next = model.Count;
        foreach (AddedToken token in tokens)
        {
            if (token.Content.Length == 0)
            {
                continue;
            }
            // As in the reference: the number in the file is not read; ids go on where the vocabulary ends.
            int id = byContent.TryGetValue(token.Content, out int known) ? known : model.IdOf(token.Content) ?? next++;
            byContent[token.Content] = id;
            byId[id] = token with { Id = id };
            if (token.Special)
            {
                special.Add(token.Content);
            }
            if (token.Normalized && normalize(token.Content) is { Length: > 0 } text && text != token.Content)
            {
                normalized[id] = text;
            }
            decoded[id] = normalized.GetValueOrDefault(id, token.Content);
        }
        // Decoding skips what reads like a special token, not what has its id.
        foreach ((int id, string text) in decoded)
        {
            if (special.Contains(text))
            {
                skipped.Add(id);
            }
        }
        Raw = Matcher(normalized: false);
        Normalized = Matcher(normalized: true);
        Size = byId.Count == 0 ? 0 : byId.Keys.Max() + 1;
    }

    /// <summary>One more than the largest id.</summary>
    public int Size { get; }

    /// <summary>All of them.</summary>
    public IReadOnlyCollection<AddedToken> All => byId.Values;

    /// <summary>Finds those that are looked for in the text as it is; null for none.</summary>
    public AddedTokenMatcher? Raw { get; }

    /// <summary>Finds those that are looked for in the normalised text; null for none.</summary>
    public AddedTokenMatcher? Normalized { get; }

    public AddedToken? Get(int id) => byId.GetValueOrDefault(id);

    public int? IdOf(string content) => byContent.TryGetValue(content, out int id) ? id : null;

    /// <summary>What a decoder is given for a token: its normalised content where it is looked for in normalised text.</summary>
    public string? Decoded(int id) => decoded.GetValueOrDefault(id);

    /// <summary>Whether decoding may leave it out.</summary>
    public bool IsSkipped(int id) => skipped.Contains(id);

    private AddedTokenMatcher? Matcher(bool normalized)
    {
        (string, AddedToken)[] tokens = [.. byId.Values.Where(t => t.Normalized == normalized).Select(t => (normalized ? decoded[t.Id] : t.Content, t))];
        return tokens.Length == 0 ? null : new AddedTokenMatcher(tokens);
    }
}
