using System.Text;
using Lorikeet.Models.Text;

namespace Lorikeet.Training;

/// <summary>Turns documents into tokens: each begins with the tokenizer's begin token, where it uses one, and ends with its end token.</summary>
public static class DocumentTokens
{
    /// <summary>Tokenises documents.</summary>
    /// <param name="records">The documents.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="context">The most inputs in a piece.</param>
    public static TokenDocuments Encode(IEnumerable<DataRecord> records, Tokenizer tokenizer, int context)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(tokenizer);
        int? begin = tokenizer.BosId is { } bos && tokenizer.Encode("").AsSpan().StartsWith([bos]) ? bos : null;
        TokenDocuments documents = new(context);
        List<int> ids = [];
        List<bool> learn = [];
        List<short> bytes = [];
        foreach (DataRecord record in records)
        {
            ids.Clear();
            learn.Clear();
            bytes.Clear();
            if (begin is { } first)
            {
                Add(first, false, 0);
            }
            foreach (TextPart part in record.Parts)
            {
                int[] own = tokenizer.Encode(part.Text, addSpecialTokens: false);
                long text = Encoding.UTF8.GetByteCount(part.Text);
                for (int i = 0; i < own.Length; i++)
                {
                    // A token's own bytes need not be whole characters: a part's bytes are shared out evenly, and their sum is exact.
                    long share = (text * (i + 1) / own.Length) - (text * i / own.Length);
                    Add(own[i], part.Learn, (short)Math.Min(share, short.MaxValue));
                }
            }
            if (tokenizer.EosId is { } last)
            {
                Add(last, record.Parts.Count > 0 && record.Parts[^1].Learn, 0);
            }
            documents.Add(
                System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids),
                System.Runtime.InteropServices.CollectionsMarshal.AsSpan(learn),
                System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes),
                record.Whole);
        }
        return documents;

        void Add(int id, bool learnt, short text)
        {
            ids.Add(id);
            learn.Add(learnt);
            bytes.Add(text);
        }
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
}
