using System.CommandLine;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet merge</c>.</summary>
internal static class MergeCommand
{
    /// <summary>The command.</summary>
    public static Command Create() => new("merge", "Merge.");
}
