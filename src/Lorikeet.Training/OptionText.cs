using System.Globalization;

namespace Lorikeet.Training;

/// <summary>Options as a user writes them, NAME=VALUE: of optimisers and of step rules.</summary>
internal static class OptionText
{
    public static double Number(string text) =>
        double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture) is var value && double.IsFinite(value) ? value : throw new FormatException("a number is finite");

    public static int Count(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    public static bool Flag(string text) => bool.Parse(text);

    public static T Choice<T>(string text)
        where T : struct, Enum => Enum.GetValues<T>().Where(v => Written(v.ToString()) == text).ToArray() is [T found] ? found : throw new FormatException($"{text} is none of them");

    public static string Choices<T>()
        where T : struct, Enum => string.Join(", ", Enum.GetNames<T>().Select(Written));

    /// <summary>Puts options into settings.</summary>
    /// <param name="kind">What the options are called, for messages.</param>
    /// <param name="settings">The settings they change.</param>
    /// <param name="options">Names and values.</param>
    /// <param name="known">All options: name, meaning, and how one is put into the settings.</param>
    public static T Read<T>(string kind, T settings, IReadOnlyDictionary<string, string> options, IReadOnlyList<(string Name, string Meaning, Func<T, string, T> Apply)> known)
    {
        foreach ((string name, string value) in options)
        {
            (string Name, string Meaning, Func<T, string, T> Apply) option = known.FirstOrDefault(o => o.Name == name);
            if (option.Name is null)
            {
                throw new ArgumentException($"{kind} {name} is not one: there are {string.Join(", ", known.Select(o => o.Name))}");
            }
            try
            {
                settings = option.Apply(settings, value);
            }
            catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
            {
                throw new ArgumentException($"{kind} {name}={value}: expected {option.Meaning}; {e.Message}", e);
            }
        }
        return settings;
    }

    /// <summary>ReverseStd is written reverse_std.</summary>
    private static string Written(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i > 0 ? "_" : "") + char.ToLowerInvariant(c) : c.ToString()));
}
