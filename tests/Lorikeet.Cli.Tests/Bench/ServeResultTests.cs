using Lorikeet.Cli.Bench;

namespace Lorikeet.Cli.Tests.Bench;

/// <summary>The figures of a run, from outcomes whose figures are known.</summary>
public sealed class ServeResultTests
{
    [Fact]
    public void Figures_are_those_of_the_outcomes()
    {
        ServeResult result = new([Good(0, 1, 3, 11), Good(1, 8, 9, 2), Failed(2, 4, "429 server_overloaded"), Failed(2, 10, "timeout"), Failed(3, 4, "timeout")], sloFirst: 6, sloToken: null);
        Assert.Equal(10, result.Seconds, 1e-9);
        Assert.Equal(0.2, result.RequestRate, 1e-9);
        Assert.Equal(1.3, result.OutputRate, 1e-9);
        // The second one's first token came after seven seconds; failures count as late.
        Assert.Equal(0.2, result.Attained, 1e-9);
        Assert.Equal([("timeout", 2), ("429 server_overloaded", 1)], result.Errors);
        Assert.Equal(4, ServeResult.Quantile(result.Times.First().Sorted, 0.5), 1e-9);
        Assert.Equal(0.2, result.Good[0].PerToken, 1e-9);
    }

    [Fact]
    public void Slow_tokens_are_not_in_time() => Assert.Equal(0.5, new ServeResult([Good(0, 1, 3, 11), Good(0, 1, 30, 11)], 6, 1).Attained);

    [Fact]
    public void A_run_in_which_all_failed_has_figures_too()
    {
        ServeResult result = new([Failed(0, 1, "timeout")], 6, null);
        using StringWriter text = new();
        result.Print(text);
        Assert.Contains("0 answered, 1 failed", text.ToString(), StringComparison.Ordinal);
        Assert.Null(result.Json([])["first_token_s"]!["p50"]);
        Assert.Contains("timeout", ServePage.Write(result, []), StringComparison.Ordinal);
    }

    private static RequestOutcome Good(double due, double first, double last, int tokens) =>
        new() { Request = new PlannedRequest(0, due, 0, 1, tokens), Due = due, Sent = due, First = first, Last = last, End = last, OutputTokens = tokens, InputTokens = 1 };

    private static RequestOutcome Failed(double due, double end, string error) =>
        new() { Request = new PlannedRequest(0, due, 0, 1, 1), Due = due, Sent = due, First = double.NaN, Last = double.NaN, End = end, Error = error };
}
