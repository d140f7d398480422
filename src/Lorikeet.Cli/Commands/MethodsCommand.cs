using System.CommandLine;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet methods</c>: the registry of adapter methods.</summary>
internal static class MethodsCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        Command command = new("methods", "Lists the adapter methods, their options and their sources.");
        command.SetAction(_ => 0);
        return command;
    }
}
