namespace Lorikeet.Cli.Verify;

/// <summary>What came of a comparison.</summary>
internal enum Verdict
{
    /// <summary>Within the tolerance.</summary>
    Pass,

    /// <summary>Outside the tolerance, or it could not be computed.</summary>
    Fail,

    /// <summary>The product does not have what the case needs, and says so by name.</summary>
    Unsupported,
}

/// <summary>One comparison of a computed value with a reference value.</summary>
/// <param name="Case">The case's folder below the path that was asked for.</param>
/// <param name="What">What was compared, for example <c>logits.s17</c>.</param>
/// <param name="Error">The largest error, on the scale of <paramref name="Tolerance"/>.</param>
/// <param name="Tolerance">The largest error allowed; 0: equal.</param>
/// <param name="Verdict">The verdict.</param>
/// <param name="Note">Why, where it did not pass.</param>
internal sealed record Comparison(string Case, string What, double Error, double Tolerance, Verdict Verdict, string? Note = null)
{
    /// <summary>The error as a share of what is allowed.</summary>
    public double Share => Tolerance > 0 ? Error / Tolerance : Error;
}
