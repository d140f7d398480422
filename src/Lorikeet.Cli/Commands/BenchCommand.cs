using System.CommandLine;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet bench</c>.</summary>
internal static class BenchCommand
{
    /// <summary>The command.</summary>
    public static Command Create() => new("bench", "Bench.");
}
