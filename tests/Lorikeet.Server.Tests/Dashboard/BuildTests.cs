using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Lorikeet.Server.Tests.Dashboard;

/// <summary>What is embedded is what the sources in web/ build: their hash is in the build, so that this needs neither npm nor a network.</summary>
public sealed class BuildTests
{
    private static readonly string Web = Path.Combine(Lorikeet.Testing.SharedFiles.Repository, "web");

    [Fact]
    public void Dist_is_what_the_sources_build()
    {
        JsonElement build = JsonDocument.Parse(File.ReadAllText(Path.Combine(Web, "dist/build.json"))).RootElement;
        string[] sources = [.. ((string[])["index.html", "package-lock.json", "package.json", "tsconfig.json", "vite.config.js"]), .. Under("public"), .. Under("src")];
        Assert.True(Hash(sources) == build.GetProperty("sources").GetString(), "web/ changed after its build: cd web && npm ci && npm run build");
        Assert.True(Hash(Under("dist").Where(f => !f.EndsWith("build.json", StringComparison.Ordinal))) == build.GetProperty("built").GetString(), "web/dist was changed by hand: cd web && npm ci && npm run build");
    }

    [Fact]
    public void All_of_it_is_embedded_and_none_of_it_comes_from_elsewhere()
    {
        string[] files = [.. Under("dist").Where(f => !f.EndsWith("build.json", StringComparison.Ordinal))];
        Assert.Equal(files.Select(Path.GetFileName).Order(StringComparer.Ordinal), DashboardFiles.Names.Order(StringComparer.Ordinal));
        foreach (string file in files)
        {
            string text = File.ReadAllText(Path.Combine(Web, file)).Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal);
            Assert.DoesNotContain("http://", text, StringComparison.Ordinal);
            Assert.DoesNotContain("https://", text, StringComparison.Ordinal);
        }
    }

    private static IEnumerable<string> Under(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Web, folder), "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Web, f).Replace('\\', '/'));

    // As web/vite.config.js does it.
    private static string Hash(IEnumerable<string> files)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string file in files.Order(StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(file + "\n"));
            hash.AppendData(Encoding.UTF8.GetBytes(File.ReadAllText(Path.Combine(Web, file)).Replace("\r\n", "\n", StringComparison.Ordinal)));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
