namespace Lorikeet.Testing;

/// <summary>Finds the folder of reference values and data that lies beside a checkout; it is not part of the product.</summary>
public static class SharedFiles
{
    /// <summary>The folder, from <c>LORIKEET_SHARED</c> or <c>../shared</c> beside the repository; null where it is absent.</summary>
    public static string? Root { get; } = Find();

    /// <summary>The repository's own root folder.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The full path of a file or folder below the shared folder, or null where it is absent.</summary>
    /// <param name="relative">The path below the shared folder, with forward slashes.</param>
    public static string? Path(string relative)
    {
        if (Root is null)
        {
            return null;
        }
        string path = System.IO.Path.Combine(Root, relative);
        return File.Exists(path) || Directory.Exists(path) ? path : null;
    }

    private static string? Find()
    {
        string? named = Environment.GetEnvironmentVariable("LORIKEET_SHARED");
        if (named is not null)
        {
            return Directory.Exists(named) ? named : null;
        }
        string beside = System.IO.Path.GetFullPath(System.IO.Path.Combine(FindRepository(), "..", "shared"));
        return Directory.Exists(beside) ? beside : null;
    }

    private static string FindRepository()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder, "Lorikeet.slnx")))
        {
            folder = System.IO.Path.GetDirectoryName(folder);
        }
        return folder ?? throw new DirectoryNotFoundException($"no folder above {AppContext.BaseDirectory} holds Lorikeet.slnx");
    }
}

/// <summary>A test that reads the shared folder and is skipped, with the path in the message, where that is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedFactAttribute : FactAttribute
{
    /// <param name="relative">What the test needs below the shared folder.</param>
    public SharedFactAttribute(string relative)
    {
        if (SharedFiles.Path(relative) is null)
        {
            Skip = $"needs ../shared/{relative} beside the checkout (or LORIKEET_SHARED): not there";
        }
    }
}

/// <summary>A theory that reads the shared folder and is skipped, with the path in the message, where that is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedTheoryAttribute : TheoryAttribute
{
    /// <param name="relative">What the test needs below the shared folder.</param>
    public SharedTheoryAttribute(string relative)
    {
        if (SharedFiles.Path(relative) is null)
        {
            Skip = $"needs ../shared/{relative} beside the checkout (or LORIKEET_SHARED): not there";
        }
    }
}
