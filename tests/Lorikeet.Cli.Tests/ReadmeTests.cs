using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

/// <summary>The README shows what is in the tree, and points at pages that exist.</summary>
public class ReadmeTests
{
    [Fact]
    public void Sample_is_the_one_that_is_built()
    {
        string readme = Read("README.md"), sample = Read("samples/MixedBatch/Program.cs");
        Assert.Contains("```csharp\n" + sample[(sample.IndexOf('\n', StringComparison.Ordinal) + 1)..].Trim() + "\n```", readme, StringComparison.Ordinal);
    }

    [Fact]
    public void Links_lead_to_files_of_the_repository()
    {
        foreach (string page in Directory.EnumerateFiles(SharedFiles.Repository, "*.md", SearchOption.AllDirectories).Where(Ours))
        {
            foreach (System.Text.RegularExpressions.Match link in System.Text.RegularExpressions.Regex.Matches(File.ReadAllText(page), @"\]\(([^)#:]+)\)"))
            {
                string target = Path.Combine(Path.GetDirectoryName(page)!, link.Groups[1].Value);
                Assert.True(Path.Exists(target), $"{Path.GetRelativePath(SharedFiles.Repository, page)} links to {link.Groups[1].Value}, which does not exist");
            }
        }
    }

    [Fact]
    public void Every_method_has_a_page()
    {
        foreach (Adapters.AdapterMethod method in Adapters.AdapterMethods.All)
        {
            string page = Path.Combine(SharedFiles.Repository, "docs", "methods", method.Name + ".md");
            Assert.True(File.Exists(page), $"method {method.Name} has no page {page}");
            string text = File.ReadAllText(page);
            // A method that shares another's options links to that page.
            foreach (System.Text.RegularExpressions.Match link in System.Text.RegularExpressions.Regex.Matches(text, @"\]\((\w+\.md)\)"))
            {
                text += File.ReadAllText(Path.Combine(Path.GetDirectoryName(page)!, link.Groups[1].Value));
            }
            Assert.All(method.Options, o => Assert.True(text.Contains($"`{o.Key}`", StringComparison.Ordinal), $"docs/methods/{method.Name}.md does not explain the option {o.Key}"));
        }
    }

    private static bool Ours(string path) =>
        !path.Contains("/artifacts/", StringComparison.Ordinal) && !path.Contains("/node_modules/", StringComparison.Ordinal) && !path.Contains("/runs/", StringComparison.Ordinal);

    private static string Read(string relative) => File.ReadAllText(Path.Combine(SharedFiles.Repository, relative));
}
