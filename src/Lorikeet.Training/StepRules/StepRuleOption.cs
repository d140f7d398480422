namespace Lorikeet.Training;

/// <summary>Settings of step rules; null: the rule's default.</summary>
public sealed record StepRuleSettings
{
    /// <summary>Layers that train at a time.</summary>
    public int? Layers { get; init; }

    /// <summary>Optimiser steps between two draws.</summary>
    public int? Interval { get; init; }

    /// <summary>What becomes of the optimiser's states of resting layers.</summary>
    public RestingMoments? Moments { get; init; }

    /// <summary>Of OwLore: a score is an outlier above so many times its block's mean.</summary>
    public double? Threshold { get; init; }

    /// <summary>Of OwLore: the least chance of a layer, as a part of the even chance.</summary>
    public double? Floor { get; init; }

    /// <summary>Of OwLore: batches of training text that outliers are counted on.</summary>
    public int? Calibration { get; init; }
}

/// <summary>A step rule's option as a user writes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Meaning">What it does, and for whom.</param>
/// <param name="Apply">Puts a text into the settings; throws FormatException where it cannot be one.</param>
public sealed record StepRuleOption(string Name, string Meaning, Func<StepRuleSettings, string, StepRuleSettings> Apply)
{
    /// <summary>All options: one line each.</summary>
    public static IReadOnlyList<StepRuleOption> All { get; } =
    [
        new("layers", "layers that train at a time (lisa: 2; owlore: 5)", (s, text) => s with { Layers = OptionText.Count(text) }),
        new("interval", "optimiser steps between two draws (lisa: 20; owlore: 50)", (s, text) => s with { Interval = OptionText.Count(text) }),
        new(
            "moments",
            $"what becomes of the optimiser's state of a resting layer, {OptionText.Choices<RestingMoments>()} (drop)",
            (s, text) => s with { Moments = OptionText.Choice<RestingMoments>(text) }),
        new("threshold", "a weight is an outlier above so many times the mean of its block (owlore: 13)", (s, text) => s with { Threshold = OptionText.Number(text) }),
        new("floor", "the least chance of a layer, as a part of the even chance (owlore: 0.1)", (s, text) => s with { Floor = OptionText.Number(text) }),
        new("calibration", "batches of the training data on which outliers are counted (owlore: 16)", (s, text) => s with { Calibration = OptionText.Count(text) }),
    ];

    /// <summary>Puts options into settings.</summary>
    /// <param name="settings">The settings they change.</param>
    /// <param name="options">Names and values.</param>
    /// <exception cref="ArgumentException">An option is unknown, or its value cannot be one.</exception>
    public static StepRuleSettings Read(StepRuleSettings settings, IReadOnlyDictionary<string, string> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return OptionText.Read("step-rule-option", settings, options, [.. All.Select(o => (o.Name, o.Meaning, o.Apply))]);
    }
}
