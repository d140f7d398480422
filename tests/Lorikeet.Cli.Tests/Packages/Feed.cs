using System.Diagnostics;
using System.Xml.Linq;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Packages;

/// <summary>A folder with all packages, and a cache of its own, so that a machine's cache never holds packages of a test.</summary>
public sealed class Feed : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public Feed()
    {
        Directory.CreateDirectory(folder["feed"]);
        Dotnet(SharedFiles.Repository, "pack", "Lorikeet.slnx", "-c", "Release", "--no-build", "-v", "quiet", "-nologo", "-o", folder["feed"]);
        string tool = Path.GetFileNameWithoutExtension(Directory.EnumerateFiles(folder["feed"], "lorikeet.*.nupkg").Single(f => char.IsAsciiDigit(Path.GetFileName(f)["lorikeet.".Length])));
        Version = tool["lorikeet.".Length..];
    }

    public string Version { get; }

    public string Package(string name, string ending = "nupkg") => folder[$"feed/{name}.{Version}.{ending}"];

    /// <summary>Packages of a place come from this folder.</summary>
    public void Configure(string place) => Configure(place, folder["cache"], folder["feed"]);

    /// <summary>Packages come from a folder, those of others from what this machine restored already.</summary>
    public static void Configure(string place, string cache, string packages)
    {
        string machine = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        // All of it but packages of this product that somebody installed: they would come before those of the test.
        string others = cache + "-others";
        foreach (string package in Directory.EnumerateDirectories(machine).Where(p => !Path.GetFileName(p).StartsWith("lorikeet", StringComparison.OrdinalIgnoreCase)))
        {
            string link = Path.Combine(Directory.CreateDirectory(others).FullName, Path.GetFileName(package));
            if (!Path.Exists(link))
            {
                Directory.CreateSymbolicLink(link, package);
            }
        }
        new XElement("configuration",
            new XElement("config", Add("globalPackagesFolder", cache)),
            new XElement("packageSources", new XElement("clear"), Add("local", packages)),
            new XElement("fallbackPackageFolders", new XElement("clear"), Add("machine", others))).Save(Path.Combine(place, "NuGet.Config"));
    }

    /// <summary>A new console project.</summary>
    public void Project(string place, string program, string[] packages, bool web = false)
    {
        Configure(place);
        new XElement("Project", new XAttribute("Sdk", "Microsoft.NET.Sdk"),
            new XElement("PropertyGroup",
                new XElement("OutputType", "Exe"), new XElement("TargetFramework", "net10.0"), new XElement("Nullable", "enable"), new XElement("ImplicitUsings", "enable"),
                new XElement("TreatWarningsAsErrors", "true")),
            new XElement("ItemGroup",
                web ? new XElement("FrameworkReference", new XAttribute("Include", "Microsoft.AspNetCore.App")) : null,
                packages.Select(p => new XElement("PackageReference", new XAttribute("Include", p), new XAttribute("Version", Version))))).Save(Path.Combine(place, "fresh.csproj"));
        File.WriteAllText(Path.Combine(place, "Program.cs"), program);
    }

    public static string Dotnet(string place, params string[] args) =>
        Run(Environment.ProcessPath!.Contains("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath! : "dotnet", place, args);

    public static string Run(string command, string place, params string[] args)
    {
        ProcessStartInfo start = new(command, args) { WorkingDirectory = place, RedirectStandardOutput = true, RedirectStandardError = true };
        // What a test runner's own build left in the environment is not a user's.
        foreach (string name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || k.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(name);
        }
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_ROOT"] = Path.GetDirectoryName(Environment.ProcessPath!);
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{command} {string.Join(' ', args)}: exit code {process.ExitCode}\n{output}\n{error.Result}");
        return output;
    }

    public void Dispose() => folder.Dispose();

    private static XElement Add(string key, string value) => new("add", new XAttribute("key", key), new XAttribute("value", value));
}
