using System.CommandLine;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet inspect</c>.</summary>
internal static class InspectCommand
{
    /// <summary>The command.</summary>
    public static Command Create() => new("inspect", "Inspect.");
}
