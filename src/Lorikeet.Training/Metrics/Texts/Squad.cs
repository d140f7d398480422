using System.Text;
using Lorikeet.Models.Text.Templates;

namespace Lorikeet.Training;

/// <summary>Exact match and word F1 after SQuAD v1.1's normalisation: lower case, no ASCII punctuation, no articles, single blanks.</summary>
public static class Squad
{
    /// <summary>The normalised form of an answer.</summary>
    /// <param name="answer">The answer.</param>
    public static string Normalize(string answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        StringBuilder plain = new();
        foreach (char c in NGrams.Lower(answer))
        {
            if (!char.IsAscii(c) || !(char.IsPunctuation(c) || char.IsSymbol(c)))
            {
                plain.Append(c);
            }
        }
        return string.Join(' ', NGrams.Words(WithoutArticles(plain.ToString())));
    }

    /// <summary>1 where an answer's normalised form is the prediction's, else 0.</summary>
    /// <param name="prediction">The prediction.</param>
    /// <param name="answers">The answers.</param>
    public static double Exact(string prediction, IReadOnlyList<string> answers) => answers.Any(a => Normalize(a) == Normalize(prediction)) ? 1 : 0;

    /// <summary>The best F1 of the words of any answer, 0 to 1.</summary>
    /// <param name="prediction">The prediction.</param>
    /// <param name="answers">The answers.</param>
    public static double F1(string prediction, IReadOnlyList<string> answers) => answers.Max(answer => F1(Normalize(prediction), Normalize(answer)));

    internal static MetricResult Score(MetricInput input, MetricSettings set)
    {
        double exact = input.Candidates.Select((c, i) => Exact(c, input.References[i])).Average();
        return MetricResult.Of(exact, ("exact", exact), ("f1", input.Candidates.Select((c, i) => F1(c, input.References[i])).Average()));
    }

    private static double F1(string prediction, string answer)
    {
        List<string> own = NGrams.Words(prediction), wanted = NGrams.Words(answer);
        if (own.Count == 0 || wanted.Count == 0)
        {
            return own.Count == wanted.Count ? 1 : 0;
        }
        double shared = NGrams.Shared(NGrams.Count(own, 1), NGrams.Count(wanted, 1));
        return shared == 0 ? 0 : new RougeScore(shared / own.Count, shared / wanted.Count).F;
    }

    // Where the words a, an and the stand alone; a mark inside a word was removed before.
    private static string WithoutArticles(string text)
    {
        StringBuilder kept = new();
        for (int i = 0; i < text.Length;)
        {
            int start = i;
            bool word = IsWord(text, i);
            while (i < text.Length && IsWord(text, i) == word)
            {
                i += CodePoints.UnitsAt(text, i);
            }
            string part = text[start..i];
            kept.Append(part is "a" or "an" or "the" ? " " : part);
        }
        return kept.ToString();
    }

    private static bool IsWord(string text, int index) => CharacterFacts.IsWord(CodePoints.ValueAt(text, index));
}
