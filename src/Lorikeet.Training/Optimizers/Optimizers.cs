namespace Lorikeet.Training;

/// <summary>The optimisers by name: one line each.</summary>
public static class Optimizers
{
    /// <summary>Names and how each is made from its settings.</summary>
    public static IReadOnlyDictionary<string, Func<OptimizerSettings, IOptimizer>> All { get; } =
        new Dictionary<string, Func<OptimizerSettings, IOptimizer>>(StringComparer.OrdinalIgnoreCase)
        {
            ["adamw"] = s => new AdamW(s.Beta1 ?? 0.9, s.Beta2 ?? 0.999, s.Eps ?? 1e-8),
            ["adam"] = s => new Adam(s.Beta1 ?? 0.9, s.Beta2 ?? 0.999, s.Eps ?? 1e-8),
            ["sgd"] = s => new Sgd(s.Momentum ?? 0, s.Dampening ?? 0, s.Nesterov ?? false),
            ["lion"] = s => new Lion(s.Beta1 ?? 0.9, s.Beta2 ?? 0.99),
        };

    /// <summary>Makes an optimiser.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="settings">Its settings; what is null has the optimiser's default.</param>
    /// <exception cref="NotSupportedException">There is none of that name.</exception>
    public static IOptimizer Create(string name, OptimizerSettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        return All.TryGetValue(name, out Func<OptimizerSettings, IOptimizer>? make)
            ? make(settings ?? new OptimizerSettings())
            : throw new NotSupportedException($"optimiser {name} is not built yet: this version has {string.Join(", ", All.Keys)}");
    }
}

/// <summary>Settings of optimisers; null: the optimiser's default.</summary>
public sealed record OptimizerSettings
{
    /// <summary>Decay of the first moment.</summary>
    public double? Beta1 { get; init; }

    /// <summary>Decay of the second moment.</summary>
    public double? Beta2 { get; init; }

    /// <summary>Keeps the divisor from zero.</summary>
    public double? Eps { get; init; }

    /// <summary>Momentum of SGD.</summary>
    public double? Momentum { get; init; }

    /// <summary>Dampening of SGD.</summary>
    public double? Dampening { get; init; }

    /// <summary>Nesterov's form of SGD.</summary>
    public bool? Nesterov { get; init; }
}
