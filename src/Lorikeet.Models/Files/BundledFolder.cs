namespace Lorikeet.Models.Files;

/// <summary>Finds what comes with the program: the starter model, and its adapters as <c>starter/rust</c>.</summary>
public static class BundledFolder
{
    /// <summary>The starter model's name.</summary>
    public const string Starter = "starter";

    /// <summary>The path itself where something lies there; else, for names that begin with the starter model's, its place beside the program.</summary>
    /// <param name="path">A path, or a name such as <c>starter/rust</c>.</param>
    /// <returns>The path; it may still lead nowhere.</returns>
    public static string Resolve(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        bool named = path == Starter || path.StartsWith(Starter + "/", StringComparison.Ordinal);
        if (!named || Path.Exists(path) || path.Split('/').Any(part => part is "" or "." or ".."))
        {
            return path;
        }
        string beside = Path.Combine(AppContext.BaseDirectory, path);
        return Path.Exists(beside) ? beside : path;
    }
}
