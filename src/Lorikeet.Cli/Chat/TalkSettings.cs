using System.Globalization;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Chat;

/// <summary>How answers are made: what <c>/set</c> shows and changes.</summary>
internal sealed record TalkSettings
{
    /// <summary>How tokens are chosen.</summary>
    public required SamplingOptions Sampling { get; init; }

    /// <summary>The most tokens of an answer.</summary>
    public required int MaxTokens { get; init; }

    private static readonly Setting[] All =
    [
        new("temperature", s => s.Sampling.Temperature, (s, v) => s with { Sampling = s.Sampling with { Temperature = v } }),
        new("top_k", s => s.Sampling.TopK, (s, v) => s with { Sampling = s.Sampling with { TopK = (int)v } }, int.MaxValue),
        new("top_p", s => s.Sampling.TopP, (s, v) => s with { Sampling = s.Sampling with { TopP = v } }),
        new("min_p", s => s.Sampling.MinP, (s, v) => s with { Sampling = s.Sampling with { MinP = v } }),
        new("typical_p", s => s.Sampling.TypicalP, (s, v) => s with { Sampling = s.Sampling with { TypicalP = v } }),
        new("repetition_penalty", s => s.Sampling.RepetitionPenalty, (s, v) => s with { Sampling = s.Sampling with { RepetitionPenalty = v } }),
        new("no_repeat_ngram", s => s.Sampling.NoRepeatNgramSize, (s, v) => s with { Sampling = s.Sampling with { NoRepeatNgramSize = (int)v } }, int.MaxValue),
        new("min_tokens", s => s.Sampling.MinNewTokens, (s, v) => s with { Sampling = s.Sampling with { MinNewTokens = (int)v } }, int.MaxValue),
        new("max_tokens", s => s.MaxTokens, (s, v) => s with { MaxTokens = (int)v }, int.MaxValue),
        new("seed", s => s.Sampling.Seed, (s, v) => s with { Sampling = s.Sampling with { Seed = (ulong)v } }, 1L << 53),
    ];

    /// <summary>The names of what can be set.</summary>
    public static IEnumerable<string> Names => All.Select(setting => setting.Name);

    /// <summary>The settings with others in their place.</summary>
    /// <param name="words">NAME=NUMBER each.</param>
    /// <exception cref="UsageException">There is no such name, or it cannot have that value; nothing is changed then.</exception>
    public TalkSettings With(IReadOnlyList<string> words)
    {
        TalkSettings changed = this;
        foreach (string word in words)
        {
            string[] parts = word.Split('=', 2);
            Setting setting = Array.Find(All, s => s.Name == parts[0].Replace('-', '_'))
                ?? throw new UsageException($"there is no setting '{parts[0]}'; there are {string.Join(", ", Names)}");
            if (parts.Length < 2 || !double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !double.IsFinite(value))
            {
                throw new UsageException($"'{word}': expected {setting.Name}=NUMBER, for example {setting.Name}={setting.Text(this)}");
            }
            if (setting.Most is { } most && (value < 0 || value > most || value != Math.Floor(value)))
            {
                throw new UsageException($"{setting.Name} is {parts[1]}; expected a whole number from 0 to {most}");
            }
            changed = setting.Change(changed, value);
        }
        if (changed.MaxTokens < 1)
        {
            throw new UsageException($"max_tokens is {changed.MaxTokens}; expected 1 or more");
        }
        changed.Sampling.Check();
        return changed;
    }

    /// <summary>All of them, as <c>/set</c> takes them.</summary>
    public override string ToString() => string.Join(' ', All.Select(setting => $"{setting.Name}={setting.Text(this)}"));

    private sealed record Setting(string Name, Func<TalkSettings, double> Read, Func<TalkSettings, double, TalkSettings> Change, long? Most = null)
    {
        public string Text(TalkSettings settings) => Read(settings).ToString(CultureInfo.InvariantCulture);
    }
}
