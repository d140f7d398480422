namespace Lorikeet.Dashboard.Tests;

/// <summary>A test that needs Chromium; skipped, with the reason, where there is none.</summary>
public sealed class ChromiumFactAttribute : FactAttribute
{
    private static readonly string[] Places =
        [Environment.GetEnvironmentVariable("LORIKEET_CHROMIUM") ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

    public ChromiumFactAttribute()
    {
        if (Browser is null)
        {
            Skip = "there is no Chromium; install it, or set LORIKEET_CHROMIUM to its path";
        }
    }

    /// <summary>The browser's path, or null.</summary>
    public static string? Browser { get; } = Array.Find(Places, File.Exists);
}
