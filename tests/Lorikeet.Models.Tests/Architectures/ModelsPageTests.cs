using System.Text;
using Lorikeet.Testing;

namespace Lorikeet.Models.Tests.Architectures;

/// <summary>The table of docs/models.md is the registry's; <c>LORIKEET_UPDATE_DOCS=1</c> writes it.</summary>
public sealed class ModelsPageTests
{
    private const string End = "<!-- end of table -->";

    [Fact]
    public void The_table_of_the_page_is_the_registry()
    {
        string path = Path.Combine(SharedFiles.Repository, "docs", "models.md");
        string page = File.ReadAllText(path);
        int start = page.IndexOf('\n', page.IndexOf("<!-- table", StringComparison.Ordinal)) + 1, end = page.IndexOf(End, StringComparison.Ordinal);
        string expected = string.Concat(page.AsSpan(0, start), Table(), page.AsSpan(end));
        if (Environment.GetEnvironmentVariable("LORIKEET_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(path, expected);
            return;
        }
        Assert.True(expected == page, "docs/models.md differs from the registry; LORIKEET_UPDATE_DOCS=1 ./test --filter ModelsPage writes it anew");
    }

    private static string Table()
    {
        StringBuilder table = new("| `model_type` | models | what it is |\n| --- | --- | --- |\n");
        foreach (Architecture architecture in Architecture.All)
        {
            table.Append($"| `{architecture.ModelType}` | {architecture.Models} | {architecture.About} |\n");
        }
        return table.ToString();
    }
}
