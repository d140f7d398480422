namespace Lorikeet.Training;

/// <summary>The curves of the schedules: the share of the peak rate in step t, from 0.</summary>
/// <remarks>Formulas of transformers.optimization; cosines are not clamped after the last step there, nor here: they rise again.</remarks>
internal static class ScheduleShapes
{
    public static Func<int, double> Constant(ScheduleSettings s) => _ => 1;

    public static Func<int, double> ConstantWithWarmup(ScheduleSettings s) => Warmed(s, _ => 1);

    public static Func<int, double> Linear(ScheduleSettings s) => Warmed(s, t => Math.Max(0, (s.Steps - t) / (double)Math.Max(1, s.Steps - s.Warmup)));

    public static Func<int, double> Cosine(ScheduleSettings s)
    {
        double cycles = s.Cycles ?? 0.5;
        return Warmed(s, t => Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * cycles * 2 * Progress(s, t)))));
    }

    public static Func<int, double> CosineWithRestarts(ScheduleSettings s)
    {
        double cycles = s.Cycles ?? 1;
        return Warmed(s, t => Progress(s, t) >= 1 ? 0 : Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * (cycles * Progress(s, t) % 1)))));
    }

    public static Func<int, double> Polynomial(ScheduleSettings s)
    {
        double end = s.EndRate ?? 1e-7, power = s.Power ?? 1;
        return Warmed(s, t => t > s.Steps ? end / s.Rate : (((s.Rate - end) * Math.Pow(1 - Progress(s, t), power)) + end) / s.Rate);
    }

    public static Func<int, double> InverseSqrt(ScheduleSettings s)
    {
        double scale = s.TimeScale ?? (s.Warmup > 0 ? s.Warmup : 10_000);
        return Warmed(s, t => 1 / Math.Sqrt((t + scale - s.Warmup) / scale));
    }

    public static Func<int, double> CosineWithMinimum(ScheduleSettings s)
    {
        double cycles = s.Cycles ?? 0.5, least = Minimum(s, null);
        return Warmed(s, t => Lifted(0.5 * (1 + Math.Cos(Math.PI * cycles * 2 * Progress(s, t))), least));
    }

    /// <summary>Warm-up (t + 1) / W, or r + (1 - r) t / (W - 1); then p = (t - W + 1) / (T - W).</summary>
    public static Func<int, double> CosineWarmupWithMinimum(ScheduleSettings s)
    {
        double cycles = s.Cycles ?? 0.5, least = Minimum(s, null);
        return t =>
        {
            if (t < s.Warmup)
            {
                return s.WarmupShare is { } first ? first + ((1 - first) * t / Math.Max(1, s.Warmup - 1)) : (t + 1.0) / s.Warmup;
            }
            double p = (t - s.Warmup + 1.0) / Math.Max(1, s.Steps - s.Warmup);
            return Lifted(0.5 * (1 + Math.Cos(Math.PI * cycles * 2 * p)), least);
        };
    }

    public static Func<int, double> WarmupStableDecay(ScheduleSettings s)
    {
        double least = s.MinimumShare ?? 0, cycles = s.Cycles ?? 0.5;
        int decay = s.DecaySteps ?? throw new ArgumentException("schedule warmup_stable_decay needs the number of decay steps", nameof(s));
        int stable = s.Steps - s.Warmup - decay;
        string up = s.WarmupShape ?? "linear", down = s.DecayShape ?? "cosine";
        return t =>
        {
            if (t < s.Warmup)
            {
                double q = t / (double)s.Warmup;
                double rise = up switch
                {
                    "linear" => q,
                    "cosine" => 0.5 * (1 - Math.Cos(Math.PI * q)),
                    "1-sqrt" => 1 - Math.Sqrt(1 - q),
                    _ => throw new NotSupportedException($"warm-up shape {up} is not known: use linear, cosine or 1-sqrt"),
                };
                return Math.Max(0, Lifted(rise, least));
            }
            if (t < s.Warmup + stable)
            {
                return 1;
            }
            if (t >= s.Warmup + stable + decay)
            {
                return least;
            }
            double p = (t - s.Warmup - stable) / (double)decay;
            double fall = down switch
            {
                "linear" => 1 - p,
                "cosine" => 0.5 * (1 + Math.Cos(Math.PI * cycles * 2 * p)),
                "1-sqrt" => 1 - Math.Sqrt(p),
                _ => throw new NotSupportedException($"decay shape {down} is not known: use linear, cosine or 1-sqrt"),
            };
            return Math.Max(0, Lifted(fall, least));
        };
    }

    /// <summary>GaLore's pre-training schedule: one cosine from the peak to a tenth of it.</summary>
    public static Func<int, double> GaloreCosine(ScheduleSettings s)
    {
        double least = Minimum(s, 0.1);
        return Warmed(s, t => Lifted(0.5 * (1 + Math.Cos(Math.PI * Progress(s, t))), least));
    }

    private static Func<int, double> Warmed(ScheduleSettings s, Func<int, double> after) =>
        t => t < s.Warmup ? t / (double)Math.Max(1, s.Warmup) : after(t);

    private static double Progress(ScheduleSettings s, int t) => (t - s.Warmup) / (double)Math.Max(1, s.Steps - s.Warmup);

    private static double Lifted(double share, double least) => Math.Max(0, (share * (1 - least)) + least);

    private static double Minimum(ScheduleSettings s, double? otherwise) =>
        s.MinimumShare ?? (s.MinimumRate is { } rate ? rate / s.Rate : otherwise)
        ?? throw new ArgumentException("this schedule needs a lowest rate, or its share of the peak", nameof(s));
}
