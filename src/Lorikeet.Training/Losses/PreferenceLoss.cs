namespace Lorikeet.Training;

/// <summary>Log-probabilities (nats, summed over its tokens) of an answer, and how many tokens it has.</summary>
/// <param name="Policy">Under what is trained.</param>
/// <param name="Reference">Under the frozen model.</param>
/// <param name="Tokens">Tokens.</param>
public readonly record struct AnswerLikelihood(double Policy, double Reference, int Tokens);

/// <summary>A loss on pairs of answers, one chosen and one rejected.</summary>
/// <remarks>
/// With p, r the answers' log-probabilities under policy and reference, h = (p_c - r_c) - (p_r - r_r), s the sigmoid and b = <see cref="Beta"/>:
/// <c>dpo</c> -(1 - e) log s(b h) - e log s(-b h) (Rafailov et al., arXiv 2305.18290; e: Mitchell's conservative form);
/// <c>ipo</c> (h - 1 / (2 b))^2 (Azar et al., arXiv 2310.12036);
/// <c>orpo</c> -a_c - b log s((a_c - a_r) - (log(1 - e^a_c) - log(1 - e^a_r))), a = p / tokens, no reference (Hong et al., arXiv 2403.07691).
/// </remarks>
public sealed record PreferenceLoss
{
    /// <summary>The names of the losses.</summary>
    public static IReadOnlyList<string> Names { get; } = ["dpo", "ipo", "orpo"];

    /// <summary>Which one; <c>dpo</c> unless set.</summary>
    public string Name { get; init; } = "dpo";

    /// <summary>b: how far the policy may go from the reference, or orpo's weight of the odds; 0.1 unless set.</summary>
    public double Beta { get; init; } = 0.1;

    /// <summary>e of dpo: the share of pairs that are the wrong way round, from 0 (the default) to below 0.5.</summary>
    public double Smoothing { get; init; }

    /// <summary>Whether the frozen model's likelihoods are needed.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool NeedsReference => Name != "orpo";

    /// <summary>The loss of a pair and its derivatives.</summary>
    /// <param name="chosen">The chosen answer.</param>
    /// <param name="rejected">The rejected answer.</param>
    /// <returns>The loss, and its derivatives by the two policy log-probabilities.</returns>
    public (double Loss, double Chosen, double Rejected) Of(in AnswerLikelihood chosen, in AnswerLikelihood rejected)
    {
        double h = chosen.Policy - chosen.Reference - (rejected.Policy - rejected.Reference), b = Beta;
        if (Name == "dpo")
        {
            double loss = -((1 - Smoothing) * LogSigmoid(b * h)) - (Smoothing * LogSigmoid(-b * h));
            double slope = -b * (((1 - Smoothing) * Sigmoid(-b * h)) - (Smoothing * Sigmoid(b * h)));
            return (loss, slope, -slope);
        }
        if (Name == "ipo")
        {
            double gap = h - (1 / (2 * b));
            return (gap * gap, 2 * gap, -2 * gap);
        }
        double c = Average(chosen), r = Average(rejected);
        double restC = 1 - Math.Exp(c), restR = 1 - Math.Exp(r);
        double odds = c - r - (Math.Log(restC) - Math.Log(restR));
        double pull = b * Sigmoid(-odds);
        return (-c - (b * LogSigmoid(odds)), (-1 - (pull / restC)) / chosen.Tokens, pull / restR / rejected.Tokens);
    }

    /// <summary>Refuses settings that cannot be meant.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public void Check()
    {
        if (!Names.Contains(Name))
        {
            throw new ArgumentException($"there is no preference loss '{Name}'; there are {string.Join(", ", Names)}");
        }
        if (!(Beta > 0) || !double.IsFinite(Beta))
        {
            throw new ArgumentException($"{Name}: beta is {Beta}; expected above 0");
        }
        if (Smoothing is not (>= 0 and < 0.5) || (Smoothing > 0 && Name != "dpo"))
        {
            throw new ArgumentException($"{Name}: the share of wrong pairs is {Smoothing}; expected from 0 to below 0.5, with dpo only");
        }
    }

    // Certain answers would have infinite odds: their average stays a little below 0.
    private static double Average(in AnswerLikelihood answer) => Math.Min(answer.Policy / Math.Max(1, answer.Tokens), -1e-12);

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private static double LogSigmoid(double x) => x >= 0 ? -Math.Log(1 + Math.Exp(-x)) : x - Math.Log(1 + Math.Exp(x));
}
