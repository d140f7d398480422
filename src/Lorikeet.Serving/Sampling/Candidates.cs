using Lorikeet.Kernels;

namespace Lorikeet.Serving;

/// <summary>The tokens that are still in, in ascending order of their ids, close together: after the first cut they are few.</summary>
/// <param name="vocabulary">The most there can be.</param>
internal sealed class Candidates(int vocabulary)
{
    private readonly float[] scores = new float[vocabulary];
    private readonly int[] ids = new int[vocabulary];
    private readonly float[] probabilities = new float[vocabulary];
    private readonly float[] keys = new float[vocabulary];

    public int Count { get; private set; }

    public ReadOnlySpan<float> Scores => scores.AsSpan(0, Count);

    public ReadOnlySpan<int> Ids => ids.AsSpan(0, Count);

    /// <summary>Memory for another order than that of the scores.</summary>
    public Span<float> Keys => keys.AsSpan(0, Count);

    public SelectionBin[] Bins { get; } = new SelectionBin[Selection.BinCount];

    /// <summary>Takes all tokens that are not ruled out and whose score reaches a limit.</summary>
    public void Fill(ReadOnlySpan<float> from, float limit)
    {
        int count = 0;
        for (int i = 0; i < from.Length; i++)
        {
            float score = from[i];
            if (score >= limit && score > float.NegativeInfinity)
            {
                scores[count] = Math.Min(score, float.MaxValue);
                ids[count++] = i;
            }
        }
        Count = count;
    }

    /// <summary>Keeps those whose key lies above a cut, and of those at it the first <paramref name="ties"/>.</summary>
    public void Keep(ReadOnlySpan<float> order, float limit, int ties = int.MaxValue)
    {
        int count = 0;
        for (int i = 0; i < order.Length; i++)
        {
            if (order[i] > limit || (order[i] == limit && ties-- > 0))
            {
                scores[count] = scores[i];
                ids[count++] = ids[i];
            }
        }
        Count = count;
    }

    /// <summary>softmax(scores).</summary>
    public ReadOnlySpan<float> Probabilities()
    {
        Span<float> to = probabilities.AsSpan(0, Count);
        if (Count > 0)
        {
            Softmax.Rows(Scores, Count, to);
        }
        return to;
    }
}
