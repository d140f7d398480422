using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>What a request brings to the model: token ids, or embeddings in their place.</summary>
public readonly ref struct Input
{
    private Input(ReadOnlySpan<int> tokens, ReadOnlySpan<GivenRows> given, Tensor embeddings)
    {
        Tokens = tokens;
        Given = given;
        Embeddings = embeddings;
    }

    /// <summary>One token id for each row, or empty.</summary>
    public ReadOnlySpan<int> Tokens { get; }

    /// <summary>Rows that prompts give in place of the table's; the ids of those rows mean nothing.</summary>
    public ReadOnlySpan<GivenRows> Given { get; }

    /// <summary>[rows, hidden] in place of the table's rows, or default.</summary>
    public Tensor Embeddings { get; }

    /// <summary>Number of rows.</summary>
    public int Rows => Embeddings.Exists ? Embeddings.Rows : Tokens.Length;

    /// <summary>Token ids.</summary>
    /// <param name="tokens">One for each row.</param>
    public static Input Of(ReadOnlySpan<int> tokens) => new(tokens, [], default);

    /// <summary>Token ids, and rows in place of some of them.</summary>
    /// <param name="tokens">One for each row; any id of the vocabulary where a row is given.</param>
    /// <param name="given">The rows that are given.</param>
    public static Input Of(ReadOnlySpan<int> tokens, ReadOnlySpan<GivenRows> given) => new(tokens, given, default);

    /// <summary>Embeddings: soft prompts, features, or values whose gradient is wanted.</summary>
    /// <param name="embeddings">[rows, hidden].</param>
    public static Input Of(Tensor embeddings) => new([], [], embeddings);
}
