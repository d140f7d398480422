using System.Reflection;

namespace Lorikeet.Dashboard.Tests;

/// <summary>A test that needs Chromium; skipped, with the reason, where the one that was there at the build is gone.</summary>
public sealed class ChromiumFactAttribute : FactAttribute
{
    public ChromiumFactAttribute()
    {
        if (Browser is null)
        {
            Skip = "there is no Chromium; install it, or set LORIKEET_CHROMIUM to its path, and build again";
        }
    }

    /// <summary>The browser's path, or null.</summary>
    public static string? Browser { get; } = Array.Find([Environment.GetEnvironmentVariable("LORIKEET_CHROMIUM") ?? "", Built("Chromium")], File.Exists);

    /// <summary>The folder of Playwright's package, from which its driver runs.</summary>
    public static string Driver { get; } = Built("PlaywrightDriver");

    private static string Built(string key) => typeof(ChromiumFactAttribute).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
