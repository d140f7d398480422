using System.CommandLine;
using System.CommandLine.Parsing;
using Lorikeet.Cli.Commands;

namespace Lorikeet.Cli;

/// <summary>The <c>lorikeet</c> command: one line a subcommand.</summary>
internal static class CommandLine
{
    /// <summary>Runs a command line.</summary>
    /// <param name="args">The arguments.</param>
    /// <returns>0 done, 1 failed, 2 called wrongly, 130 stopped by Ctrl-C.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        ParseResult parsed = CreateRoot().Parse(args);
        if (WrongUse(parsed, args) is { } wrong && parsed.Action is not BriefHelp)
        {
            Complain($"{wrong.TrimEnd('.')}; see {Path(parsed.CommandResult)} --help");
            return 2;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                // Ctrl-C lets a command finish what it does (a training step, then its checkpoint).
                ProcessTerminationTimeout = ChatCommand.Is(parsed) ? null : TimeSpan.FromMinutes(10),
            });
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("stopped");
            return 130;
        }
        catch (UsageException e)
        {
            Complain(e.Message);
            return 2;
        }
#pragma warning disable CA1031 // The last line of defence: a user sees one line, never a stack trace.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Exception cause = e is AggregateException { InnerException: { } inner } ? inner : e;
            Complain(IsExpected(cause) ? Said(cause) : $"internal error, please report it: {cause.GetType().Name}: {cause.Message}");
            if (Environment.GetEnvironmentVariable("LORIKEET_TRACE") is not null)
            {
                await Console.Error.WriteLineAsync(e.ToString());
            }
            return 1;
        }
    }

    /// <summary>The command with all its subcommands.</summary>
    internal static RootCommand CreateRoot() => BriefHelp.Use(new RootCommand(
        "Adapts one foundation model a thousand ways: trains small adapters and runs a batch in which every row has its own.\n" +
        "LORIKEET_THREADS sets the number of threads, LORIKEET_KERNELS=scalar|avx2|avx512 the kernels, LORIKEET_TRACE=1 shows traces of errors.")
    {
        DemoCommand.Create(),
        GenerateCommand.Create(),
        ChatCommand.Create(),
        ServeCommand.Create(),
        KeyCommand.Create(),
        TrainCommand.Create(),
        PretrainCommand.Create(),
        CompareCommand.Create(),
        EvalCommand.Create(),
        ScoreCommand.Create(),
        TemplateCommand.Create(),
        MethodsCommand.Create(),
        TokenizeCommand.Create(),
        InspectCommand.Create(),
        MergeCommand.Create(),
        ConvertCommand.Create(),
        VerifyCommand.Create(),
        BenchCommand.Create(),
    });

    // What the parser knows, in words that name what was typed.
    private static string? WrongUse(ParseResult parsed, string[] args)
    {
        if (parsed.UnmatchedTokens.Count > 0)
        {
            string token = parsed.UnmatchedTokens[0];
            return token.StartsWith('-')
                ? $"there is no option {token}"
                : parsed.CommandResult.Command.Subcommands.Count > 0 ? $"there is no command '{token}'" : $"'{token}' is one argument too many";
        }
        // The parser would take a misspelt option for a folder's name.
        string? option = args.Contains("--")
            ? null
            : parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(a => a.Tokens).Select(t => t.Value).FirstOrDefault(t => t.Length > 1 && t[0] == '-');
        return option is not null ? $"there is no option {option}" : parsed.Errors.Count > 0 ? parsed.Errors[0].Message : null;
    }

    private static string Path(CommandResult command) =>
        command.Parent is CommandResult parent ? $"{Path(parent)} {command.Command.Name}" : "lorikeet";

    /// <summary>Whether an error is one that a user can do something about: its message is shown, without a trace.</summary>
    /// <param name="e">The error.</param>
    internal static bool IsExpected(Exception e) =>
        e is UsageException or IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException or InvalidDataException
            or InvalidOperationException or System.Text.Json.JsonException or OutOfMemoryException;

    /// <summary>What an error says, in one line and without the name of a parameter, which is the programmer's.</summary>
    /// <param name="e">The error.</param>
    internal static string Said(Exception e)
    {
        string ending = e is ArgumentException { ParamName: { } name } ? $" (Parameter '{name}')" : "";
        return (ending.Length > 0 && e.Message.EndsWith(ending, StringComparison.Ordinal) ? e.Message[..^ending.Length] : e.Message).ReplaceLineEndings(" ");
    }

    private static void Complain(string message) =>
        Console.Error.WriteLine("lorikeet: " + message.ReplaceLineEndings(" "));
}
