using System.Globalization;
using System.Text;

namespace Lorikeet.Server;

/// <summary>Writes Prometheus' text format 0.0.4.</summary>
internal sealed class MetricText
{
    private readonly StringBuilder text = new(1 << 15);

    public StringBuilder Text => text;

    public static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf" : value == Math.Floor(value) && Math.Abs(value) < 1e15 ? value.ToString("F1", CultureInfo.InvariantCulture) : value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>Begins a family.</summary>
    public MetricText Family(string name, string type, string help)
    {
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append("\n# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
        return this;
    }

    /// <summary>Adds a sample.</summary>
    public MetricText Sample(string name, double value, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        text.Append(name);
        if (labels.Length > 0)
        {
            text.Append('{').Append(Labels(labels)).Append('}');
        }
        text.Append(' ').Append(Number(value)).Append('\n');
        return this;
    }

    /// <summary>A family of one sample.</summary>
    public MetricText One(string name, string type, string help, double value, params ReadOnlySpan<(string Name, string Value)> labels) =>
        Family(name, type, help).Sample(name, value, labels);

    public MetricText Histogram(string name, string help, AtomicHistogram histogram, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        Family(name, "histogram", help);
        histogram.Write(text, name, Labels(labels));
        return this;
    }

    public static string Labels(params ReadOnlySpan<(string Name, string Value)> labels)
    {
        StringBuilder joined = new();
        foreach ((string name, string value) in labels)
        {
            joined.Append(joined.Length > 0 ? "," : "").Append(name).Append("=\"").Append(Escape(value)).Append('"');
        }
        return joined.ToString();
    }

    private static string Escape(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
