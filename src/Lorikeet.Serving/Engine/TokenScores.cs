using Lorikeet.Kernels;

namespace Lorikeet.Serving;

/// <summary>Log-probabilities of tokens.</summary>
internal static class TokenScores
{
    /// <summary>ln sum exp(logits).</summary>
    public static float LogSum(ReadOnlySpan<float> logits)
    {
        float sum = 0;
        Softmax.LogSumExpRows(logits, logits.Length, new Span<float>(ref sum));
        return sum;
    }

    /// <summary>A token's score.</summary>
    public static TokenScore Of(ReadOnlySpan<float> logits, float logSum, int token)
    {
        int rank = 1;
        foreach (float logit in logits)
        {
            rank += logit > logits[token] ? 1 : 0;
        }
        return new TokenScore(token, logits[token] - logSum, rank);
    }

    /// <summary>The likeliest tokens, likeliest first, of equals the lowest id.</summary>
    public static TokenScore[] Top(ReadOnlySpan<float> logits, float logSum, int count)
    {
        count = Math.Min(count, logits.Length);
        TokenScore[] best = new TokenScore[count];
        int held = 0;
        float least = float.NegativeInfinity;
        for (int token = 0; token < logits.Length && count > 0; token++)
        {
            float logit = logits[token];
            if (held == count && !(logit > least))
            {
                continue;
            }
            int at = held < count ? held++ : count - 1;
            for (; at > 0 && logits[best[at - 1].Token] < logit; at--)
            {
                best[at] = best[at - 1];
            }
            best[at] = new TokenScore(token, logit - logSum, 0);
            least = logits[best[held - 1].Token];
        }
        for (int i = 0; i < held; i++)
        {
            // Equal scores share a rank.
            best[i] = best[i] with { Rank = i > 0 && logits[best[i].Token] == logits[best[i - 1].Token] ? best[i - 1].Rank : i + 1 };
        }
        return best;
    }
}
