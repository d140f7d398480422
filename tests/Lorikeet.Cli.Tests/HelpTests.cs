using System.CommandLine;

namespace Lorikeet.Cli.Tests;

[Collection("console")]
public sealed class HelpTests
{
    public static TheoryData<string> Commands => [.. CommandLine.CreateRoot().Subcommands.Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Every_command_has_help_with_examples_of_itself(string name)
    {
        CliResult result = Cli.Run(name, "--help").Done();
        Assert.Contains("Examples:", result.Output, StringComparison.Ordinal);
        Assert.Contains($"lorikeet {name}", result.Output.Split("Examples:")[1].Split("Usage:")[0], StringComparison.Ordinal);
        Assert.Equal("", result.Error);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Every_option_and_argument_is_described(string name)
    {
        Command command = CommandLine.CreateRoot().Subcommands.Single(c => c.Name == name);
        foreach (Symbol symbol in Nested(command).SelectMany(c => c.Options.Cast<Symbol>().Concat(c.Arguments)))
        {
            Assert.False(string.IsNullOrWhiteSpace(symbol.Description), $"{name} {symbol.Name} has no description");
        }
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Unknown_options_are_named_in_one_line(string name) =>
        Assert.Contains("--no-such-option", Cli.Run(name, "--no-such-option").Refused(2), StringComparison.Ordinal);

    [Fact]
    public void An_unknown_command_is_named() => Assert.Contains("serfe", Cli.Run("serfe").Refused(2), StringComparison.Ordinal);

    [Fact]
    public void The_version_is_a_number()
    {
        string version = Cli.Child("", "--version").Done().Output.Trim();
        Assert.True(Version.TryParse(version.Split('+', '-')[0], out _), version);
    }

    [Fact]
    public void A_child_process_answers_the_same()
    {
        Assert.Contains("Examples:", Cli.Child("", "inspect", "--help").Done().Output, StringComparison.Ordinal);
        Assert.Contains("--no-such-option", Cli.Child("", "inspect", "--no-such-option").Refused(2), StringComparison.Ordinal);
        Assert.Contains("/no/such/folder", Cli.Child("", "inspect", "/no/such/folder").Refused(), StringComparison.Ordinal);
    }

    private static IEnumerable<Command> Nested(Command command) => command.Subcommands.SelectMany(Nested).Prepend(command);
}
