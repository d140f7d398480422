namespace Lorikeet.Models.Text;

/// <summary>The part of a tokenizer that turns a word into tokens of its vocabulary.</summary>
internal abstract class TokenModel
{
    /// <summary>One more than the largest id.</summary>
    public abstract int Size { get; }

    /// <summary>How many tokens there are: the first id of an added token that the vocabulary lacks.</summary>
    public abstract int Count { get; }

    /// <summary>The id of a token; null where the vocabulary lacks it.</summary>
    public abstract int? IdOf(string token);

    /// <summary>The token of an id; null where the vocabulary lacks it.</summary>
    public abstract string? TokenOf(int id);

    /// <summary>Adds a word's tokens, each with its range in the word in UTF-16 units. Called by many threads.</summary>
    public abstract void Tokenize(ReadOnlySpan<char> word, WordTokens output);

    /// <summary>A character before which any word may be cut without changing its tokens, unless the same one is before it; null for none.</summary>
    public virtual char? CutBefore => null;

    /// <summary>How a token is shown that stands for a piece of text.</summary>
    public virtual string Shown(int id, ReadOnlySpan<char> piece) => TokenOf(id) ?? "";
}
