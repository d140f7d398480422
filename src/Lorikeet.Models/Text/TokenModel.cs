namespace Lorikeet.Models.Text;

/// <summary>The part of a tokenizer that turns a word into tokens of its vocabulary.</summary>
internal abstract class TokenModel
{
    /// <summary>One more than the largest id.</summary>
    public abstract int Size { get; }

    /// <summary>The id of a token; null where the vocabulary lacks it.</summary>
    public abstract int? IdOf(string token);

    /// <summary>The token of an id; null where the vocabulary lacks it.</summary>
    public abstract string? TokenOf(int id);

    /// <summary>Adds a word's tokens, each with its range in the word in UTF-16 units. Called by many threads.</summary>
    public abstract void Tokenize(ReadOnlySpan<char> word, List<(int Id, int Start, int End)> tokens);
}
