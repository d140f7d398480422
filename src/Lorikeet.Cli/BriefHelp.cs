using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Lorikeet.Cli;

/// <summary>The usual help, where a list of commands has one line of each: their examples are in their own help.</summary>
/// <param name="inner">The usual help.</param>
internal sealed class BriefHelp(HelpAction inner) : SynchronousCommandLineAction
{
    /// <summary>Replaces the help of a command and of all below it.</summary>
    /// <param name="root">The command.</param>
    public static RootCommand Use(RootCommand root)
    {
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new BriefHelp((HelpAction)help.Action!);
        return root;
    }

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        foreach (Command command in parseResult.CommandResult.Command.Subcommands)
        {
            command.Description = command.Description?.Split('\n')[0];
        }
        return inner.Invoke(parseResult);
    }
}
