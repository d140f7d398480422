namespace Lorikeet.Cli.Tests;

/// <summary>A folder that is deleted in the end.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly string outer = Directory.CreateTempSubdirectory("lorikeet-cli-").FullName;

    /// <param name="name">Its last name; null: whatever is free.</param>
    public TemporaryFolder(string? name = null)
    {
        Path = name is null ? outer : System.IO.Path.Combine(outer, name);
        Directory.CreateDirectory(Path);
    }

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Copies a folder with all that is in it to a name inside.</summary>
    public string Copy(string source, string name)
    {
        string target = this[name];
        Directory.CreateDirectory(target);
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string to = System.IO.Path.Combine(target, System.IO.Path.GetRelativePath(source, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(to)!);
            File.WriteAllBytes(to, File.ReadAllBytes(file));
        }
        return target;
    }

    public void Dispose() => Directory.Delete(outer, recursive: true);
}
