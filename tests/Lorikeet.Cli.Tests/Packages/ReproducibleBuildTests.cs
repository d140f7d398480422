using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Packages;

/// <summary>One commit gives one library, bit for bit, wherever it is built; its symbols lead to the sources at the commit.</summary>
[Trait("Category", "Slow")]
public sealed class ReproducibleBuildTests : IDisposable
{
    private const string Commit = "0123456789012345678901234567890123456789";
    private static readonly Guid SourceLink = new("CC110556-A091-4D38-9FEC-25AB9A351A6A");
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Two_builds_in_two_places_are_equal_and_lead_to_the_sources()
    {
        string here = Pack(folder["here"]), there = Pack(folder["quite/another/place"]);
        foreach (string name in new[] { "Lorikeet.Kernels", "Lorikeet.Tensors" })
        {
            byte[] symbols = Entry(here, name, "snupkg", $"lib/net10.0/{name}.pdb");
            Assert.Equal(Entry(here, name, "nupkg", $"lib/net10.0/{name}.dll"), Entry(there, name, "nupkg", $"lib/net10.0/{name}.dll"));
            Assert.Equal(symbols, Entry(there, name, "snupkg", $"lib/net10.0/{name}.pdb"));
            using MemoryStream stream = new(symbols);
            using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(stream);
            MetadataReader reader = provider.GetMetadataReader();
            string link = reader.GetCustomDebugInformation(EntityHandle.ModuleDefinition).Select(reader.GetCustomDebugInformation)
                .Where(i => reader.GetGuid(i.Kind) == SourceLink).Select(i => Encoding.UTF8.GetString(reader.GetBlobBytes(i.Value))).Single();
            Assert.Contains($"https://raw.githubusercontent.com/example/lorikeet/{Commit}/*", link, StringComparison.Ordinal);
            Assert.All(reader.Documents, d => Assert.StartsWith("/_", reader.GetString(reader.GetDocument(d).Name), StringComparison.Ordinal));
        }
    }

    private static string Pack(string place)
    {
        string[] files = ["Directory.Build.props", "Directory.Packages.props", "global.json", ".editorconfig", ".gitignore", "eng/BannedSymbols.txt"];
        string[] sources = [.. new[] { "src/Lorikeet.Kernels", "src/Lorikeet.Tensors" }.SelectMany(p => Directory.EnumerateFiles(Path.Combine(SharedFiles.Repository, p), "*", SearchOption.AllDirectories))];
        foreach (string file in files.Select(f => Path.Combine(SharedFiles.Repository, f)).Concat(sources))
        {
            string to = Path.Combine(place, Path.GetRelativePath(SharedFiles.Repository, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }
        // A checkout of a commit, as far as a build looks at it.
        foreach (string inner in new[] { "objects", "refs" })
        {
            Directory.CreateDirectory(Path.Combine(place, ".git", inner));
        }
        File.WriteAllText(Path.Combine(place, ".git/HEAD"), Commit + "\n");
        File.WriteAllText(Path.Combine(place, ".git/config"), "[core]\n\trepositoryformatversion = 0\n[remote \"origin\"]\n\turl = https://github.com/example/lorikeet.git\n");
        Feed.Configure(place, Path.Combine(place, "artifacts/cache"), Path.Combine(place, "artifacts"));
        Directory.CreateDirectory(Path.Combine(place, "artifacts"));
        Feed.Dotnet(place, "pack", "src/Lorikeet.Tensors", "-c", "Release", "-v", "quiet", "-nologo", "-o", "artifacts/packages", "-p:ContinuousIntegrationBuild=true", "-p:RunAnalyzers=false");
        Feed.Dotnet(place, "pack", "src/Lorikeet.Kernels", "-c", "Release", "--no-build", "-v", "quiet", "-nologo", "-o", "artifacts/packages", "-p:ContinuousIntegrationBuild=true");
        return Path.Combine(place, "artifacts/packages");
    }

    private static byte[] Entry(string packages, string name, string ending, string entry)
    {
        using ZipArchive package = ZipFile.OpenRead(Directory.EnumerateFiles(packages, $"{name}.*.{ending}").Single());
        using Stream stream = package.GetEntry(entry)!.Open();
        using MemoryStream all = new();
        stream.CopyTo(all);
        return all.ToArray();
    }
}
