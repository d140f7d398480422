using System.Runtime.InteropServices;
using System.Text;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Training;

/// <summary>Turns documents into tokens: each begins with the tokenizer's begin token, where it uses one, and ends with its end token.</summary>
public static class DocumentTokens
{
    /// <summary>Tokenises documents.</summary>
    /// <param name="records">The documents.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="context">The most inputs in a piece.</param>
    /// <param name="task">What the documents are for.</param>
    /// <param name="labels">The classes, where texts are classified.</param>
    /// <exception cref="BadFileException">A text has a class that is not among them.</exception>
    public static TokenDocuments Encode(
        IEnumerable<DataRecord> records, Tokenizer tokenizer, int context, DataTask task = DataTask.Text, IReadOnlyList<string>? labels = null)
    {
        TokenDocuments documents = new(context, Kind(task));
        Encode(records, tokenizer, documents, labels);
        return documents;
    }

    /// <summary>The pieces of a set in their order, packed into batches: for evaluation.</summary>
    /// <param name="pieces">The pieces.</param>
    /// <param name="tokens">The most tokens in a batch.</param>
    public static IReadOnlyList<Batch> InOrder(PieceSet pieces, int tokens)
    {
        PackedBatches source = new(pieces, tokens, default, shuffle: false);
        List<Batch> batches = [];
        while (pieces.Count > 0 && source.Position.Epoch == 0)
        {
            batches.Add(source.Next());
        }
        return batches;
    }

    internal static BatchKind Kind(DataTask task) => task switch
    {
        DataTask.Classify => BatchKind.Classes,
        DataTask.Prefer => BatchKind.Pairs,
        _ => BatchKind.Tokens,
    };

    /// <summary>Adds documents to those that are there.</summary>
    internal static void Encode(IEnumerable<DataRecord> records, Tokenizer tokenizer, TokenDocuments documents, IReadOnlyList<string>? labels)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(tokenizer);
        Dictionary<string, int> classes = new(StringComparer.Ordinal);
        foreach (string label in labels ?? [])
        {
            classes.Add(label, classes.Count);
        }
        DocumentEncoder first = new(tokenizer), second = new(tokenizer);
        foreach (DataRecord record in records)
        {
            switch (documents.Kind)
            {
                case BatchKind.Classes:
                    int label = classes.TryGetValue(record.Label ?? "", out int known)
                        ? known
                        : throw new BadFileException($"{record.Where}: the class '{record.Label}' is not one of those that are learnt: {string.Join(", ", classes.Keys.Take(12))}.");
                    int[] tokens = tokenizer.Encode(string.Concat(record.Parts.Select(p => p.Text)));
                    documents.AddClassified(tokens.Length > 0 ? tokens : throw new BadFileException($"{record.Where} has no text to classify."), label);
                    break;
                case BatchKind.Pairs:
                    first.Encode(record, record.Parts);
                    second.Encode(record, record.Rejected!);
                    documents.AddPair(([.. first.Ids], [.. first.Learn]), ([.. second.Ids], [.. second.Learn]));
                    break;
                default:
                    first.Encode(record, record.Parts);
                    documents.Add(CollectionsMarshal.AsSpan(first.Ids), CollectionsMarshal.AsSpan(first.Learn), CollectionsMarshal.AsSpan(first.Bytes), record.Whole);
                    break;
            }
        }
        documents.Complete();
    }
}

/// <summary>One document as tokens, in lists that are used again.</summary>
internal sealed class DocumentEncoder
{
    private readonly Tokenizer tokenizer;
    private readonly int? begin;

    public DocumentEncoder(Tokenizer tokenizer)
    {
        this.tokenizer = tokenizer;
        begin = tokenizer.BosId is { } bos && tokenizer.Encode("").AsSpan().StartsWith([bos]) ? bos : null;
    }

    public List<int> Ids { get; } = [];

    public List<bool> Learn { get; } = [];

    public List<short> Bytes { get; } = [];

    public void Encode(DataRecord record, IReadOnlyList<TextPart> parts)
    {
        Ids.Clear();
        Learn.Clear();
        Bytes.Clear();
        if (begin is { } first && !record.Complete)
        {
            Add(first, false, 0);
        }
        if (parts.Count < 2 || !AddTogether(parts))
        {
            foreach (TextPart part in parts)
            {
                Add(tokenizer.Encode(part.Text, addSpecialTokens: false), part);
            }
        }
        if (tokenizer.EosId is { } last && !record.Complete)
        {
            Add(last, parts.Count > 0 && parts[^1].Learn, 0);
        }
    }

    /// <summary>
    /// The text as one, so that a part in its middle is not taken for a beginning; false: what comes before a part is not encoded as it is alone, and the parts
    /// are encoded one by one, as a prompt is when it is answered.
    /// </summary>
    private bool AddTogether(IReadOnlyList<TextPart> parts)
    {
        // Each part costs another encoding of all that comes before it.
        const int MostParts = 64;
        if (parts.Count > MostParts)
        {
            return false;
        }
        string text = string.Concat(parts.Select(p => p.Text));
        int[] whole = tokenizer.Encode(text, addSpecialTokens: false);
        int[] cuts = new int[parts.Count];
        int end = 0;
        for (int i = 0; i + 1 < parts.Count; i++)
        {
            end += parts[i].Text.Length;
            int[] before = tokenizer.Encode(text[..end], addSpecialTokens: false);
            if (!whole.AsSpan().StartsWith(before))
            {
                return false;
            }
            cuts[i] = before.Length;
        }
        cuts[^1] = whole.Length;
        for (int i = 0; i < parts.Count; i++)
        {
            int from = i > 0 ? cuts[i - 1] : 0;
            Add(whole.AsSpan(from, Math.Max(0, cuts[i] - from)), parts[i]);
        }
        return true;
    }

    private void Add(ReadOnlySpan<int> own, in TextPart part)
    {
        long text = Encoding.UTF8.GetByteCount(part.Text);
        for (int i = 0; i < own.Length; i++)
        {
            // A token's own bytes need not be whole characters: a part's bytes are shared out evenly, and their sum is exact.
            long share = (text * (i + 1) / own.Length) - (text * i / own.Length);
            Add(own[i], part.Learn, (short)Math.Min(share, short.MaxValue));
        }
    }

    private void Add(int id, bool learnt, short text)
    {
        Ids.Add(id);
        Learn.Add(learnt);
        Bytes.Add(text);
    }
}
