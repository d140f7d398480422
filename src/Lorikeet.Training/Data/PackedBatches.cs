using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Draws items (pieces, or pairs of them) in an order that seed and epoch decide, and packs as many as fit into each batch.</summary>
/// <remarks>
/// There is no padding: a batch is whole sequences end to end, of at most <paramref name="tokens"/> tokens together. The last batch of an epoch
/// may be short. The order is Fisher and Yates' with numbers by position, so a run goes on anywhere without replaying.
/// </remarks>
/// <param name="pieces">The pieces.</param>
/// <param name="tokens">The most tokens in a batch; at least the longest piece.</param>
/// <param name="random">The seed of the order.</param>
/// <param name="shuffle">False: always the order of the file.</param>
public sealed class PackedBatches(PieceSet pieces, int tokens, CounterRandom random, bool shuffle = true) : IBatchSource
{
    private readonly int[] order = new int[pieces.Count];
    private readonly List<int> chosen = [];
    private long ordered = -1;

    /// <inheritdoc/>
    public DataPosition Position { get; set => field = value.Within(order.Length); }

    /// <summary>Tokens of one epoch.</summary>
    public long TokenCount
    {
        get
        {
            long count = 0;
            for (int i = 0; i < pieces.Count; i++)
            {
                count += pieces.Documents.Length(pieces.First + i);
            }
            return count;
        }
    }

    /// <inheritdoc/>
    public Batch Next()
    {
        if (pieces.Count == 0)
        {
            throw new InvalidOperationException("the data has no token to learn");
        }
        Arrange(Position.Epoch);
        int item = (int)Position.Item;
        Choose(ref item);
        Position = item < order.Length ? Position with { Item = item } : new DataPosition(Position.Epoch + 1, 0);
        return pieces.Documents.Pack(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(chosen));
    }

    /// <summary>Batches in the first <paramref name="epochs"/> epochs.</summary>
    /// <param name="epochs">Passes through the data; a part of one counts in proportion.</param>
    public int BatchCount(double epochs)
    {
        int count = 0;
        for (long epoch = 0; epoch < epochs; epoch++)
        {
            Arrange(epoch);
            int batches = 0;
            for (int item = 0; item < order.Length; batches++)
            {
                Choose(ref item);
            }
            count += (int)Math.Ceiling(batches * Math.Min(1, epochs - epoch));
        }
        return count;
    }

    private void Choose(ref int item)
    {
        chosen.Clear();
        int total = 0;
        while (item < order.Length)
        {
            int length = pieces.Documents.Length(order[item]);
            if (total + length > tokens && total > 0)
            {
                break;
            }
            total += length;
            chosen.Add(order[item++]);
        }
    }

    private void Arrange(long epoch)
    {
        if (ordered == epoch)
        {
            return;
        }
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = pieces.First + i;
        }
        if (shuffle)
        {
            CounterRandom own = random.Named($"order of epoch {epoch}");
            for (int i = order.Length - 1; i > 0; i--)
            {
                int j = own.Integer((ulong)i, i + 1);
                (order[i], order[j]) = (order[j], order[i]);
            }
        }
        ordered = epoch;
    }
}
