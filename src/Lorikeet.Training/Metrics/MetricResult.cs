namespace Lorikeet.Training;

/// <summary>What a metric found.</summary>
/// <param name="Value">The score; NaN where it is not defined.</param>
/// <param name="Details">Its parts by name.</param>
/// <param name="Signature">The settings that belong to the score, so that two can be compared; null: there are none.</param>
public sealed record MetricResult(double Value, IReadOnlyList<KeyValuePair<string, double>> Details, string? Signature = null)
{
    internal static MetricResult Of(double value, params ReadOnlySpan<(string Name, double Value)> details)
    {
        List<KeyValuePair<string, double>> list = [];
        foreach ((string name, double part) in details)
        {
            list.Add(KeyValuePair.Create(name, part));
        }
        return new MetricResult(value, list);
    }
}
