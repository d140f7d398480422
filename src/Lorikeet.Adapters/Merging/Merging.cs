using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models;

namespace Lorikeet.Adapters;

/// <summary>Folds adapters into weights, and mixes adapters into one.</summary>
public static class Merging
{
    // Every combination_type of PEFT's add_weighted_adapter, so that a refusal can tell "not built" from "no such thing".
    private static readonly string[] NotBuilt =
    [
        "svd", "ties", "ties_svd", "dare_ties", "dare_linear", "dare_ties_svd", "dare_linear_svd", "magnitude_prune", "magnitude_prune_svd",
    ];

    /// <summary>Folds an adapter into a model's weights; dispose the result to put the originals back.</summary>
    /// <param name="model">The model.</param>
    /// <param name="adapter">An adapter made for it.</param>
    /// <param name="type">How merged matrices are stored.</param>
    /// <exception cref="NotSupportedException">A change does not fold into a weight; the model is unchanged.</exception>
    /// <exception cref="InvalidOperationException">A merged weight would not be finite; the model is unchanged.</exception>
    public static MergedModel MergeInto(LanguageModel model, Adapter adapter, ElementType type = ElementType.F32)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(adapter);
        return new Merger(model, adapter, type).Run();
    }

    /// <summary>Mixes low-rank adapters into a new one of scale 1.</summary>
    /// <remarks>
    /// "cat" stacks the factors: dW = sum of w s B A exactly, the ranks add up. "linear" mixes the factors apart as PEFT does, A = sum of
    /// sign(w s) sqrt|w s| A and B = sum of sqrt|w s| B, for equal ranks; its product has cross terms and is not the sum of the changes.
    /// </remarks>
    /// <param name="name">The new adapter's name.</param>
    /// <param name="adapters">Adapters of one model whose every change is a plain low-rank one.</param>
    /// <param name="weights">One weight an adapter; negative ones subtract.</param>
    /// <param name="combination">cat or linear.</param>
    /// <exception cref="NotSupportedException">The combination is not built, or an adapter holds more than low-rank changes.</exception>
    public static TrainedAdapter WeightedSum(string name, IReadOnlyList<TrainedAdapter> adapters, IReadOnlyList<double> weights, string combination)
    {
        ArgumentNullException.ThrowIfNull(adapters);
        ArgumentNullException.ThrowIfNull(weights);
        if (adapters.Count == 0 || adapters.Count != weights.Count || weights.Any(w => !double.IsFinite(w)))
        {
            throw new ArgumentException($"a weighted sum needs one finite weight an adapter, at least one: {adapters.Count} adapters, {weights.Count} weights");
        }
        if (combination is not ("cat" or "linear"))
        {
            throw NotBuilt.Contains(combination)
                ? new NotSupportedException($"combination_type {combination} is not built yet: this version has cat and linear")
                : new ArgumentException($"combination_type '{combination}' is not known; expected cat or linear", nameof(combination));
        }
        LanguageModel model = adapters[0].Model;
        MixMaker maker = new(model, adapters, weights, combination == "cat");
        JsonObject config = maker.Config();
        LoraSettings settings = new(new AdapterConfig(config, AdapterFolder.ConfigName), model.Config.ModelType);
        return new LoraBuilder(name, model, AdapterMethods.Find("lora"), settings, maker, null).Build();
    }
}
