using System.Runtime.InteropServices;

namespace Lorikeet.Training;

/// <summary>Documents as tokens, end to end in one array, and the pieces of them that fit a context.</summary>
/// <remarks>
/// A document of n tokens has n - 1 inputs, each with the token after it as target. Plain text longer than the context is cut into pieces that
/// together have every target once; of an exchange that is too long the end is dropped. Pieces without a target are left out.
/// </remarks>
public sealed class TokenDocuments
{
    private readonly List<int> tokens = [];
    private readonly List<bool> learn = [];
    private readonly List<short> bytes = [];
    private readonly List<Piece> pieces = [];

    /// <summary>Nothing yet.</summary>
    /// <param name="context">The most inputs in a piece.</param>
    public TokenDocuments(int context)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(context);
        Context = context;
    }

    /// <summary>The most inputs in a piece.</summary>
    public int Context { get; }

    /// <summary>Tokens in all.</summary>
    public long TokenCount => tokens.Count;

    /// <summary>Documents in all.</summary>
    public int DocumentCount { get; private set; }

    /// <summary>Targets in all pieces.</summary>
    public long TargetCount { get; private set; }

    /// <summary>Pieces in all.</summary>
    public int PieceCount => pieces.Count;

    /// <summary>Exchanges whose end was dropped, because they are longer than the context.</summary>
    public int CutCount { get; private set; }

    /// <summary>Inputs of a piece.</summary>
    /// <param name="piece">Its number.</param>
    public int Length(int piece) => pieces[piece].Length;

    /// <summary>Adds a document.</summary>
    /// <param name="document">Its tokens.</param>
    /// <param name="targets">For each token, whether it is to be learnt.</param>
    /// <param name="tokenBytes">For each token, the bytes of text it stands for.</param>
    /// <param name="whole">True: cut it where it is too long. False: drop the end.</param>
    public void Add(ReadOnlySpan<int> document, ReadOnlySpan<bool> targets, ReadOnlySpan<short> tokenBytes, bool whole)
    {
        if (targets.Length != document.Length || tokenBytes.Length != document.Length)
        {
            throw new ArgumentException($"a document of {document.Length} tokens has {targets.Length} marks and {tokenBytes.Length} byte counts");
        }
        int start = tokens.Count;
        DocumentCount++;
        int inputs = document.Length - 1;
        int kept = whole ? inputs : Math.Min(inputs, Context);
        CutCount += kept < inputs ? 1 : 0;
        if (kept <= 0)
        {
            return;
        }
        CollectionsMarshal.SetCount(tokens, start + kept + 1);
        CollectionsMarshal.SetCount(learn, start + kept + 1);
        CollectionsMarshal.SetCount(bytes, start + kept + 1);
        document[..(kept + 1)].CopyTo(CollectionsMarshal.AsSpan(tokens)[start..]);
        targets[..(kept + 1)].CopyTo(CollectionsMarshal.AsSpan(learn)[start..]);
        tokenBytes[..(kept + 1)].CopyTo(CollectionsMarshal.AsSpan(bytes)[start..]);
        for (int at = 0; at < kept; at += Context)
        {
            int length = Math.Min(Context, kept - at);
            int wanted = targets.Slice(at + 1, length).Count(true);
            if (wanted > 0)
            {
                pieces.Add(new Piece(start + at, length));
                TargetCount += wanted;
            }
        }
    }

    /// <summary>Puts pieces into one batch, each a sequence of its own.</summary>
    /// <param name="chosen">The pieces' numbers.</param>
    public Batch Pack(ReadOnlySpan<int> chosen)
    {
        int total = 0;
        foreach (int piece in chosen)
        {
            total += pieces[piece].Length;
        }
        int[] inputs = new int[total], targets = new int[total], lengths = new int[chosen.Length];
        long text = 0;
        int at = 0;
        for (int i = 0; i < chosen.Length; i++)
        {
            (int start, int length) = pieces[chosen[i]];
            lengths[i] = length;
            for (int j = start; j < start + length; j++, at++)
            {
                inputs[at] = tokens[j];
                targets[at] = learn[j + 1] ? tokens[j + 1] : -1;
                text += learn[j + 1] ? bytes[j + 1] : 0;
            }
        }
        return new Batch(inputs, targets, lengths, text);
    }

    /// <summary>Divides the pieces into two sets: the last ones become the second.</summary>
    /// <param name="share">The second set's share, above 0 and below 1; each set gets at least one piece.</param>
    /// <exception cref="InvalidOperationException">There is only one piece.</exception>
    public (PieceSet First, PieceSet Last) Split(double share)
    {
        if (pieces.Count < 2)
        {
            throw new InvalidOperationException($"the data has {pieces.Count} piece of {Context} tokens: too little to hold some out; use a smaller context");
        }
        int last = Math.Clamp((int)Math.Round(pieces.Count * share), 1, pieces.Count - 1);
        return (new PieceSet(this, 0, pieces.Count - last), new PieceSet(this, pieces.Count - last, last));
    }

    /// <summary>All pieces.</summary>
    public PieceSet All() => new(this, 0, pieces.Count);

    private readonly record struct Piece(int Start, int Length);
}

/// <summary>Consecutive pieces of documents.</summary>
/// <param name="Documents">The documents.</param>
/// <param name="First">The first piece.</param>
/// <param name="Count">How many.</param>
public sealed record PieceSet(TokenDocuments Documents, int First, int Count);
