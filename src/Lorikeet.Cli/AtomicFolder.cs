namespace Lorikeet.Cli;

/// <summary>Writes a folder whole or not at all: beside its place under a temporary name, then renamed.</summary>
internal static class AtomicFolder
{
    /// <summary>Refuses a place that holds something, before work is done that could not be stored.</summary>
    /// <param name="folder">Where the folder will be.</param>
    /// <param name="force">Whether an older model or adapter there is replaced.</param>
    /// <param name="read">Folders that are read: none of them may be, or lie in, the place.</param>
    /// <exception cref="UsageException">The place is taken.</exception>
    public static void Check(string folder, bool force, params IEnumerable<string> read)
    {
        string full = Full(folder);
        foreach (string source in read)
        {
            if ((Full(source) + Path.DirectorySeparatorChar).StartsWith(full + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw new UsageException($"{folder} is, or holds, {source}, which is read; write somewhere else");
            }
        }
        if (File.Exists(full))
        {
            throw new UsageException($"{folder} is a file; give a new folder");
        }
        if (!Directory.Exists(full) || !Directory.EnumerateFileSystemEntries(full).Any())
        {
            return;
        }
        if (!force)
        {
            throw new UsageException($"{folder} is not empty; give a new folder, or --force to replace it");
        }
        // A slip of the path must not cost somebody a home folder.
        if (!File.Exists(Path.Combine(full, "config.json")) && !File.Exists(Path.Combine(full, "adapter_config.json")))
        {
            throw new UsageException($"{folder} holds neither a model nor an adapter; --force replaces nothing else");
        }
    }

    /// <summary>Writes the folder; <see cref="Check"/> comes first.</summary>
    /// <param name="folder">Where it will be.</param>
    /// <param name="fill">Writes the files into an existing folder whose path it is given.</param>
    public static void Write(string folder, Action<string> fill)
    {
        string full = Full(folder);
        string parent = Path.GetDirectoryName(full) ?? full;
        string id = Guid.NewGuid().ToString("N");
        string fresh = Path.Combine(parent, $".{Path.GetFileName(full)}.{id}.tmp"), old = fresh + ".old";
        string? made = FirstMissing(parent);
        try
        {
            Directory.CreateDirectory(fresh);
            fill(fresh);
            if (Directory.Exists(full))
            {
                Directory.Move(full, old);
            }
            Directory.Move(fresh, full);
        }
        catch
        {
            if (Directory.Exists(old) && !Directory.Exists(full))
            {
                Directory.Move(old, full);
            }
            if (Directory.Exists(made ?? fresh))
            {
                Directory.Delete(made ?? fresh, recursive: true);
            }
            throw;
        }
        if (Directory.Exists(old))
        {
            Directory.Delete(old, recursive: true);
        }
    }

    // The outermost folder that has to be made on the way to a folder: what a failure takes away again.
    private static string? FirstMissing(string folder)
    {
        string? missing = null;
        for (string? at = folder; at is not null && !Directory.Exists(at); at = Path.GetDirectoryName(at))
        {
            missing = at;
        }
        return missing;
    }

    private static string Full(string folder)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        return Directory.Exists(full) ? Directory.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full : full;
    }
}
