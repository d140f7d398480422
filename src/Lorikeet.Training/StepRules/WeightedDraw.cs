using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Draws distinct layers one after the other, each with its share among those that are left; equal shares make it uniform.</summary>
/// <remarks>
/// A draw is a function of seed and period alone, so that a run repeats it. Not every layer is drawn count times its share: what is drawn leaves (<see cref="Chances"/>).
/// The semantics of numpy.random.choice without replacement, as OwLore (arXiv 2405.18380) uses it.
/// </remarks>
public sealed class WeightedDraw : ILayerDraw
{
    private const int MostSubsets = 1 << 20;
    private readonly Func<IReadOnlyList<double>> make;
    private readonly int layers;
    private readonly int count;
    private readonly CounterRandom random;
    private double[]? shares;

    /// <summary>A draw.</summary>
    /// <param name="layers">How many layers there are.</param>
    /// <param name="count">How many are drawn, at most all.</param>
    /// <param name="random">The seed.</param>
    /// <param name="shares">Makes the layers' weights, all above 0, at the first draw; null: all are equal. A checkpoint keeps them.</param>
    /// <exception cref="ArgumentException">More layers are drawn than there are, or none.</exception>
    public WeightedDraw(int layers, int count, CounterRandom random, Func<IReadOnlyList<double>>? shares = null)
    {
        if (count < 1 || count > layers)
        {
            throw new ArgumentException($"{count} of {layers} layers cannot be drawn: name 1 to {layers}");
        }
        this.layers = layers;
        this.count = count;
        this.random = random;
        make = shares ?? (() => [.. Enumerable.Repeat(1.0, layers)]);
    }

    /// <summary>The layers' shares of a first draw; their sum is 1.</summary>
    public IReadOnlyList<double> Shares => shares ??= Normed(make());

    /// <inheritdoc/>
    public IReadOnlyList<int> Draw(int period)
    {
        CounterRandom own = random.Named(string.Create(CultureInfo.InvariantCulture, $"period {period}"));
        double[] left = [.. Shares];
        int[] drawn = new int[count];
        for (int i = 0; i < count; i++)
        {
            // 53 bits, as a float64 has.
            double place = ((((ulong)own.Bits((ulong)(2 * i)) << 21) ^ (own.Bits((ulong)((2 * i) + 1)) >> 11)) & ((1UL << 53) - 1)) * (1.0 / (1UL << 53)) * left.Sum();
            drawn[i] = Array.FindLastIndex(left, v => v > 0);
            for (int layer = 0; layer < drawn[i]; layer++)
            {
                place -= left[layer];
                if (left[layer] > 0 && place < 0)
                {
                    drawn[i] = layer;
                }
            }
            left[drawn[i]] = 0;
        }
        return drawn;
    }

    /// <summary>The exact chance of each layer to be among those drawn.</summary>
    /// <exception cref="NotSupportedException">There are more than about a million sets of layers to go through.</exception>
    public IReadOnlyList<double> Chances()
    {
        // The chance of each set of layers that may be drawn so far, whatever their order.
        Dictionary<BigInteger, double> sets = new() { [BigInteger.Zero] = 1 };
        for (int i = 0; i < count; i++)
        {
            Dictionary<BigInteger, double> next = [];
            foreach ((BigInteger set, double chance) in sets)
            {
                double rest = 0;
                for (int layer = 0; layer < layers; layer++)
                {
                    rest += Has(set, layer) ? 0 : Shares[layer];
                }
                for (int layer = 0; layer < layers; layer++)
                {
                    if (!Has(set, layer))
                    {
                        BigInteger more = set | (BigInteger.One << layer);
                        next[more] = next.GetValueOrDefault(more) + (chance * Shares[layer] / rest);
                    }
                }
                if (next.Count > MostSubsets)
                {
                    throw new NotSupportedException($"chances of {count} of {layers} layers: more than {MostSubsets} sets to go through");
                }
            }
            sets = next;
        }
        double[] chances = new double[layers];
        foreach ((BigInteger set, double chance) in sets)
        {
            for (int layer = 0; layer < layers; layer++)
            {
                chances[layer] += Has(set, layer) ? chance : 0;
            }
        }
        return chances;

        static bool Has(BigInteger set, int layer) => !((set >> layer) & BigInteger.One).IsZero;
    }

    /// <inheritdoc/>
    public JsonNode? Save() => new JsonArray([.. Shares.Select(s => (JsonNode)s)]);

    /// <inheritdoc/>
    public void Restore(JsonElement saved) => shares = Normed([.. saved.EnumerateArray().Select(s => s.GetDouble())]);

    private double[] Normed(IReadOnlyList<double> weights)
    {
        double sum = weights.Sum();
        return weights.Count == layers && weights.All(w => w > 0) && double.IsFinite(sum)
            ? [.. weights.Select(w => w / sum)]
            : throw new FormatException($"[{string.Join(", ", weights.Select(w => w.ToString("G4", CultureInfo.InvariantCulture)))}] are not the weights of {layers} layers: each is above 0");
    }
}
