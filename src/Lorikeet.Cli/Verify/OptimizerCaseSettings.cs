using System.Text.Json;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify;

/// <summary>Which optimiser of ours a case's original is, and what its settings are called here.</summary>
internal static class OptimizerCaseSettings
{
    // The first that the case's source contains.
    private static readonly (string Source, string Name)[] originals =
    [
        ("torch.optim.AdamW", "adamw"), ("torch.optim.Adamax", "adamax"), ("torch.optim.Adam", "adam"), ("torch.optim.SGD", "sgd"), ("torch.optim.RMSprop", "rmsprop"),
        ("torch.optim.Muon", "muon"), ("transformers.optimization.Adafactor", "adafactor"), ("google/automl lion", "lion"), ("SM3", "sm3"),
        ("galore_torch/adafactor.py", "galore-adafactor"), ("galore_torch/adamw8bit.py", "galore-adamw8bit"), ("galore_torch/adamw.py", "galore"),
        ("Natural-GaLore", "natural-galore"), ("Fira", "fira"), ("frugal/sgd.py", "signsgd"), ("FRUGAL", "frugal"), ("bitsandbytes.optim.AdamW8bit", "adamw8bit"),
        ("LowRankWeightNormAdamW", "gradnormlorp"),
    ];

    /// <summary>Reads a case's settings.</summary>
    public static OptimizerSettings Read(JsonElement json, string source, double[] rates, out string name, out double decay)
    {
        (string Source, string Name) found = originals.FirstOrDefault(o => source.Contains(o.Source, StringComparison.Ordinal));
        name = found.Name ?? throw new NotSupportedException($"the optimiser of {source} is not built yet: this version has {string.Join(", ", Optimizers.All.Keys)}");
        // What a case does not list has the original's default.
        OptimizerSettings settings = name == "frugal" ? Frugal(source) : new OptimizerSettings();
        settings = name is "gradnormlorp" ? settings with { Released = true } : settings;
        settings = name is "adafactor" ? settings with { ScaleParameter = true, RelativeStep = true } : settings;
        settings = settings with { FirstRate = rates.Length > 0 ? FirstRate(rates) : null };
        decay = name == "frugal" && !source.Contains("Lion", StringComparison.Ordinal) ? 0.01 : 0;
        foreach (JsonProperty option in json.EnumerateObject())
        {
            JsonElement value = option.Value;
            if (option.Name == "weight_decay")
            {
                decay = value.GetDouble();
            }
            else if (option.Name == "proj_type" && name == "natural-galore")
            {
                (name, settings) = value.GetString() switch
                {
                    "galore" => (name, settings with { History = 0 }),
                    "natural_galore" => (name, settings),
                    "online_galore" => ("online-galore", settings),
                    string other => throw new NotSupportedException($"proj_type {other} is not built yet"),
                    null => throw new NotSupportedException("proj_type is null"),
                };
            }
            else
            {
                settings = With(settings, name, option.Name, value);
            }
        }
        return settings;
    }

    // PyTorch schedules set the first rate before the first step: that is the rate at construction, as far as a trace tells.
    private static double FirstRate(double[] rates) => rates[0];

    private static OptimizerSettings Frugal(string source) => new()
    {
        Frugal = source.Contains("Block", StringComparison.Ordinal) ? FrugalKind.Blocks : source.Contains("Coord", StringComparison.Ordinal) ? FrugalKind.Columns : FrugalKind.Basis,
        Inner = source.Contains("Lion", StringComparison.Ordinal) ? "lion" : source.Contains("SGD", StringComparison.Ordinal) ? "sgd" : "adamw",
        Density = 0.25,
    };

    private static OptimizerSettings With(OptimizerSettings s, string name, string option, JsonElement value) => option switch
    {
        "betas" => s with { Beta1 = value[0].GetDouble(), Beta2 = value[1].GetDouble() },
        "eps" when value.ValueKind == JsonValueKind.Array => s with { Eps = value[0].GetDouble(), Eps2 = value[1].GetDouble() },
        "eps" => s with { Eps = value.GetDouble() },
        "momentum" => s with { Momentum = value.GetDouble() },
        "dampening" => s with { Dampening = value.GetDouble() },
        "nesterov" => s with { Nesterov = value.GetBoolean() },
        "alpha" when name == "rmsprop" => s with { Alpha = value.GetDouble() },
        "alpha" or "scale" => s with { Scale = value.GetDouble() },
        "centered" => s with { Centered = value.GetBoolean() },
        "beta1" => s with { Beta1 = value.ValueKind == JsonValueKind.Null ? null : value.GetDouble() },
        "beta" => s with { Beta = value.GetDouble() },
        "clip_threshold" => s with { ClipThreshold = value.GetDouble() },
        "decay_rate" => s with { DecayRate = value.GetDouble() },
        "scale_parameter" => s with { ScaleParameter = value.GetBoolean() },
        "relative_step" => s with { RelativeStep = value.GetBoolean() },
        "warmup_init" => s with { WarmupInit = value.GetBoolean() },
        "ns_steps" => s with { NewtonSchulzSteps = value.GetInt32() },
        "ns_coefficients" when value.EnumerateArray().Select(v => v.GetDouble()).SequenceEqual([3.4445, -4.775, 2.0315]) => s,
        "adjust_lr_fn" => s with { MuonRate = value.GetString() == "match_rms_adamw" ? MuonRate.MatchRms : MuonRate.Original },
        "min_8bit_size" => s with { Smallest = value.GetInt32() },
        "blocksize" => s with { Block = value.GetInt32() },
        "rank" when value.ValueKind == JsonValueKind.Object => s with { Ranks = value.EnumerateObject().ToDictionary(r => r.Name, r => r.Value.GetInt32()) },
        "rank" => s with { Rank = value.GetInt32() },
        "update_proj_gap" or "update_gap" => s with { Period = value.GetInt32() },
        "proj_type" when name == "frugal" => s with
        {
            Basis = value.GetString() switch { "svd" => BasisKind.Svd, "random" => BasisKind.Random, "randperm" => BasisKind.RandomCoordinates, _ => throw Unknown(option, value) },
        },
        "proj_type" or "proj_side" => s with { Side = Side(value) },
        "natural_history" => s.History is null ? s with { History = value.GetInt32() } : s,
        "lambda_damping" => s with { Damping = value.GetDouble() },
        "density" => s with { Density = value.GetDouble() },
        "coord_choice" => s with
        {
            Frugal = value.GetString() switch { "columns" => FrugalKind.Columns, "rows" => FrugalKind.Rows, "randk" => FrugalKind.Entries, _ => throw Unknown(option, value) },
        },
        "block_order" => s with { Order = Enum.Parse<BlockOrder>(value.GetString()!, ignoreCase: true) },
        "inactive_update_rule" => s with
        {
            Outside = value.GetString() switch { "sign_sgd" => OutsideRule.Sign, "sgd" => OutsideRule.Sgd, "no" => OutsideRule.None, _ => throw Unknown(option, value) },
        },
        "inactive_lr_scale" => s with { OutsideScale = value.GetDouble() },
        "proj_params_lr_scale" => s with { RateScale = value.GetDouble() },
        "reset_statistics" => s with { Resets = value.GetBoolean() },
        "projected" or "plain" or "correct_bias" or "sign_update" => s,
        _ => throw Unknown(option, value),
    };

    /// <summary>The side of a proj_type.</summary>
    public static ProjectionSide Side(JsonElement value) => Enum.Parse<ProjectionSide>(value.GetString()!.Replace("_", "", StringComparison.Ordinal), ignoreCase: true);

    private static NotSupportedException Unknown(string option, JsonElement value) => new($"the optimiser's setting {option} {value.GetRawText()} is not built yet");
}
