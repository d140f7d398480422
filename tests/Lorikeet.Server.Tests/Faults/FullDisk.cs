using System.Diagnostics;

namespace Lorikeet.Server.Tests.Faults;

/// <summary>A small file system in memory that a test fills and frees.</summary>
internal sealed class FullDisk : IDisposable
{
    private static readonly Lazy<bool> Allowed = new(() =>
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
        {
            return false;
        }
        string folder = Directory.CreateTempSubdirectory("lorikeet-mount-").FullName;
        bool mounted = Run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder) && Run("umount", folder);
        Directory.Delete(folder);
        return mounted;
    });

    private FullDisk(string folder) => Folder = folder;

    /// <summary>Whether this process may mount one.</summary>
    public static bool IsAllowed => Allowed.Value;

    public string Folder { get; }

    public static FullDisk Create(int kilobytes)
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-disk-").FullName;
        Assert.True(Run("mount", "-t", "tmpfs", "-o", $"size={kilobytes}k", "tmpfs", folder));
        return new FullDisk(folder);
    }

    /// <summary>Leaves no room but for some bytes.</summary>
    public void Fill(long left = 0)
    {
        using FileStream file = File.Create(Path.Combine(Folder, "filler"));
        file.Write(new byte[Math.Max(0, new DriveInfo(Folder).AvailableFreeSpace - left)]);
    }

    public void Free() => File.Delete(Path.Combine(Folder, "filler"));

    public void Dispose()
    {
        Run("umount", "-l", Folder);
        Directory.Delete(Folder);
    }

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}

/// <summary>A test that mounts a small file system, and is skipped where that is not allowed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FullDiskFactAttribute : FactAttribute
{
    public FullDiskFactAttribute()
    {
        if (!FullDisk.IsAllowed)
        {
            Skip = "needs the right to mount a tmpfs: not given";
        }
    }
}
