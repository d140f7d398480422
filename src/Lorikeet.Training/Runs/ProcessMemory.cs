using System.Diagnostics;

namespace Lorikeet.Training;

/// <summary>What this process has resident, in bytes.</summary>
internal static class ProcessMemory
{
    /// <summary>Now.</summary>
    public static long Now() => Environment.WorkingSet;

    /// <summary>The most at any time.</summary>
    public static long Peak()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
