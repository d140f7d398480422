namespace Lorikeet.Serving;

/// <summary>Keeps the k largest scores and every tie with the k-th.</summary>
internal sealed class TopKProcessor(int k, int least) : LogitsProcessor
{
    public override string Name => "top_k";

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        Cut cut = Selection.Find(scores, default, Math.Max(k, least), 1, text.Scratch.Bins);
        Cuts.Below(scores, scores, cut.Key);
    }
}

/// <summary>Keeps the likeliest tokens until their probabilities reach p: the token that crosses p stays. Of ties at the end the lowest ids stay.</summary>
/// <remarks>Source: Holtzman et al., The Curious Case of Neural Text Degeneration, ICLR 2020.</remarks>
internal sealed class TopPProcessor(double p, int least) : LogitsProcessor
{
    public override string Name => "top_p";

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        Cut cut = Selection.Find(scores, Probabilities.Of(scores, text.Scratch), p, least, text.Scratch.Bins);
        int ties = cut.Ties;
        for (int i = 0; i < scores.Length; i++)
        {
            if (scores[i] < cut.Key || (scores[i] == cut.Key && ties-- <= 0))
            {
                scores[i] = float.NegativeInfinity;
            }
        }
    }
}

/// <summary>Keeps tokens with a probability of at least <paramref name="share"/> times the largest.</summary>
internal sealed class MinPProcessor(double share, int least) : LogitsProcessor
{
    public override string Name => "min_p";

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        Span<float> probabilities = Probabilities.Of(scores, text.Scratch);
        float needed = (float)share * Kernels.Reduce.Max(probabilities);
        if (least > 1)
        {
            needed = Math.Min(needed, Selection.Find(probabilities, default, least, 1, text.Scratch.Bins).Key);
        }
        Cuts.Below(scores, probabilities, needed);
    }
}

/// <summary>Keeps the tokens with the smallest |-ln p - entropy| until their probabilities reach the mass; ties of the last stay.</summary>
/// <remarks>Source: Meister et al., Locally Typical Sampling, TACL 2023.</remarks>
internal sealed class TypicalProcessor(double mass, int least) : LogitsProcessor
{
    public override string Name => "typical_p";

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        Span<float> probabilities = Probabilities.Of(scores, text.Scratch);
        Span<float> keys = text.Scratch.Keys.AsSpan(0, scores.Length);
        float most = Kernels.Reduce.Max(scores);
        double sum = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            sum += scores[i] > float.NegativeInfinity ? Math.Exp((double)scores[i] - most) : 0;
        }
        double logSum = most + Math.Log(sum), entropy = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            double surprise = logSum - scores[i];
            entropy += double.IsFinite(surprise) ? Math.Exp(-surprise) * surprise : 0;
        }
        for (int i = 0; i < scores.Length; i++)
        {
            keys[i] = scores[i] > float.NegativeInfinity ? -(float)Math.Abs(logSum - scores[i] - entropy) : float.NegativeInfinity;
        }
        Cut cut = Selection.Find(keys, probabilities, mass, least, text.Scratch.Bins);
        Cuts.Below(scores, keys, cut.Key);
    }
}

/// <summary>What the cuts share.</summary>
internal static class Cuts
{
    /// <summary>Rules out the tokens whose key is below a limit.</summary>
    public static void Below(Span<float> scores, ReadOnlySpan<float> keys, float limit)
    {
        for (int i = 0; i < scores.Length; i++)
        {
            if (keys[i] < limit)
            {
                scores[i] = float.NegativeInfinity;
            }
        }
    }
}
