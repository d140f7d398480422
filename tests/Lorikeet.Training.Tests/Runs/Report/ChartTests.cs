using System.Xml.Linq;

namespace Lorikeet.Training.Tests.Runs.Report;

public class ChartTests
{
    [Fact]
    public void A_chart_shows_what_it_was_given()
    {
        Chart chart = new(
            "a < b",
            "step",
            "loss",
            [
                new ChartLine("training", [(1, 3.0), (2, 2.5), (3, double.NaN), (4, 2.0)], LineStyle.Noisy),
                new ChartLine("held out \"x\"", [(0, 3.2), (4, 2.2)], LineStyle.Dots),
            ]);
        string svg = chart.Draw();
        Assert.Contains("a &lt; b", svg, StringComparison.Ordinal);
        Assert.Contains("held out &quot;x&quot;: last 2.2", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", svg, StringComparison.Ordinal);
        XDocument drawn = XDocument.Parse(svg);
        Assert.Equal(2, drawn.Descendants().Count(e => e.Name.LocalName == "circle"));
        // Thin and smoothed, and the measured one.
        Assert.Equal(3, drawn.Descendants().Count(e => e.Name.LocalName == "polyline"));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(5, 5)]
    [InlineData(-1e-9, 1e-9)]
    [InlineData(1e12, 3e12)]
    [InlineData(-7, -3)]
    public void Every_range_has_axes(double low, double high)
    {
        string svg = new Chart("t", "x", "y", [new ChartLine("l", [(0, low), (3, high)], LineStyle.Plain)]).Draw();
        XDocument drawn = XDocument.Parse(svg);
        Assert.InRange(drawn.Descendants().Count(e => e.Name.LocalName == "text"), 6, 40);
        Assert.DoesNotContain("∞", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", svg, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_points_are_thinned_and_the_last_one_is_drawn()
    {
        string svg = new Chart("t", "x", "y", [new ChartLine("l", [.. Enumerable.Range(0, 100_000).Select(i => ((double)i, i % 7.0))], LineStyle.Plain)]).Draw();
        Assert.True(svg.Length < 60_000, $"{svg.Length} characters");
        string line = XDocument.Parse(svg).Descendants().Single(e => e.Name.LocalName == "polyline").Attribute("points")!.Value;
        Assert.StartsWith("702.0,", line.TrimEnd().Split(' ')[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_chart_without_points_is_still_one() => XDocument.Parse(new Chart("t", "x", "y", [new ChartLine("l", [], LineStyle.Dots)]).Draw());
}
