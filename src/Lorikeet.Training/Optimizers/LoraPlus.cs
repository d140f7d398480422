using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>LoRA+: the B of a pair learns faster than its A, for the two start at different sizes.</summary>
/// <remarks>
/// Groups: A (and what else is a matrix) at the run's rate; factors of an embedding at a rate of their own; B at ratio times the rate; vectors likewise, without decay.
/// Source: Hayou et al., LoRA+, arXiv 2402.12354, as in peft.optimizers.create_loraplus_optimizer.
/// </remarks>
public static class LoraPlus
{
    /// <summary>The rate of an embedding's factors, where none is named.</summary>
    public const double EmbeddingRate = 1e-6;

    /// <summary>An adapter's parameters in LoRA+'s four groups, some of which may be empty.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="decay">Weight decay of matrices.</param>
    /// <param name="ratio">B's rate over A's.</param>
    /// <param name="rate">The run's peak rate.</param>
    /// <param name="embeddingRate">The peak rate of an embedding's factors.</param>
    /// <param name="projected">Whether an optimiser of a subspace projects matrices.</param>
    public static IReadOnlyList<ParameterGroup> Group(TrainedAdapter adapter, double decay, double ratio, double rate, double embeddingRate = EmbeddingRate, bool projected = false)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        if (!(ratio > 0) || !double.IsFinite(ratio))
        {
            throw new ArgumentException($"loraplus {ratio}: the ratio of B's rate to A's is above 0");
        }
        HashSet<Parameter> fast = [.. adapter.NamedParameters.Where(p => p.Key.Contains("lora_B", StringComparison.Ordinal)).Select(p => p.Parameter)];
        HashSet<Parameter> embedding = [.. adapter.Changes.Where(c => c.Site is EmbeddingSite).SelectMany(c => c.Change.Parameters)];
        if (fast.Count == 0)
        {
            throw new ArgumentException($"loraplus sets the rate of lora_B, and {adapter.Name} has none: leave it out, or use --method lora or dora");
        }
        ILookup<int, Parameter> parts = adapter.Parameters.Where(p => p.Trainable).ToLookup(
            p => embedding.Contains(p) ? 1 : p.Value.Shape.Rank < 2 ? 3 : fast.Contains(p) ? 2 : 0);
        return
        [
            new ParameterGroup("A", [.. parts[0]], decay, Projected: projected),
            new ParameterGroup("embedding", [.. parts[1]], decay, embeddingRate / rate),
            new ParameterGroup("B", [.. parts[2]], decay, ratio, projected),
            new ParameterGroup("vectors", [.. parts[3]], 0, ratio),
        ];
    }
}
