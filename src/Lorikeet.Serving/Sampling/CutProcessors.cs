using Lorikeet.Kernels;

namespace Lorikeet.Serving;

/// <summary>One of the cuts that leave the likelier tokens in.</summary>
internal abstract class CutProcessor
{
    /// <summary>The option it comes from, as Transformers spells it.</summary>
    public abstract string Name { get; }

    /// <summary>A score below which this cut keeps no token, so that the first cut need not look at the whole vocabulary closely.</summary>
    public virtual float Floor(ReadOnlySpan<float> scores) => float.NegativeInfinity;

    /// <summary>Leaves tokens out.</summary>
    public abstract void Apply(Candidates tokens);
}

/// <summary>Keeps the k largest scores and every tie with the k-th.</summary>
internal sealed class TopKProcessor(int k, int least) : CutProcessor
{
    private const int MostListed = 256;
    private readonly float[] best = new float[Math.Min(Math.Max(k, least), MostListed)];

    public override string Name => "top_k";

    public override float Floor(ReadOnlySpan<float> scores)
    {
        if (Math.Max(k, least) > MostListed)
        {
            return float.NegativeInfinity;
        }
        // The k best so far, in ascending order; almost every score fails the first comparison.
        best.AsSpan().Fill(float.NegativeInfinity);
        foreach (float score in scores)
        {
            if (score > best[0])
            {
                int at = 1;
                for (; at < best.Length && best[at] < score; at++)
                {
                    best[at - 1] = best[at];
                }
                best[at - 1] = score;
            }
        }
        return best[0];
    }

    public override void Apply(Candidates tokens) =>
        tokens.Keep(tokens.Scores, Selection.Find(tokens.Scores, default, Math.Max(k, least), 1, tokens.Bins).Key);
}

/// <summary>Keeps the likeliest tokens until their probabilities reach p: the token that crosses p stays. Of ties at the end the lowest ids stay.</summary>
/// <remarks>Source: Holtzman et al., The Curious Case of Neural Text Degeneration, ICLR 2020.</remarks>
internal sealed class TopPProcessor(double p, int least) : CutProcessor
{
    public override string Name => "top_p";

    public override void Apply(Candidates tokens)
    {
        Cut cut = Selection.Find(tokens.Scores, tokens.Probabilities(), p, least, tokens.Bins);
        tokens.Keep(tokens.Scores, cut.Key, cut.Ties);
    }
}

/// <summary>Keeps tokens with a probability of at least <paramref name="share"/> times the largest.</summary>
internal sealed class MinPProcessor(double share, int least) : CutProcessor
{
    public override string Name => "min_p";

    // A little below the exact limit: Apply decides.
    public override float Floor(ReadOnlySpan<float> scores) =>
        least > 1 ? float.NegativeInfinity : Reduce.Max(scores) + (float)Math.Log(share) - 0.01f;

    public override void Apply(Candidates tokens)
    {
        ReadOnlySpan<float> probabilities = tokens.Probabilities();
        float needed = (float)share * Reduce.Max(probabilities);
        if (least > 1)
        {
            needed = Math.Min(needed, Selection.Find(probabilities, default, least, 1, tokens.Bins).Key);
        }
        tokens.Keep(probabilities, needed);
    }
}

/// <summary>Keeps the tokens with the smallest |-ln p - entropy| until their probabilities reach the mass; ties of the last stay.</summary>
/// <remarks>Source: Meister et al., Locally Typical Sampling, TACL 2023.</remarks>
internal sealed class TypicalProcessor(double mass, int least) : CutProcessor
{
    public override string Name => "typical_p";

    public override void Apply(Candidates tokens)
    {
        ReadOnlySpan<float> scores = tokens.Scores, probabilities = tokens.Probabilities();
        if (scores.Length == 0)
        {
            return;
        }
        int best = Reduce.ArgMax(scores);
        double logSum = scores[best] - Math.Log(probabilities[best]);
        // -sum p ln p = ln sum exp - sum p score.
        double entropy = logSum;
        for (int i = 0; i < scores.Length; i++)
        {
            entropy -= (double)probabilities[i] * scores[i];
        }
        Span<float> keys = tokens.Keys;
        for (int i = 0; i < scores.Length; i++)
        {
            keys[i] = -(float)Math.Abs(logSum - scores[i] - entropy);
        }
        tokens.Keep(keys, Selection.Find(keys, probabilities, mass, least, tokens.Bins).Key);
    }
}
