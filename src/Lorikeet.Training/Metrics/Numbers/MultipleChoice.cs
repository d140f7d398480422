using System.Text;

namespace Lorikeet.Training;

/// <summary>Which of several continuations a model finds likeliest: by the sum of log-probabilities, per UTF-8 byte, per token. The first of equal ones wins.</summary>
public sealed class MultipleChoice
{
    /// <summary>Compares continuations.</summary>
    /// <param name="choices">Their texts.</param>
    /// <param name="logProbabilities">The log-probabilities of each one's tokens, in nats.</param>
    public MultipleChoice(IReadOnlyList<string> choices, IReadOnlyList<IReadOnlyList<double>> logProbabilities)
    {
        ArgumentNullException.ThrowIfNull(choices);
        ArgumentNullException.ThrowIfNull(logProbabilities);
        Sums = [.. logProbabilities.Select(p => p.Sum())];
        PerByte = [.. Sums.Select((s, i) => s / Encoding.UTF8.GetByteCount(choices[i]))];
        PerToken = [.. Sums.Select((s, i) => s / logProbabilities[i].Count)];
    }

    /// <summary>Sums of log-probabilities.</summary>
    public IReadOnlyList<double> Sums { get; }

    /// <summary>Sums over UTF-8 bytes.</summary>
    public IReadOnlyList<double> PerByte { get; }

    /// <summary>Sums over tokens.</summary>
    public IReadOnlyList<double> PerToken { get; }

    /// <summary>The place of the largest number, the first of equal ones.</summary>
    /// <param name="scores">Numbers.</param>
    public static int Best(IReadOnlyList<double> scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        int best = 0;
        for (int i = 1; i < scores.Count; i++)
        {
            best = scores[i] > scores[best] ? i : best;
        }
        return best;
    }
}
