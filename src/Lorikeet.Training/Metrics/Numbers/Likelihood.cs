using System.Text;

namespace Lorikeet.Training;

/// <summary>How surprising a text is to a model, from the log-probabilities of its tokens (nats).</summary>
/// <param name="NegativeLogLikelihood">The sum of the tokens' -log p.</param>
/// <param name="Tokens">Tokens.</param>
/// <param name="Bytes">UTF-8 bytes of the text.</param>
/// <param name="Characters">Code points of the text.</param>
/// <param name="Words">Words between white space.</param>
public sealed record Likelihood(double NegativeLogLikelihood, int Tokens, int Bytes, int Characters, int Words)
{
    /// <summary><c>exp(nll / tokens)</c>.</summary>
    public double PerplexityPerToken => Math.Exp(NegativeLogLikelihood / Tokens);

    /// <summary><c>exp(nll / words)</c>.</summary>
    public double PerplexityPerWord => Math.Exp(NegativeLogLikelihood / Words);

    /// <summary><c>exp(nll / bytes)</c>.</summary>
    public double PerplexityPerByte => Math.Exp(NegativeLogLikelihood / Bytes);

    /// <summary><c>nll / (bytes ln 2)</c>.</summary>
    public double BitsPerByte => NegativeLogLikelihood / (Bytes * Math.Log(2));

    /// <summary><c>nll / (characters ln 2)</c>.</summary>
    public double BitsPerCharacter => NegativeLogLikelihood / (Characters * Math.Log(2));

    /// <summary>From a text and its tokens' log-probabilities.</summary>
    /// <param name="text">The text.</param>
    /// <param name="logProbabilities">Of each token, in nats.</param>
    public static Likelihood Of(string text, IReadOnlyList<double> logProbabilities)
    {
        ArgumentNullException.ThrowIfNull(logProbabilities);
        return new Likelihood(-logProbabilities.Sum(), logProbabilities.Count, Encoding.UTF8.GetByteCount(text), NGrams.Starts(text).Length - 1, NGrams.Words(text).Count);
    }

    /// <summary>The sum of -log p of a sequence's labels and how many there are; the label at t + 1 belongs to the logits at t.</summary>
    /// <param name="logits">[tokens, vocabulary].</param>
    /// <param name="labels">[tokens].</param>
    /// <param name="vocabulary">Numbers in a row.</param>
    /// <param name="ignored">The label that does not count.</param>
    public static (double NegativeLogLikelihood, int Tokens) Sequence(ReadOnlySpan<float> logits, ReadOnlySpan<long> labels, int vocabulary, long ignored = -100)
    {
        double sum = 0;
        int tokens = 0;
        for (int t = 0; t + 1 < labels.Length; t++)
        {
            long label = labels[t + 1];
            if (label == ignored)
            {
                continue;
            }
            if (label < 0 || label >= vocabulary)
            {
                throw new ArgumentException($"label {t + 1} is {label}; expected 0 to {vocabulary - 1}, or {ignored} for one that does not count");
            }
            ReadOnlySpan<float> row = logits.Slice(t * vocabulary, vocabulary);
            double most = double.NegativeInfinity, total = 0;
            foreach (float logit in row)
            {
                most = Math.Max(most, logit);
            }
            foreach (float logit in row)
            {
                total += Math.Exp(logit - most);
            }
            sum += most + Math.Log(total) - row[(int)label];
            tokens++;
        }
        return (sum, tokens);
    }
}
