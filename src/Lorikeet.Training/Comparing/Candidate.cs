using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Training;

/// <summary>One method of a comparison, with the options that are its own.</summary>
/// <param name="Text">How it was written: <c>lora:r=8:lr=0.001</c>.</param>
/// <param name="Method">The adapter method, or <c>full</c>.</param>
/// <param name="Options">The method's options, under the keys of adapter_config.json.</param>
/// <param name="Rate">Its peak learning rate; null: the comparison's, or the method's own.</param>
/// <param name="Optimizer">Its optimiser; null: the comparison's.</param>
public sealed record Candidate(string Text, string Method, JsonObject Options, double? Rate, string? Optimizer)
{
    /// <summary>The name of its folder: the text, with other signs than letters, digits and <c>._=-</c> as <c>-</c>.</summary>
    public string FolderName
    {
        get
        {
            StringBuilder name = new();
            foreach (char c in Text)
            {
                name.Append(char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '=' or '-' ? c : '-');
            }
            return name.ToString().TrimStart('.');
        }
    }

    /// <summary>Reads <c>method:key=value:key=value</c>; the keys <c>lr</c> and <c>optimizer</c> are the run's, others the method's.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="ArgumentException">It is not of this form.</exception>
    public static Candidate Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        JsonObject options = [];
        double? rate = null;
        string? optimizer = null;
        foreach (string part in parts.Skip(1))
        {
            int at = part.IndexOf('=', StringComparison.Ordinal);
            string value = at > 0 ? part[(at + 1)..] : throw Bad(text);
            switch (part[..at])
            {
                case "lr":
                    rate = Value(value) is JsonValue number && number.TryGetValue(out double given) ? given : throw Bad(text);
                    break;
                case "optimizer":
                    optimizer = value;
                    break;
                case var key:
                    options[key] = Value(value);
                    break;
            }
        }
        return parts[0].Length > 0 ? new Candidate(text, parts[0], options, rate, optimizer) : throw Bad(text);
    }

    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }

    private static ArgumentException Bad(string text) => new($"{text} is not METHOD or METHOD:KEY=VALUE:..., for example lora:r=8:lr=0.001");
}
