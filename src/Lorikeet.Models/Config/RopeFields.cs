using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>Reads the rotary settings in the forms of Transformers 4 (<c>rope_theta</c>, <c>rope_scaling</c>) and 5 (<c>rope_parameters</c>).</summary>
internal static class RopeFields
{
    private const double Most = 1e12;

    /// <summary>Reads the settings.</summary>
    /// <param name="config">The whole configuration.</param>
    /// <param name="maxPositions">Its max_position_embeddings.</param>
    /// <param name="theta">The base where none is given.</param>
    public static RopeSettings Read(JsonFields config, int maxPositions, double theta = 10_000)
    {
        theta = config.Number("rope_theta", 1e-6, Most, theta);
        // Where both are given the older key wins, as in the reference.
        if ((config.Object("rope_scaling") ?? config.Object("rope_parameters")) is not { } rope)
        {
            return new RopeSettings { Theta = theta };
        }
        // Models with windows may have other angles in them: these are those of the whole sequence.
        return Parse(config, rope.Object("full_attention") ?? rope, maxPositions, theta);
    }

    /// <summary>The settings of blocks that see a window, where they are given apart.</summary>
    /// <param name="config">The whole configuration.</param>
    /// <param name="maxPositions">Its max_position_embeddings.</param>
    /// <param name="theta">The base where none is given.</param>
    public static RopeSettings ReadWindowed(JsonFields config, int maxPositions, double theta) =>
        config.Object("rope_parameters")?.Object("sliding_attention") is { } rope
            ? Parse(config, rope, maxPositions, theta)
            : new RopeSettings { Theta = theta };

    private static RopeSettings Parse(JsonFields config, JsonFields rope, int maxPositions, double theta)
    {
        theta = rope.Number("rope_theta", 1e-6, Most, theta);
        string kind = rope.Text("rope_type", rope.Text("type", "default"));
        return kind switch
        {
            "longrope" or "su" => LongRope(config, rope, theta, maxPositions),
            // Phi 3 called it so before it had a name of its own.
            "yarn" when rope.Has("long_factor") => LongRope(config, rope, theta, maxPositions),
            "default" => new RopeSettings { Theta = theta },
            "linear" => new RopeSettings { Theta = theta, Kind = RopeKind.Linear, Factor = Factor(rope) },
            "dynamic" => new RopeSettings { Theta = theta, Kind = RopeKind.Dynamic, Factor = Factor(rope), OriginalPositions = maxPositions },
            "llama3" => Llama3(config, rope, theta, maxPositions),
            "yarn" => Yarn(config, rope, theta, maxPositions),
            _ => throw new NotSupportedException(
                $"{rope.Path}: rope_type {BadFileException.Short(kind)} is not built yet: this version has default, linear, dynamic, llama3, yarn and longrope"),
        };
    }

    /// <summary>The share of a head that is rotated.</summary>
    /// <param name="config">The whole configuration.</param>
    /// <param name="key">The older form's key at the top, or null.</param>
    /// <param name="absent">The share where none is given.</param>
    public static double Share(JsonFields config, string? key, double absent) =>
        (config.Object("rope_parameters") ?? config.Object("rope_scaling"))?.Find("partial_rotary_factor") is not null
            ? (config.Object("rope_parameters") ?? config.Object("rope_scaling"))!.Number("partial_rotary_factor", 0, 1, absent)
            : key is null ? absent : config.Number(key, 0, 1, absent);

    private static RopeSettings Llama3(JsonFields config, JsonFields rope, double theta, int maxPositions)
    {
        double low = rope.Number("low_freq_factor", 1e-6, Most, 1), high = rope.Number("high_freq_factor", 1e-6, Most, 4);
        if (low >= high)
        {
            throw new BadFileException($"{rope.Path}: low_freq_factor is {low}, high_freq_factor {high}; expected low < high.");
        }
        return new RopeSettings
        {
            Theta = theta,
            Kind = RopeKind.Llama3,
            Factor = Factor(rope),
            OriginalPositions = Original(config, rope, maxPositions),
            LowFrequencyFactor = low,
            HighFrequencyFactor = high,
        };
    }

    private static RopeSettings Yarn(JsonFields config, JsonFields rope, double theta, int maxPositions)
    {
        if (theta <= 1)
        {
            throw new BadFileException($"{rope.Path}: rope_theta is {theta}; yarn divides by its logarithm and needs more than 1.");
        }
        int original = Original(config, rope, maxPositions);
        double factor = rope.Has("factor") ? Factor(rope) : Math.Max((double)maxPositions / original, 1e-6);
        double scale = rope.Number("mscale", 0, Most, 0), all = rope.Number("mscale_all_dim", 0, Most, 0);
        double attention = scale != 0 && all != 0 ? Warmth(factor, scale) / Warmth(factor, all) : Warmth(factor, 1);
        return new RopeSettings
        {
            Theta = theta,
            Kind = RopeKind.Yarn,
            Factor = factor,
            OriginalPositions = original,
            BetaFast = rope.Number("beta_fast", 1e-6, Most, 32),
            BetaSlow = rope.Number("beta_slow", 1e-6, Most, 1),
            Truncate = rope.Flag("truncate", true),
            AttentionFactor = rope.Number("attention_factor", 1e-6, 1e6, attention),
        };
    }

    private static RopeSettings LongRope(JsonFields config, JsonFields rope, double theta, int maxPositions)
    {
        int original = Original(config, rope, maxPositions);
        double factor = rope.Has("factor") ? Factor(rope) : (double)maxPositions / original;
        double attention = factor <= 1 || original == 1 ? 1 : Math.Sqrt(1 + (Math.Log(factor) / Math.Log(original)));
        return new RopeSettings
        {
            Theta = theta,
            Kind = RopeKind.LongRope,
            Factor = factor,
            OriginalPositions = original,
            AttentionFactor = rope.Number("attention_factor", 1e-6, 1e6, attention),
            ShortFactors = Factors(rope, "short_factor"),
            LongFactors = Factors(rope, "long_factor"),
        };
    }

    private static double[] Factors(JsonFields rope, string key)
    {
        int count = rope.Find(key) is { ValueKind: System.Text.Json.JsonValueKind.Array } array ? array.GetArrayLength() : 0;
        return count is > 0 and <= Kernels.AttentionShape.MostHeadDim / 2
            ? rope.Numbers(key, count, 1e-6, Most)!
            : throw new BadFileException($"{rope.Path}: {key} holds {count} numbers; expected one for each pair of a head's rotated elements.");
    }

    private static double Warmth(double factor, double scale) => factor <= 1 ? 1 : (0.1 * scale * Math.Log(factor)) + 1;

    private static double Factor(JsonFields rope) =>
        rope.Has("factor")
            ? rope.Number("factor", 1e-6, Most, 1)
            : throw new BadFileException($"{rope.Path} has no factor; expected a number above 0.");

    private static int Original(JsonFields config, JsonFields rope, int maxPositions) =>
        config.Integer(
            "original_max_position_embeddings", 1, int.MaxValue, rope.Integer("original_max_position_embeddings", 1, int.MaxValue, maxPositions));
}
