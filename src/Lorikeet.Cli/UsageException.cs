namespace Lorikeet.Cli;

/// <summary>The command was called the wrong way: one line on standard error, exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
