using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Packages;

/// <summary>Packs everything, and installs it as a user would: from a folder of packages, into a new project, with nothing of this tree.</summary>
[Trait("Category", "Slow")]
public sealed class PackagesTests : IClassFixture<Feed>
{
    private static readonly string[] Libraries = ["Kernels", "Tensors", "Models", "Adapters", "Training", "Serving", "Server", "Tasks", "Mpi"];
    private readonly Feed feed;

    public PackagesTests(Feed feed) => this.feed = feed;

    public static TheoryData<string> Names => [.. Libraries.Select(name => "Lorikeet." + name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_package_has_what_packages_should_have(string name)
    {
        using ZipArchive package = ZipFile.OpenRead(feed.Package(name));
        XElement nuspec;
        using (Stream stream = package.GetEntry(name + ".nuspec")!.Open())
        {
            nuspec = XElement.Load(stream);
        }
        XNamespace space = nuspec.Name.Namespace;
        XElement metadata = nuspec.Element(space + "metadata")!;
        string Text(string key) => metadata.Element(space + key)?.Value ?? "";
        Assert.Equal(name, Text("id"));
        Assert.Equal("Apache-2.0", Text("license"));
        Assert.Equal("README.md", Text("readme"));
        Assert.True(Text("description").Length > 40, Text("description"));
        Assert.NotEqual("", Text("tags"));
        Assert.NotEqual("", Text("authors"));
        Assert.All(
            metadata.Descendants(space + "dependency").Select(d => d.Attribute("id")!.Value),
            id => Assert.True(id.StartsWith("Lorikeet.", StringComparison.Ordinal) || (name == "Lorikeet.Server" && id is "Dapper" or "Microsoft.Data.Sqlite" or "Microsoft.Extensions.AI.Abstractions" or "Npgsql"), $"{name} depends on {id}"));
        Assert.NotNull(package.GetEntry("README.md"));
        Assert.True(package.GetEntry($"lib/net10.0/{name}.xml")!.Length > 200);
        using MemoryStream library = Read(package.GetEntry($"lib/net10.0/{name}.dll")!);
        using PEReader image = new(library);
        Assert.Contains(image.ReadDebugDirectory(), entry => entry.Type == DebugDirectoryEntryType.Reproducible);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Symbols_belong_to_the_library(string name)
    {
        using ZipArchive package = ZipFile.OpenRead(feed.Package(name)), symbols = ZipFile.OpenRead(feed.Package(name, "snupkg"));
        using MemoryStream library = Read(package.GetEntry($"lib/net10.0/{name}.dll")!), file = Read(symbols.GetEntry($"lib/net10.0/{name}.pdb")!);
        using PEReader image = new(library);
        DebugDirectoryEntry code = image.ReadDebugDirectory().First(entry => entry.Type == DebugDirectoryEntryType.CodeView);
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(file);
        Assert.Equal(image.ReadCodeViewDebugDirectoryData(code).Guid, new BlobContentId(provider.GetMetadataReader().DebugMetadataHeader!.Id).Guid);
    }

    [Fact]
    public void The_readmes_sample_runs_in_a_new_project()
    {
        using TemporaryFolder folder = new();
        string readme = File.ReadAllText(Path.Combine(SharedFiles.Repository, "README.md"));
        int start = readme.IndexOf("```csharp\n", readme.IndexOf("From C#:", StringComparison.Ordinal), StringComparison.Ordinal) + "```csharp\n".Length;
        feed.Project(folder.Path, readme[start..readme.IndexOf("```", start, StringComparison.Ordinal)], ["Lorikeet.Serving"]);
        TinyFiles.Model(folder["starter"]);
        TinyFiles.Adapter(folder["starter/rust"], folder["starter"], seed: 1);
        TinyFiles.Adapter(folder["starter/lua"], folder["starter"], "dora", seed: 2);
        string output = Feed.Dotnet(folder.Path, "run", "-c", "Release", "--", folder["starter"]);
        Assert.NotEqual("", output.Trim());
    }

    [Fact]
    public void All_packages_go_into_one_project()
    {
        using TemporaryFolder folder = new();
        string types = "Lorikeet.Kernels.Reduce, Lorikeet.Tensors.Storage, Lorikeet.Models.ModelLoader, Lorikeet.Adapters.AdapterFolder, Lorikeet.Training.TrainingRun, "
            + "Lorikeet.Serving.EngineHost, Lorikeet.Server.LorikeetServer";
        string program = string.Concat(types.Split(", ").Select(type => $"Console.WriteLine(typeof({type}).Assembly.GetName().Name);\n"))
            + string.Concat(new[] { "Lorikeet.Tasks", "Lorikeet.Mpi" }.Select(name => $"Console.WriteLine(System.Reflection.Assembly.Load(\"{name}\").GetName().Name);\n"));
        feed.Project(folder.Path, program, [.. Libraries.Select(name => "Lorikeet." + name)], web: true);
        string[] lines = Feed.Dotnet(folder.Path, "run", "-c", "Release").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Libraries.Select(name => "Lorikeet." + name), lines);
    }

    [Fact]
    public void The_command_installs_as_a_tool()
    {
        using TemporaryFolder folder = new();
        feed.Configure(folder.Path);
        Feed.Dotnet(folder.Path, "tool", "install", "lorikeet", "--tool-path", folder["tools"], "--configfile", folder["NuGet.Config"], "--version", feed.Version);
        string command = folder[OperatingSystem.IsWindows() ? "tools/lorikeet.exe" : "tools/lorikeet"];
        Assert.StartsWith(feed.Version, Feed.Run(command, folder.Path, "--version"), StringComparison.Ordinal);
        Assert.Contains("lora", Feed.Run(command, folder.Path, "methods"), StringComparison.Ordinal);
        // The starter model comes with it.
        Assert.NotEqual("", Feed.Run(command, folder.Path, "generate", "--model", "starter", "--adapter", "starter/rust", "--prompt", "fn main() {", "--max-tokens", "8").Trim());
    }

    private static MemoryStream Read(ZipArchiveEntry entry)
    {
        MemoryStream memory = new();
        using Stream stream = entry.Open();
        stream.CopyTo(memory);
        memory.Position = 0;
        return memory;
    }
}
