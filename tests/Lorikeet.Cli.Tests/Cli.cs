using System.Diagnostics;

namespace Lorikeet.Cli.Tests;

/// <summary>Runs the command and catches what it says.</summary>
internal static class Cli
{
    /// <summary>Runs it in this process; the tests of one collection use the console one after the other.</summary>
    public static CliResult Run(params string[] args)
    {
        TextWriter output = Console.Out, error = Console.Error;
        using StringWriter caughtOutput = new(), caughtError = new();
        try
        {
            Console.SetOut(caughtOutput);
            Console.SetError(caughtError);
            int code = CommandLine.RunAsync(args).GetAwaiter().GetResult();
            return new CliResult(code, caughtOutput.ToString(), caughtError.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
    }

    /// <summary>Runs it as a user does: a process of its own.</summary>
    /// <param name="before">Shell commands that come first, for example a limit.</param>
    /// <param name="args">The arguments.</param>
    public static CliResult Child(string before, params string[] args)
    {
        ProcessStartInfo start = new("/bin/sh") { RedirectStandardOutput = true, RedirectStandardError = true };
        string command = Path.Combine(AppContext.BaseDirectory, "lorikeet.dll");
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add($"{before} exec \"$0\" \"$@\"");
        foreach (string argument in args.Prepend(command).Prepend(Environment.ProcessPath!.Contains("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath! : "dotnet"))
        {
            start.ArgumentList.Add(argument);
        }
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new CliResult(process.ExitCode, output, error.Result);
    }
}

/// <summary>What came of a run.</summary>
internal sealed record CliResult(int Code, string Output, string Error)
{
    /// <summary>The run failed with one line on standard error, no stack trace, nothing on standard output.</summary>
    public string Refused(int code = 1)
    {
        Assert.True(Code == code, $"exit code {Code}, expected {code}\n{Output}\n{Error}");
        Assert.Equal("", Output);
        string line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("lorikeet: ", line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", line, StringComparison.Ordinal);
        Assert.DoesNotContain("internal error", line, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", line, StringComparison.Ordinal);
        return line;
    }

    public CliResult Done()
    {
        Assert.True(Code == 0, $"exit code {Code}\n{Output}\n{Error}");
        return this;
    }
}

/// <summary>Tests that catch the console.</summary>
[CollectionDefinition("console", DisableParallelization = true)]
public sealed class ConsoleTests;
