namespace Lorikeet.Training;

/// <summary>An optimiser's option as a user writes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Meaning">What it does, and for whom.</param>
/// <param name="Apply">Puts a text into the settings; throws FormatException where it cannot be one.</param>
public sealed record OptimizerOption(string Name, string Meaning, Func<OptimizerSettings, string, OptimizerSettings> Apply)
{
    /// <summary>All options: one line each.</summary>
    public static IReadOnlyList<OptimizerOption> All { get; } =
    [
        Number("beta1", "decay of the first moment (Adam's kin, Lion, Adafactor)", (s, v) => s with { Beta1 = v }),
        Number("beta2", "decay of the second moment (Adam's kin, Lion)", (s, v) => s with { Beta2 = v }),
        Number("eps", "keeps the divisor from zero", (s, v) => s with { Eps = v }),
        Number("momentum", "momentum (sgd, rmsprop, muon, sm3)", (s, v) => s with { Momentum = v }),
        Number("dampening", "what of a gradient does not enter the momentum (sgd)", (s, v) => s with { Dampening = v }),
        Flag("nesterov", "look ahead by a step of the momentum (sgd, muon)", (s, v) => s with { Nesterov = v }),
        Number("alpha", "decay of the mean square (rmsprop)", (s, v) => s with { Alpha = v }),
        Flag("centered", "divide by the deviation (rmsprop)", (s, v) => s with { Centered = v }),
        Number("clip_threshold", "the largest RMS of an update (adafactor)", (s, v) => s with { ClipThreshold = v }),
        Number("decay_rate", "the exponent of the second moment's decay (adafactor)", (s, v) => s with { DecayRate = v }),
        Flag("scale_parameter", "the rate times the parameter's RMS (adafactor)", (s, v) => s with { ScaleParameter = v }),
        Flag("relative_step", "a rate of its own by the step's number (adafactor)", (s, v) => s with { RelativeStep = v }),
        Number("beta", "weight of the exponential mean, 0 for sums (sm3)", (s, v) => s with { Beta = v }),
        Count("ns_steps", "Newton-Schulz steps (muon)", (s, v) => s with { NewtonSchulzSteps = v }),
        Choice<MuonRate>("rate_rule", "how the rate depends on the shape (muon)", (s, v) => s with { MuonRate = v }),
        Count("min_8bit_size", "smaller tensors keep float32 states (adamw8bit)", (s, v) => s with { Smallest = v }),
        Count("block", "numbers that share a scale (adamw8bit)", (s, v) => s with { Block = v }),
        Count("rank", "vectors of a basis (galore and kin, fira)", (s, v) => s with { Rank = v }),
        Count("period", "steps between two choices of the subspace (galore and kin, fira, frugal)", (s, v) => s with { Period = v }),
        Number("scale", "what multiplies a change that is brought back (galore and kin, fira)", (s, v) => s with { Scale = v }),
        Choice<ProjectionSide>("side", "which side of a matrix is projected (galore, fira, frugal)", (s, v) => s with { Side = v }),
        Choice<BasisKind>("basis", "where a basis comes from (galore, fira, frugal)", (s, v) => s with { Basis = v }),
        Number("damping", "lambda (natural-galore)", (s, v) => s with { Damping = v }),
        Count("history", "gradients in the Fisher matrix (natural-galore)", (s, v) => s with { History = v }),
        Flag("clear_history", "forget the history when a subspace is chosen anew (natural-galore)", (s, v) => s with { ClearsHistory = v }),
        Flag("relative_damping", "damping times the mean squared norm of the history (natural-galore)", (s, v) => s with { RelativeDamping = v }),
        Flag("clean_residual", "the paper's residual, without the code's alpha (fira)", (s, v) => s with { CleanResidual = v }),
        Number("density", "the share of numbers that has a state (frugal)", (s, v) => s with { Density = v }),
        Choice<FrugalKind>("subspace", "what has a state (frugal)", (s, v) => s with { Frugal = v }),
        Choice<BlockOrder>("order", "which matrices come first (frugal over blocks)", (s, v) => s with { Order = v }),
        new("inner", "the optimiser inside: adamw, lion or sgd (frugal)", (s, v) => s with { Inner = v }),
        Choice<OutsideRule>("outside", "what happens to the rest (frugal)", (s, v) => s with { Outside = v }),
        Number("outside_scale", "the rest's rate over the inside's (frugal)", (s, v) => s with { OutsideScale = v }),
        Number("rate_scale", "the projected matrices' rate over the others' (frugal)", (s, v) => s with { RateScale = v }),
        Flag("resets", "moments begin anew with each choice (frugal)", (s, v) => s with { Resets = v }),
        Flag("released", "the released code's form in place of the exact gradient (gradnormlorp)", (s, v) => s with { Released = v }),
        Number("loraplus", "the rate of an adapter's B over that of its A (LoRA+, with any optimiser)", (s, v) => s with { LoraPlus = v }),
        Number("loraplus_embedding_rate", "the peak rate of an embedding's factors with loraplus", (s, v) => s with { LoraPlusEmbeddingRate = v }),
    ];

    /// <summary>Puts options into settings.</summary>
    /// <param name="settings">The settings they change.</param>
    /// <param name="options">Names and values.</param>
    /// <exception cref="ArgumentException">An option is unknown, or its value cannot be one.</exception>
    public static OptimizerSettings Read(OptimizerSettings settings, IReadOnlyDictionary<string, string> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return OptionText.Read("optimizer-option", settings, options, [.. All.Select(o => (o.Name, o.Meaning, o.Apply))]);
    }

    private static OptimizerOption Number(string name, string meaning, Func<OptimizerSettings, double, OptimizerSettings> set) => new(
        name, meaning, (s, text) => set(s, OptionText.Number(text)));

    private static OptimizerOption Count(string name, string meaning, Func<OptimizerSettings, int, OptimizerSettings> set) => new(
        name, meaning, (s, text) => set(s, OptionText.Count(text)));

    private static OptimizerOption Flag(string name, string meaning, Func<OptimizerSettings, bool, OptimizerSettings> set) => new(
        name, meaning + ": true or false", (s, text) => set(s, OptionText.Flag(text)));

    private static OptimizerOption Choice<T>(string name, string meaning, Func<OptimizerSettings, T, OptimizerSettings> set)
        where T : struct, Enum => new(name, $"{meaning}: {OptionText.Choices<T>()}", (s, text) => set(s, OptionText.Choice<T>(text)));
}
