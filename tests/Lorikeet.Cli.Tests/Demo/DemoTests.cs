using System.Globalization;
using Lorikeet.Cli.Demo;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Demo;

/// <summary><c>lorikeet demo</c> as a newcomer runs it.</summary>
public sealed class DemoTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    [Trait("Category", "Slow")]
    public void Eight_rows_speak_and_each_adapter_is_the_best_in_its_language()
    {
        string page = folder["new/page.html"];
        CliResult run = Cli.Child("", "demo", "--tokens", "12", "--out", page);
        Assert.True(run.Code == 0, run.Error);
        foreach (StarterLanguage language in StarterLanguage.All)
        {
            Assert.Contains($"--- {language.Title} (", run.Output, StringComparison.Ordinal);
            string row = Assert.Single(run.Output.Split('\n'), line => line.StartsWith(language.Title + " ", StringComparison.Ordinal));
            string[] cells = row.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            double before = double.Parse(cells[^3], CultureInfo.InvariantCulture), after = double.Parse(cells[^2], CultureInfo.InvariantCulture);
            Assert.True(after < 0.95 * before, row);
        }
        Assert.Contains("together ", run.Output, StringComparison.Ordinal);
        Assert.Contains("the own adapter is the best in 8 of 8 languages", run.Output, StringComparison.Ordinal);
        string html = File.ReadAllText(page);
        Assert.Equal(8, html.Split("class=\"own best\"").Length - 1);
        Assert.DoesNotContain("http://", html.Replace("http://www.w3.org/", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--prompt", "")]
    [InlineData("--tokens", "0")]
    [InlineData("--tokens", "100000")]
    public void What_cannot_be_is_refused_in_one_line(string option, string value) => Cli.Child("", "demo", option, value).Refused(2);
}
