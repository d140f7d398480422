namespace Lorikeet.Training;

/// <summary>A measure of what a model wrote against what it should have written.</summary>
public sealed class Metric
{
    private readonly Func<MetricInput, MetricSettings, MetricResult> score;

    internal Metric(string name, string summary, string source, string[] settings, Func<MetricInput, MetricSettings, MetricResult> score)
    {
        Name = name;
        Summary = summary;
        Source = source;
        Settings = settings;
        this.score = score;
    }

    /// <summary>Its name on the command line.</summary>
    public string Name { get; }

    /// <summary>What it measures, in a sentence.</summary>
    public string Summary { get; }

    /// <summary>Whose numbers it gives.</summary>
    public string Source { get; }

    /// <summary>The names of its settings with their defaults, <c>name=default</c>.</summary>
    public IReadOnlyList<string> Settings { get; }

    /// <summary>Scores candidates.</summary>
    /// <param name="input">Candidates and references.</param>
    /// <param name="settings">Settings by name; null: the defaults.</param>
    /// <exception cref="ArgumentException">The numbers do not fit, or a line is not what the metric takes, or a setting is not known.</exception>
    public MetricResult Score(MetricInput input, IReadOnlyDictionary<string, string>? settings = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        settings ??= new Dictionary<string, string>();
        string[] known = [.. Settings.Select(s => s.Split('=')[0])];
        foreach (string name in settings.Keys)
        {
            if (!known.Contains(name))
            {
                throw new ArgumentException($"{Name} has no setting '{name}'; it has {(known.Length == 0 ? "none" : string.Join(", ", known))}");
            }
        }
        return score(input.Checked(), new MetricSettings(Name, settings));
    }
}
