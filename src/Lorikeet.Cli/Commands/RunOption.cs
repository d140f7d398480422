using System.CommandLine;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary>An option of a run: how it is written, and what it sets.</summary>
/// <param name="Option">The option.</param>
/// <param name="Apply">Puts what was given into the settings.</param>
internal sealed record RunOption(Option Option, Func<ParseResult, RunSettings, RunSettings> Apply)
{
    private static readonly RunSettings Defaults = new();

    /// <summary>An option that is one setting; its default is the setting's.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it does.</param>
    /// <param name="read">Reads the setting.</param>
    /// <param name="write">Writes it.</param>
    public static RunOption Of<T>(string name, string description, Func<RunSettings, T> read, Func<RunSettings, T, RunSettings> write)
    {
        Option<T> option = new(name) { Description = description };
        if (read(Defaults) is not null && typeof(T) != typeof(bool))
        {
            option.DefaultValueFactory = _ => read(Defaults);
        }
        return new RunOption(option, (parsed, settings) => write(settings, parsed.GetValue(option)!));
    }

    /// <summary>An option whose text becomes something else.</summary>
    /// <param name="option">The option.</param>
    /// <param name="write">Writes what was given, where something was.</param>
    public static RunOption Of<T>(Option<T> option, Func<RunSettings, T, RunSettings> write) =>
        new(option, (parsed, settings) => parsed.GetValue(option) is { } value ? write(settings, value) : settings);
}
