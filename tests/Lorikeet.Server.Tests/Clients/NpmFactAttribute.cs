using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Clients;

/// <summary>A test that needs Node and the packages of tests/clients/npm; skipped, with the reason, where they are not.</summary>
public sealed class NpmFactAttribute : FactAttribute
{
    public NpmFactAttribute()
    {
        Skip = Node is null ? "there is no node on the PATH"
            : !File.Exists(Path.Combine(Clients, "node_modules/openai/package.json")) ? "npm's clients are not installed: cd tests/clients/npm && npm ci"
            : null;
    }

    /// <summary>The folder of the scripts and their packages.</summary>
    public static string Clients { get; } = Path.Combine(SharedFiles.Repository, "tests/clients/npm");

    /// <summary>Node's path, or null.</summary>
    public static string? Node { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => (string[])[Path.Combine(folder, "node"), Path.Combine(folder, "node.exe")]).FirstOrDefault(File.Exists);
}
