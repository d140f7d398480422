using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>Documents as tokens, cut into pieces that fit a context; in memory, or in files that are read as batches ask for them.</summary>
/// <remarks>
/// A document of n tokens has n - 1 inputs, each with the token after it as target. Plain text longer than the context is cut into pieces that
/// together have every target once; of an exchange that is too long the end is dropped. Pieces without a target are left out. A classified text has all
/// its tokens as inputs, and its class as the target of the last.
/// </remarks>
public sealed class TokenDocuments : IDisposable
{
    private readonly List<TokenShard> shards = [];
    private readonly List<Piece> pieces = [];
    private MemoryShard? open;

    /// <summary>Nothing yet.</summary>
    /// <param name="context">The most inputs in a piece.</param>
    /// <param name="kind">What targets are.</param>
    public TokenDocuments(int context, BatchKind kind = BatchKind.Tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(context);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(context, TokenShard.Most);
        Context = context;
        Kind = kind;
    }

    /// <summary>The most inputs in a piece.</summary>
    public int Context { get; }

    /// <summary>What targets are.</summary>
    public BatchKind Kind { get; }

    /// <summary>Tokens in all pieces.</summary>
    public long TokenCount { get; internal set; }

    /// <summary>Documents in all.</summary>
    public int DocumentCount { get; internal set; }

    /// <summary>Targets in all pieces.</summary>
    public long TargetCount { get; internal set; }

    /// <summary>Pieces in all.</summary>
    public int PieceCount => pieces.Count;

    /// <summary>Pieces that are drawn together: 2 of pairs, else 1.</summary>
    public int PiecesOfItem => Kind == BatchKind.Pairs ? 2 : 1;

    /// <summary>What batches are made of: pieces, or pairs of them.</summary>
    public int ItemCount => pieces.Count / PiecesOfItem;

    /// <summary>Documents other than plain text whose end was dropped, because they are longer than the context.</summary>
    public int CutCount { get; internal set; }

    /// <summary>The token ids, or classes, that may occur; checked where the tokens come from files.</summary>
    internal int Limit { get; init; } = int.MaxValue;

    /// <summary>Takes each shard that is full and gives it back in another place; null: it stays in memory.</summary>
    internal Func<TokenShard, int, TokenShard>? Moved { get; set; }

    internal IReadOnlyList<TokenShard> Shards => shards;

    internal IReadOnlyList<Piece> Pieces => pieces;

    /// <summary>Inputs of an item.</summary>
    /// <param name="item">Its number.</param>
    public int Length(int item)
    {
        int length = 0;
        for (int i = item * PiecesOfItem; i < (item + 1) * PiecesOfItem; i++)
        {
            length += pieces[i].Length;
        }
        return length;
    }

    /// <summary>Adds a document.</summary>
    /// <param name="document">Its tokens.</param>
    /// <param name="targets">For each token, whether it is to be learnt.</param>
    /// <param name="tokenBytes">For each token, the bytes of text it stands for.</param>
    /// <param name="whole">True: cut it where it is too long. False: drop the end.</param>
    public void Add(ReadOnlySpan<int> document, ReadOnlySpan<bool> targets, ReadOnlySpan<short> tokenBytes, bool whole)
    {
        Require(Kind == BatchKind.Tokens, BatchKind.Tokens);
        DocumentCount++;
        Put(document, targets, tokenBytes, whole);
    }

    /// <summary>Adds a classified text; of one that is too long the end is dropped.</summary>
    /// <param name="document">Its tokens, at least one.</param>
    /// <param name="label">Its class.</param>
    public void AddClassified(ReadOnlySpan<int> document, int label)
    {
        Require(Kind == BatchKind.Classes, BatchKind.Classes);
        ArgumentOutOfRangeException.ThrowIfNegative(label);
        ArgumentOutOfRangeException.ThrowIfZero(document.Length, nameof(document));
        DocumentCount++;
        CutCount += document.Length > Context ? 1 : 0;
        int kept = Math.Min(document.Length, Context);
        int[] tokens = [.. document[..kept], label];
        bool[] learn = new bool[kept + 1];
        learn[kept] = true;
        Put(tokens, learn, new short[kept + 1], whole: false);
    }

    /// <summary>Adds a pair of exchanges with one prompt; left out where the context leaves nothing of one's answer.</summary>
    /// <param name="chosen">Tokens of the prompt with the chosen answer, and for each whether it is the answer's.</param>
    /// <param name="rejected">The same with the rejected answer.</param>
    public void AddPair((int[] Tokens, bool[] Learn) chosen, (int[] Tokens, bool[] Learn) rejected)
    {
        Require(Kind == BatchKind.Pairs, BatchKind.Pairs);
        DocumentCount++;
        if (Answers(chosen) && Answers(rejected))
        {
            CutCount += chosen.Tokens.Length > Context + 1 || rejected.Tokens.Length > Context + 1 ? 1 : 0;
            int cut = CutCount;
            Put(chosen.Tokens, chosen.Learn, new short[chosen.Tokens.Length], whole: false);
            Put(rejected.Tokens, rejected.Learn, new short[rejected.Tokens.Length], whole: false);
            CutCount = cut;
        }
        else
        {
            CutCount++;
        }

        bool Answers((int[] Tokens, bool[] Learn) exchange) => exchange.Learn.AsSpan(0, Math.Min(exchange.Learn.Length, Context + 1)).IndexOf(true) >= 1;
    }

    /// <summary>Puts items into one batch, each piece a sequence of its own.</summary>
    /// <param name="chosen">The items' numbers.</param>
    /// <exception cref="BadFileException">A file of tokens holds what is none.</exception>
    public Batch Pack(ReadOnlySpan<int> chosen)
    {
        int total = 0, group = PiecesOfItem;
        foreach (int item in chosen)
        {
            total += Length(item);
        }
        int[] inputs = new int[total], targets = new int[total], lengths = new int[chosen.Length * group];
        long text = 0;
        int at = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            Piece piece = pieces[(chosen[i / group] * group) + (i % group)];
            ReadOnlySpan<int> codes = shards[piece.Shard].Codes.Slice(piece.Start, piece.Length + 1);
            ReadOnlySpan<ushort> bytes = shards[piece.Shard].Bytes.Slice(piece.Start, piece.Length + 1);
            lengths[i] = piece.Length;
            for (int j = 0; j < piece.Length; j++, at++)
            {
                int code = codes[j], next = codes[j + 1];
                inputs[at] = code < 0 ? ~code : code;
                targets[at] = next < 0 ? -1 : next;
                text += next < 0 ? 0 : bytes[j + 1];
                if (inputs[at] >= Limit || targets[at] >= Limit)
                {
                    throw new BadFileException($"the cache of tokens holds {Math.Max(inputs[at], targets[at])}; expected ids below {Limit}. Delete it, it is made again.");
                }
            }
        }
        return new Batch(inputs, targets, lengths, text, Kind);
    }

    /// <summary>Divides the items into two sets: the last ones become the second.</summary>
    /// <param name="share">The second set's share, above 0 and below 1; each set gets at least one item.</param>
    /// <exception cref="InvalidOperationException">There is only one item.</exception>
    public (PieceSet First, PieceSet Last) Split(double share)
    {
        if (ItemCount < 2)
        {
            throw new InvalidOperationException($"the data has {ItemCount} piece of {Context} tokens: too little to hold some out; use a smaller context");
        }
        int last = Math.Clamp((int)Math.Round(ItemCount * share), 1, ItemCount - 1);
        return (new PieceSet(this, 0, ItemCount - last), new PieceSet(this, ItemCount - last, last));
    }

    /// <summary>All items.</summary>
    public PieceSet All() => new(this, 0, ItemCount);

    /// <summary>Closes the files, if there are any.</summary>
    public void Dispose() => shards.ForEach(s => s.Dispose());

    /// <summary>Moves what is left in memory, where shards are moved.</summary>
    internal void Complete()
    {
        if (open is not null && Moved is { } move)
        {
            shards[^1] = move(open, shards.Count - 1);
        }
        open = null;
    }

    /// <summary>Takes shards and pieces that were written before.</summary>
    internal void Restore(IEnumerable<TokenShard> from, IEnumerable<Piece> where)
    {
        shards.AddRange(from);
        pieces.AddRange(where);
    }

    private void Put(ReadOnlySpan<int> document, ReadOnlySpan<bool> targets, ReadOnlySpan<short> tokenBytes, bool whole)
    {
        if (targets.Length != document.Length || tokenBytes.Length != document.Length)
        {
            throw new ArgumentException($"a document of {document.Length} tokens has {targets.Length} marks and {tokenBytes.Length} byte counts");
        }
        int inputs = document.Length - 1;
        int kept = whole ? inputs : Math.Min(inputs, Context);
        CutCount += kept < inputs ? 1 : 0;
        for (int at = 0; at < kept; at += Context)
        {
            int length = Math.Min(Context, kept - at);
            int wanted = targets.Slice(at + 1, length).Count(true);
            if (wanted == 0)
            {
                continue;
            }
            MemoryShard shard = Room(length + 1);
            pieces.Add(new Piece(shards.Count - 1, shard.Codes.Length, length));
            for (int i = at; i <= at + length; i++)
            {
                shard.Add(document[i], targets[i], tokenBytes[i]);
            }
            TargetCount += wanted;
            TokenCount += length;
        }
        TokenCount += kept > 0 ? 1 : 0;
    }

    private MemoryShard Room(int tokens)
    {
        if (open is not null && open.Codes.Length + tokens > TokenShard.Most)
        {
            Complete();
        }
        if (open is null)
        {
            shards.Add(open = new MemoryShard());
        }
        return open;
    }

    private void Require(bool holds, BatchKind asked)
    {
        if (!holds)
        {
            throw new InvalidOperationException($"these documents are for {Kind}, not {asked}");
        }
    }

    /// <summary>A piece: its shard, where it begins there, and how many inputs it has; one more token follows.</summary>
    internal readonly record struct Piece(int Shard, int Start, int Length);
}

/// <summary>Consecutive items of documents: pieces, or pairs of pieces.</summary>
/// <param name="Documents">The documents.</param>
/// <param name="First">The first item.</param>
/// <param name="Count">How many.</param>
public sealed record PieceSet(TokenDocuments Documents, int First, int Count);
