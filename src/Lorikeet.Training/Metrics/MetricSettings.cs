using System.Globalization;

namespace Lorikeet.Training;

/// <summary>Settings of a metric by name, as a command line gives them.</summary>
internal sealed class MetricSettings(string metric, IReadOnlyDictionary<string, string> values)
{
    public string Text(string name, string otherwise) => values.GetValueOrDefault(name, otherwise);

    public bool Flag(string name, bool otherwise = false) => !values.TryGetValue(name, out string? text) ? otherwise
        : text is "true" or "yes" or "1" ? true
        : text is "false" or "no" or "0" ? false
        : throw Wrong(name, text, "true or false");

    public int Number(string name, int otherwise, int least, int most) => !values.TryGetValue(name, out string? text) ? otherwise
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most ? number
        : throw Wrong(name, text, $"a whole number from {least} to {most}");

    public double? Real(string name) => !values.TryGetValue(name, out string? text) ? null
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) ? number
        : throw Wrong(name, text, "a number");

    public ArgumentException Wrong(string name, string found, string expected) => new($"{metric}: {name} is '{found}'; expected {expected}");
}
