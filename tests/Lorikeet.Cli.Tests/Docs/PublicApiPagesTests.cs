using System.Reflection;
using System.Text;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Docs;

/// <summary>docs/api is what the comments in the source say; LORIKEET_UPDATE_API=1 writes it anew.</summary>
public sealed class PublicApiPagesTests
{
    public static TheoryData<string> Libraries => PublicApiTests.Libraries;

    [Theory]
    [MemberData(nameof(Libraries))]
    public void The_page_of_a_library_is_its_comments(string library)
    {
        List<string> bare = [];
        Compare($"Lorikeet.{library}.md", ApiPage.Write(Assembly.Load("Lorikeet." + library), bare));
        Assert.True(bare.Count == 0, $"no comment was found for {string.Join(", ", bare.Take(10))}");
    }

    [Fact]
    public void The_index_names_every_library()
    {
        StringBuilder index = new("# API reference\n\n<!-- written by LORIKEET_UPDATE_API=1 ./test --filter PublicApi -->\n\n"
            + "One page a library, written from the comments in the source. The packages bring the same texts as XML, which editors show as one types.\n\n| library | public types | |\n| --- | --- | --- |\n");
        foreach (string library in ((IEnumerable<object[]>)PublicApiTests.Libraries).Select(row => (string)row[0]))
        {
            Assembly assembly = Assembly.Load("Lorikeet." + library);
            string about = assembly.GetCustomAttribute<AssemblyDescriptionAttribute>()?.Description ?? "";
            index.Append($"| [Lorikeet.{library}](Lorikeet.{library}.md) | {assembly.GetExportedTypes().Length} | {about} |\n");
        }
        Compare("README.md", index.ToString());
    }

    [Fact]
    public void All_pages_together_stay_small()
    {
        long bytes = Directory.EnumerateFiles(Path.Combine(SharedFiles.Repository, "docs", "api")).Sum(f => new FileInfo(f).Length);
        Assert.InRange(bytes, 1, 1 << 20);
    }

    private static void Compare(string name, string actual)
    {
        string path = Path.Combine(SharedFiles.Repository, "docs", "api", name);
        if (Environment.GetEnvironmentVariable("LORIKEET_UPDATE_API") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }
        string expected = File.Exists(path) ? File.ReadAllText(path) : "";
        string added = string.Join('\n', actual.Split('\n').Except(expected.Split('\n')).Take(5)), gone = string.Join('\n', expected.Split('\n').Except(actual.Split('\n')).Take(5));
        Assert.True(expected == actual, $"docs/api/{name} is not what the comments say; run LORIKEET_UPDATE_API=1 ./test --filter PublicApi and commit docs/api\nnew:\n{added}\ngone:\n{gone}");
    }
}
