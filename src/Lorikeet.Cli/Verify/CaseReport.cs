namespace Lorikeet.Cli.Verify;

/// <summary>Takes the comparisons of one case.</summary>
/// <param name="name">The case's name in the output.</param>
internal sealed class CaseReport(string name)
{
    private readonly List<Comparison> comparisons = [];

    /// <summary>All comparisons so far.</summary>
    public IReadOnlyList<Comparison> Comparisons => comparisons;

    /// <summary>The case's verdict: failed if any comparison failed, else unsupported if any part is.</summary>
    public Verdict Verdict =>
        comparisons.Exists(c => c.Verdict == Verdict.Fail) ? Verdict.Fail
        : comparisons.Exists(c => c.Verdict == Verdict.Unsupported) ? Verdict.Unsupported
        : Verdict.Pass;

    /// <summary>Compares numbers: the largest |got - expected| - absolute must be within relative * scale.</summary>
    /// <param name="what">What they are.</param>
    /// <param name="got">Computed.</param>
    /// <param name="expected">Reference.</param>
    /// <param name="relative">Allowed error, as a share of the scale.</param>
    /// <param name="absolute">Allowed error besides.</param>
    /// <param name="scale">What the relative part is a share of; null: the largest |expected|.</param>
    public void Numbers(string what, ReadOnlySpan<float> got, ReadOnlySpan<float> expected, double relative, double absolute = 0, double? scale = null)
    {
        if (got.Length != expected.Length)
        {
            Fail(what, $"{got.Length} values computed, {expected.Length} expected");
            return;
        }
        double largest = 0;
        foreach (float e in expected)
        {
            largest = Math.Max(largest, Math.Abs((double)e));
        }
        double allowed = absolute + (relative * (scale ?? largest));
        double worst = 0;
        int at = -1;
        for (int i = 0; i < got.Length; i++)
        {
            // A NaN on either side never compares as small.
            double error = got[i].Equals(expected[i]) ? 0 : Math.Abs((double)got[i] - expected[i]);
            if (double.IsNaN(error))
            {
                error = double.PositiveInfinity;
            }
            if (error > worst)
            {
                (worst, at) = (error, i);
            }
        }
        AddError(what, worst, allowed, relative, at < 0 ? "" : $"element {at}: {got[at]:G9} computed, {expected[at]:G9} expected");
    }

    /// <summary>Compares numbers element by element: |got - expected| within absolute + relative * |expected|.</summary>
    /// <param name="what">What they are.</param>
    /// <param name="got">Computed.</param>
    /// <param name="expected">Reference.</param>
    /// <param name="relative">Allowed share of each expected value.</param>
    /// <param name="absolute">Allowed error besides.</param>
    public void Each(string what, ReadOnlySpan<double> got, ReadOnlySpan<double> expected, double relative, double absolute)
    {
        if (got.Length != expected.Length)
        {
            Fail(what, $"{got.Length} values computed, {expected.Length} expected");
            return;
        }
        double worst = 0;
        string where = "";
        for (int i = 0; i < got.Length; i++)
        {
            if (got[i].Equals(expected[i]))
            {
                continue;
            }
            double allowed = absolute + (relative * Math.Abs(expected[i]));
            double share = Math.Abs(got[i] - expected[i]) / Math.Max(allowed, double.Epsilon);
            if (double.IsNaN(share))
            {
                share = double.PositiveInfinity;
            }
            if (share > worst)
            {
                worst = share;
                where = $"element {i}: {got[i]:G9} computed, {expected[i]:G9} expected";
            }
        }
        AddError(what, worst, 1, relative, where);
    }

    /// <summary>Compares an error with the largest that the reference allows.</summary>
    /// <param name="what">What it is the error of.</param>
    /// <param name="error">Computed.</param>
    /// <param name="most">Allowed.</param>
    public void AtMost(string what, double error, double most) =>
        comparisons.Add(new Comparison(name, what, error, most, error <= most ? Verdict.Pass : Verdict.Fail, error <= most ? null : $"{error:G6} computed, at most {most:G6} expected"));

    /// <summary>Compares things that must be equal.</summary>
    /// <param name="what">What they are.</param>
    /// <param name="equal">Whether they are.</param>
    /// <param name="note">What was found and expected, where they are not.</param>
    public void Equal(string what, bool equal, string note) =>
        comparisons.Add(new Comparison(name, what, equal ? 0 : 1, 0, equal ? Verdict.Pass : Verdict.Fail, equal ? null : note));

    /// <summary>Notes something that could not be computed.</summary>
    /// <param name="what">What it was.</param>
    /// <param name="why">Why not.</param>
    public void Fail(string what, string why) => comparisons.Add(new Comparison(name, what, double.PositiveInfinity, 0, Verdict.Fail, why));

    /// <summary>Notes that the product refuses the case by name.</summary>
    /// <param name="why">The product's message.</param>
    public void Unsupported(string why) => comparisons.Add(new Comparison(name, "-", 0, 0, Verdict.Unsupported, why));

    private void AddError(string what, double worst, double allowed, double relative, string note)
    {
        // Shown on the scale of the relative tolerance, so that rows can be compared.
        double shown = allowed > 0 && !double.IsInfinity(worst) ? worst / allowed * (relative > 0 ? relative : allowed) : worst;
        bool pass = worst <= allowed;
        comparisons.Add(new Comparison(name, what, shown, relative > 0 ? relative : allowed, pass ? Verdict.Pass : Verdict.Fail, pass ? null : note));
    }
}
