using Lorikeet.Adapters;
using Lorikeet.Tensors;

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
            ["signsgd"] = _ => new SignSgd(),
            ["adamax"] = s => new Adamax(s.Beta1 ?? 0.9, s.Beta2 ?? 0.999, s.Eps ?? 1e-8),
            ["rmsprop"] = s => new RmsProp(s.Alpha ?? 0.99, s.Eps ?? 1e-8, s.Momentum ?? 0, s.Centered ?? false),
            ["adafactor"] = s => new Adafactor(
                s.Eps ?? 1e-30, s.Eps2 ?? 1e-3, s.ClipThreshold ?? 1, s.DecayRate ?? -0.8, s.Beta1, s.ScaleParameter ?? false, s.RelativeStep ?? false, s.WarmupInit ?? false),
            ["sm3"] = s => new Sm3(s.Momentum ?? 0, s.Beta ?? 0, s.Eps ?? 1e-30),
            ["muon"] = s => new Muon(s.Momentum ?? 0.95, s.Nesterov ?? true, s.NewtonSchulzSteps ?? 5, s.Eps ?? 1e-7, s.MuonRate ?? Training.MuonRate.Original),
            ["early-adamw"] = s => new EarlyAdamW(s.Beta1 ?? 0.9, s.Beta2 ?? 0.999, s.Eps ?? 1e-6),
            ["adamw8bit"] = s => new AdamW8Bit(s.Beta1 ?? 0.9, s.Beta2 ?? 0.999, s.Eps ?? 1e-8, s.Smallest ?? 4096, s.Block ?? 256),
            ["galore"] = s => SubspaceFamily.Galore("galore", All!["early-adamw"](s), s),
            ["galore-adamw8bit"] = s => SubspaceFamily.Galore("galore-adamw8bit", All!["adamw8bit"](s), s),
            ["galore-adafactor"] = s => SubspaceFamily.Galore("galore-adafactor", All!["adafactor"](s), s),
            ["natural-galore"] = SubspaceFamily.NaturalGalore,
            ["online-galore"] = SubspaceFamily.OnlineGalore,
            ["fira"] = SubspaceFamily.Fira,
            ["frugal"] = SubspaceFamily.Frugal,
            ["gradnormlorp"] = s => new WeightNorm(All!["galore"](s), s.Beta1 ?? 0.9, s.Beta2 ?? 0.999, s.Eps ?? 1e-6, s.Released ?? false),
            ["lora-fa"] = s => new LoraFa(All!["early-adamw"](s), s.Pairs ?? new Dictionary<Parameter, LowRankPair>()),
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

    /// <summary>Nesterov's form of SGD and Muon.</summary>
    public bool? Nesterov { get; init; }

    /// <summary>Decay of RMSprop's mean square.</summary>
    public double? Alpha { get; init; }

    /// <summary>RMSprop divides by an estimate of the deviation.</summary>
    public bool? Centered { get; init; }

    /// <summary>Of Adafactor: the least RMS that scales the rate.</summary>
    public double? Eps2 { get; init; }

    /// <summary>Of Adafactor: the largest RMS of an update.</summary>
    public double? ClipThreshold { get; init; }

    /// <summary>Of Adafactor: the exponent of the second moment's decay.</summary>
    public double? DecayRate { get; init; }

    /// <summary>Of Adafactor: multiply the rate by the parameter's RMS.</summary>
    public bool? ScaleParameter { get; init; }

    /// <summary>Of Adafactor: make the rate from the step's number.</summary>
    public bool? RelativeStep { get; init; }

    /// <summary>Of Adafactor: a relative rate begins small.</summary>
    public bool? WarmupInit { get; init; }

    /// <summary>Of SM3: the exponential mean's weight; 0: sums.</summary>
    public double? Beta { get; init; }

    /// <summary>Of Muon: Newton-Schulz steps.</summary>
    public int? NewtonSchulzSteps { get; init; }

    /// <summary>Of Muon: how the rate depends on the shape.</summary>
    public MuonRate? MuonRate { get; init; }

    /// <summary>Of 8-bit states: tensors with fewer elements keep float32.</summary>
    public int? Smallest { get; init; }

    /// <summary>Of 8-bit states: elements that share a scale.</summary>
    public int? Block { get; init; }

    /// <summary>Of subspaces: vectors of a basis (GaLore, Fira).</summary>
    public int? Rank { get; init; }

    /// <summary>Of subspaces: ranks of single parameters, by name, before <see cref="Rank"/>.</summary>
    public IReadOnlyDictionary<string, int>? Ranks { get; init; }

    /// <summary>Of subspaces: steps between two choices (update_proj_gap).</summary>
    public int? Period { get; init; }

    /// <summary>Of subspaces: what multiplies a change that is brought back (GaLore's scale, Fira's alpha).</summary>
    public double? Scale { get; init; }

    /// <summary>Of subspaces: which side of a matrix is projected (proj_type).</summary>
    public ProjectionSide? Side { get; init; }

    /// <summary>Of subspaces: where a basis comes from.</summary>
    public BasisKind? Basis { get; init; }

    /// <summary>Of Natural GaLore: lambda.</summary>
    public double? Damping { get; init; }

    /// <summary>Of Natural GaLore: gradients in the Fisher matrix.</summary>
    public int? History { get; init; }

    /// <summary>Of online GaLore: the rate that the factors' rates are shares of.</summary>
    public double? FirstRate { get; init; }

    /// <summary>Of Fira: the paper's residual, without the code's alpha.</summary>
    public bool? CleanResidual { get; init; }

    /// <summary>Of FRUGAL: the share of numbers that has a state.</summary>
    public double? Density { get; init; }

    /// <summary>Of FRUGAL: the kind of subspace.</summary>
    public FrugalKind? Frugal { get; init; }

    /// <summary>Of FRUGAL: which matrices come first.</summary>
    public BlockOrder? Order { get; init; }

    /// <summary>Of FRUGAL: the optimiser inside: adamw, lion or sgd.</summary>
    public string? Inner { get; init; }

    /// <summary>Of FRUGAL: what happens outside.</summary>
    public OutsideRule? Outside { get; init; }

    /// <summary>Of FRUGAL: the outside's rate over the inside's.</summary>
    public double? OutsideScale { get; init; }

    /// <summary>Of FRUGAL: the projected matrices' rate over the others'.</summary>
    public double? RateScale { get; init; }

    /// <summary>Of FRUGAL: moments begin anew with each choice.</summary>
    public bool? Resets { get; init; }

    /// <summary>Of Natural GaLore: forget the history when a subspace is chosen anew.</summary>
    public bool? ClearsHistory { get; init; }

    /// <summary>Of Natural GaLore: <see cref="Damping"/> is a part of the mean squared norm of the history's gradients.</summary>
    public bool? RelativeDamping { get; init; }

    /// <summary>Of GradNormLoRP: the released code's form.</summary>
    public bool? Released { get; init; }

    /// <summary>Of adapters with any optimiser: LoRA+'s rate of B over that of A.</summary>
    public double? LoraPlus { get; init; }

    /// <summary>Of adapters with LoRA+: the rate of an embedding's factors.</summary>
    public double? LoraPlusEmbeddingRate { get; init; }

    /// <summary>Of LoRA-FA: the pair of each B.</summary>
    public IReadOnlyDictionary<Parameter, LowRankPair>? Pairs { get; init; }

    /// <summary>Of random subspaces: the seed.</summary>
    public int? Seed { get; init; }

    /// <summary>Puts another subspace in the place of a method's own, for example one whose bases are given; null: none.</summary>
    public Func<Subspace, Subspace>? Replace { get; init; }
}
