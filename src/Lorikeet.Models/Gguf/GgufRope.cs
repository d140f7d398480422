using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Gguf;

/// <summary>Rotary settings in GGUF files: a kind and a factor in the metadata, or the divisor of each frequency as the tensor <c>rope_freqs.weight</c>.</summary>
internal static class GgufRope
{
    /// <summary>The tensor of divisors, [rotary / 2].</summary>
    public const string Tensor = "rope_freqs.weight";

    // Written in float32 from float64, or the other way round.
    private const double Close = 1e-5;

    /// <summary>Reads the settings into config.json.</summary>
    /// <param name="fields">The metadata.</param>
    /// <param name="file">The file, for the divisors.</param>
    /// <param name="config">Receives rope_theta and rope_scaling.</param>
    public static void Read(GgufFields fields, GgufFile file, JsonObject config)
    {
        string own = fields.Architecture;
        double theta = fields.Number($"{own}.rope.freq_base") ?? 10_000;
        config["rope_theta"] = theta;
        config["rope_scaling"] = null;
        int? original = fields.Integer($"{own}.rope.scaling.original_context_length", 1, int.MaxValue);
        string kind = fields.Text($"{own}.rope.scaling.type") ?? "none";
        double factor = fields.Number($"{own}.rope.scaling.factor") ?? fields.Number($"{own}.rope.scale_linear") ?? 1;
        if (kind == "none" && fields.Has($"{own}.rope.scale_linear") && factor != 1)
        {
            kind = "linear";
        }
        if (file.TryGet(Tensor, out GgufTensor? tensor))
        {
            if (tensor.Rows != 1 || tensor.RowLength is < 1 or > 4096)
            {
                throw fields.Bad($"has {Tensor} of [{string.Join(", ", tensor.Shape)}]; expected half the rotated elements of a head.");
            }
            float[] divisors = new float[tensor.RowLength];
            file.ReadSingle(tensor, 0, divisors);
            config["rope_scaling"] = Scaling(fields, divisors, theta, original);
            return;
        }
        switch (kind)
        {
            case "none":
                break;
            case "linear":
                config["rope_scaling"] = new JsonObject { ["rope_type"] = "linear", ["factor"] = factor };
                break;
            case "yarn":
                JsonObject yarn = new() { ["rope_type"] = "yarn", ["factor"] = factor };
                if (original is { } trained)
                {
                    yarn["original_max_position_embeddings"] = trained;
                }
                config["rope_scaling"] = yarn;
                break;
            default:
                throw fields.Unsupported($"{own}.rope.scaling.type {BadFileException.Short(kind)} is not built: this version has none, linear and yarn, and {Tensor}");
        }
    }

    /// <summary>Writes the settings.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="metadata">Receives the keys.</param>
    public static void Write(ModelConfig config, GgufMetadata metadata)
    {
        RopeSettings rope = config.Rope;
        metadata.Own("rope.dimension_count", (uint)config.RotaryWidth);
        metadata.Own("rope.freq_base", (float)rope.Theta);
        switch (rope.Kind)
        {
            case RopeKind.Default or RopeKind.Llama3:
                break;
            case RopeKind.Linear:
                metadata.Own("rope.scaling.type", "linear");
                metadata.Own("rope.scaling.factor", (float)rope.Factor);
                break;
            case RopeKind.Yarn when IsPlainYarn(rope):
                metadata.Own("rope.scaling.type", "yarn");
                metadata.Own("rope.scaling.factor", (float)rope.Factor);
                metadata.Own("rope.scaling.original_context_length", (uint)rope.OriginalPositions);
                break;
            default:
                throw new NotSupportedException($"rope_type {rope.Kind.ToString().ToLowerInvariant()} with these options has no form in GGUF files of this architecture: "
                    + "they hold default, linear, llama3 and yarn with its usual numbers");
        }
    }

    /// <summary>What each frequency is divided by, where that has to be written; else null.</summary>
    /// <param name="config">The configuration.</param>
    public static float[]? Divisors(ModelConfig config)
    {
        if (config.Rope.Kind != RopeKind.Llama3)
        {
            return null;
        }
        float[] divisors = new float[config.RotaryWidth / 2];
        Divisors(config.Rope, divisors);
        return divisors;
    }

    private static bool IsPlainYarn(RopeSettings rope) =>
        rope.BetaFast == 32 && rope.BetaSlow == 1 && rope.Truncate
        && Math.Abs(rope.AttentionFactor - (rope.Factor <= 1 ? 1 : (0.1 * Math.Log(rope.Factor)) + 1)) < 1e-6;

    private static JsonObject Scaling(GgufFields fields, float[] divisors, double theta, int? original)
    {
        if (!divisors.All(d => float.IsFinite(d) && d > 0))
        {
            throw fields.Bad($"has a number in {Tensor} that is not above 0.");
        }
        if (divisors.All(d => d == 1))
        {
            return new JsonObject { ["rope_type"] = "default" };
        }
        // The file keeps what came out of llama3's four numbers; where the usual ones give the same divisors they are named again.
        double factor = divisors.Max();
        float[] again = new float[divisors.Length];
        int[] lengths = [.. new[] { original ?? 8192, 8192, 4096, 2048, 16_384, 32_768, 65_536, 131_072 }.Distinct()];
        foreach (int length in lengths)
        {
            RopeSettings rope = new() { Theta = theta, Kind = RopeKind.Llama3, Factor = factor, OriginalPositions = length };
            Divisors(rope, again);
            if (divisors.Zip(again).All(pair => Math.Abs(pair.First - pair.Second) <= Close * pair.First))
            {
                return new JsonObject
                {
                    ["rope_type"] = "llama3",
                    ["factor"] = factor,
                    ["low_freq_factor"] = rope.LowFrequencyFactor,
                    ["high_freq_factor"] = rope.HighFrequencyFactor,
                    ["original_max_position_embeddings"] = length,
                };
            }
        }
        JsonArray list = [.. divisors.Select(d => (JsonNode)(double)d)];
        return new JsonObject
        {
            ["rope_type"] = "longrope",
            ["short_factor"] = list,
            ["long_factor"] = list.DeepClone(),
            ["factor"] = 1.0,
            ["attention_factor"] = 1.0,
            ["original_max_position_embeddings"] = lengths[0],
        };
    }

    private static void Divisors(RopeSettings rope, Span<float> to)
    {
        RopeScaling.Frequencies(rope, 0, to);
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = (float)(Math.Pow(rope.Theta, -2.0 * i / (2 * to.Length)) / to[i]);
        }
    }
}
