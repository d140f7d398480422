using System.Globalization;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>How the matrices of a new model's blocks are parameterised, where they are not full.</summary>
public sealed record NewWeights
{
    /// <summary>The kinds by the name that <c>--weights</c> takes, and what each is: one line each.</summary>
    public static IReadOnlyDictionary<string, string> Kinds { get; } = new Dictionary<string, string>
    {
        ["sltrain"] = "low-rank plus sparse, W = s B A + S (SLTrain)",
        ["low-rank"] = "W = s B A alone",
    };

    /// <summary>One of <see cref="Kinds"/>.</summary>
    public string Kind { get; init; } = "sltrain";

    /// <summary>The rank of B A; 128 as in SLTrain's command.</summary>
    public int Rank { get; init; } = 128;

    /// <summary>s = alpha / rank; null: 32 for sltrain as in its command, the rank for low-rank.</summary>
    public double? Alpha { get; init; }

    /// <summary>The share of a matrix's numbers that are sparse entries; 0.01 as in SLTrain's command.</summary>
    public double Delta { get; init; } = 0.01;

    /// <summary>s = tanh of a trained number, from 1.</summary>
    public bool TrainableScaling { get; init; }

    /// <summary>The options, as <c>--weights-option</c> takes them.</summary>
    public static IReadOnlyDictionary<string, string> Options { get; } = new Dictionary<string, string>
    {
        ["rank"] = "the rank of B A",
        ["alpha"] = "s = alpha / rank",
        ["delta"] = "the share of sparse entries (sltrain)",
        ["trainable_scaling"] = "s = tanh of a trained number (sltrain): true or false",
    };

    /// <summary>Reads a kind and its options.</summary>
    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    /// <param name="options">Names and values.</param>
    /// <exception cref="ArgumentException">A name is unknown, or a value is no number of its range.</exception>
    public static NewWeights Read(string kind, IReadOnlyDictionary<string, string> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        NewWeights weights = new() { Kind = kind };
        foreach ((string name, string value) in options)
        {
            NumberStyles style = NumberStyles.Float;
            CultureInfo culture = CultureInfo.InvariantCulture;
            weights = name switch
            {
                "rank" when int.TryParse(value, NumberStyles.None, culture, out int rank) => weights with { Rank = rank },
                "alpha" when double.TryParse(value, style, culture, out double alpha) => weights with { Alpha = alpha },
                "delta" when double.TryParse(value, style, culture, out double delta) => weights with { Delta = delta },
                "trainable_scaling" when bool.TryParse(value, out bool trained) => weights with { TrainableScaling = trained },
                _ => throw new ArgumentException(
                    $"weights-option {name}={value}: expected one of {string.Join(", ", Options.Select(o => $"{o.Key} ({o.Value})"))}"),
            };
        }
        weights.Check();
        return weights;
    }

    /// <summary>Refuses what cannot be meant.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public void Check()
    {
        Require(Kinds.ContainsKey(Kind), $"weights {Kind} is not known for a new model: use {string.Join(", ", Kinds.Keys)}, or leave it out for full matrices");
        Require(Rank is > 0 and <= 1 << 16, $"weights-option rank is {Rank}; expected 1 to 65536");
        Require(Alpha is null || (double.IsFinite(Alpha.Value) && Alpha > 0), $"weights-option alpha is {Alpha}; expected a number above 0");
        Require(Delta is > 0 and < 1, $"weights-option delta is {Delta}; expected above 0 and below 1");
        Require(!TrainableScaling || Kind == "sltrain", "weights-option trainable_scaling belongs to sltrain");

        static void Require(bool holds, string message)
        {
            if (!holds)
            {
                throw new ArgumentException(message);
            }
        }
    }

    /// <summary>Puts factored weights in the place of the blocks' matrices; table, norms and head stay.</summary>
    internal void Apply(LanguageModel model, CounterRandom random)
    {
        HashSet<string> inBlocks = [.. model.Sites.OfType<LinearSite>().Where(site => !site.IsHead).Select(site => site.StoredName + ".weight")];
        float scale = (float)((Alpha ?? (Kind == "sltrain" ? 32 : Rank)) / Rank);
        model.Exchange((name, weight) => !inBlocks.Contains(name)
            ? weight
            : Kind == "sltrain"
                ? FactoredWeight.SparseStart(name[..^"weight".Length], random, weight.Outputs, weight.Inputs, Rank, TrainableScaling ? null : scale, Delta)
                : FactoredWeight.LowRankStart(name[..^"weight".Length], random, weight.Outputs, weight.Inputs, Rank, scale, 0.02f));
    }
}
