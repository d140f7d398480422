namespace Lorikeet.Training;

/// <summary>The learning rate of each step as a share of the peak rate; kinds, names and options as Transformers' get_scheduler.</summary>
/// <remarks>W warm-up steps, T steps in all, p = (t - W) / (T - W). With warm-up the first step has rate 0, unless a kind says otherwise.</remarks>
public sealed class Schedule
{
    private readonly Func<int, double> share;

    private Schedule(string kind, double rate, Func<int, double> share)
    {
        Kind = kind;
        PeakRate = rate;
        this.share = share;
    }

    /// <summary>The kind: <c>cosine</c>.</summary>
    public string Kind { get; }

    /// <summary>The peak rate.</summary>
    public double PeakRate { get; }

    /// <summary>The rate used in a step.</summary>
    /// <param name="step">The step, from 0.</param>
    public double Rate(int step) => PeakRate * share(step);

    /// <summary>The kinds and how each is made: one line each.</summary>
    public static IReadOnlyDictionary<string, Func<ScheduleSettings, Func<int, double>>> Kinds { get; } =
        new Dictionary<string, Func<ScheduleSettings, Func<int, double>>>(StringComparer.OrdinalIgnoreCase)
        {
            ["constant"] = ScheduleShapes.Constant,
            ["constant_with_warmup"] = ScheduleShapes.ConstantWithWarmup,
            ["linear"] = ScheduleShapes.Linear,
            ["cosine"] = ScheduleShapes.Cosine,
            ["cosine_with_restarts"] = ScheduleShapes.CosineWithRestarts,
            ["polynomial"] = ScheduleShapes.Polynomial,
            ["inverse_sqrt"] = ScheduleShapes.InverseSqrt,
            ["cosine_with_min_lr"] = ScheduleShapes.CosineWithMinimum,
            ["cosine_warmup_with_min_lr"] = ScheduleShapes.CosineWarmupWithMinimum,
            ["warmup_stable_decay"] = ScheduleShapes.WarmupStableDecay,
            ["galore_cosine_to_a_tenth"] = ScheduleShapes.GaloreCosine,
        };

    /// <summary>Makes a schedule.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="settings">Peak rate, warm-up, steps and the kind's options.</param>
    /// <exception cref="NotSupportedException">There is no such kind.</exception>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public static Schedule Create(string kind, ScheduleSettings settings)
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(settings);
        if (!Kinds.TryGetValue(kind, out Func<ScheduleSettings, Func<int, double>>? make))
        {
            throw new NotSupportedException($"schedule {kind} is not known: use one of {string.Join(", ", Kinds.Keys)}");
        }
        if (settings.Warmup < 0 || settings.Steps < 0 || !double.IsFinite(settings.Rate) || settings.Rate < 0)
        {
            throw new ArgumentException(
                $"schedule {kind}: rate {settings.Rate}, {settings.Warmup} warm-up steps of {settings.Steps}; expected numbers from 0 up", nameof(settings));
        }
        return new Schedule(kind, settings.Rate, make(settings));
    }
}

/// <summary>Settings of a schedule; options that are null have the kind's default.</summary>
public sealed record ScheduleSettings
{
    /// <summary>The peak learning rate.</summary>
    public required double Rate { get; init; }

    /// <summary>Warm-up steps.</summary>
    public int Warmup { get; init; }

    /// <summary>Steps in all.</summary>
    public int Steps { get; init; }

    /// <summary>Waves of a cosine, or restarts.</summary>
    public double? Cycles { get; init; }

    /// <summary>The exponent of a polynomial (1).</summary>
    public double? Power { get; init; }

    /// <summary>The rate a polynomial ends at (1e-7).</summary>
    public double? EndRate { get; init; }

    /// <summary>The time scale of inverse_sqrt, in steps (the warm-up).</summary>
    public double? TimeScale { get; init; }

    /// <summary>The lowest rate.</summary>
    public double? MinimumRate { get; init; }

    /// <summary>The lowest rate as a share of the peak.</summary>
    public double? MinimumShare { get; init; }

    /// <summary>The share of the first warm-up step.</summary>
    public double? WarmupShare { get; init; }

    /// <summary>Steps of the decay of warmup_stable_decay.</summary>
    public int? DecaySteps { get; init; }

    /// <summary>The shape of the decay: linear, cosine (default), 1-sqrt.</summary>
    public string? DecayShape { get; init; }

    /// <summary>The shape of the warm-up: linear (default), cosine, 1-sqrt.</summary>
    public string? WarmupShape { get; init; }
}
