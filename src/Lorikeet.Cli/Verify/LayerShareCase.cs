using System.Globalization;
using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify;

/// <summary>Shares of outliers of layers on given inputs, the chances of a draw, and the chance of each layer to be among n that are drawn.</summary>
internal static class LayerShareCase
{
    public static void Verify(string folder, JsonElement root, CaseReport report)
    {
        (double absolute, double relative) = TrainingReference.Tolerance(root.GetProperty("tolerance"));
        double[] expected = TrainingReference.Numbers(root.GetProperty("outlier_percent"));
        double threshold = root.GetProperty("M").GetDouble();
        double[] shares = new double[expected.Length];
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "layers.safetensors"));
        for (int layer = 0; layer < shares.Length; layer++)
        {
            string prefix = string.Create(CultureInfo.InvariantCulture, $"layer{layer}.");
            List<(Weight Weight, double[] Squares)> weights = [];
            int samples = 0;
            foreach (StoredTensor stored in file.Tensors.Where(t => t.Name.StartsWith(prefix, StringComparison.Ordinal) && t.Name.EndsWith(".weight", StringComparison.Ordinal)))
            {
                string name = stored.Name[..^".weight".Length];
                DenseWeight weight = new(TrainingReference.Floats(file, stored.Name), (int)stored.Shape[0], (int)stored.Shape[1], ElementType.F32);
                Tensor inputs = TrainingReference.Load(file, name + ".inputs");
                samples = inputs.Shape[0];
                double[] squares = new double[weight.Inputs], scores = new double[stored.Count];
                OutlierShares.AddSquares(inputs.View(new Shape((int)(inputs.Shape.Length / weight.Inputs), weight.Inputs)), squares);
                inputs.Free();
                for (int row = 0; row < weight.Outputs; row++)
                {
                    OutlierShares.Scores(weight, row, squares, samples, scores.AsSpan(row * weight.Inputs, weight.Inputs));
                }
                report.Each(name + ".score", scores, TrainingReference.Wide(TrainingReference.Floats(file, name + ".score")), relative, absolute);
                weights.Add((weight, squares));
            }
            shares[layer] = OutlierShares.Share(weights, samples, threshold);
            weights.ForEach(w => w.Weight.Dispose());
        }
        report.Each("outlier_percent", shares, expected, relative, absolute);
        IReadOnlyList<double> chances = OutlierShares.Chances(shares, 0);
        report.Each("probabilities", [.. chances], TrainingReference.Numbers(root.GetProperty("probabilities")), relative, absolute);
        if (!root.TryGetProperty("inclusion", out JsonElement inclusion))
        {
            return;
        }
        foreach (JsonProperty drawn in inclusion.EnumerateObject())
        {
            int count = int.Parse(drawn.Name, CultureInfo.InvariantCulture);
            WeightedDraw draw = new(shares.Length, count, new CounterRandom(1), () => chances);
            report.Each($"inclusion of {count}", [.. draw.Chances()], TrainingReference.Numbers(drawn.Value), relative, absolute);
            CompareDraws(draw, count, TrainingReference.Numbers(drawn.Value), report);
        }
    }

    /// <summary>How often layers are drawn is within four deviations of the chance.</summary>
    private static void CompareDraws(WeightedDraw draw, int count, double[] expected, CaseReport report)
    {
        const int Draws = 20_000;
        double[] seen = new double[expected.Length];
        bool distinct = true;
        for (int period = 0; period < Draws; period++)
        {
            IReadOnlyList<int> drawn = draw.Draw(period);
            distinct &= drawn.Distinct().Count() == count;
            foreach (int layer in drawn)
            {
                seen[layer]++;
            }
        }
        report.Equal($"{count} distinct layers", distinct, "a layer was drawn twice");
        double worst = seen.Select((n, layer) => Math.Abs((n / Draws) - expected[layer]) / Math.Sqrt(expected[layer] * (1 - expected[layer]) / Draws)).Max();
        report.AtMost($"{Draws} draws of {count}, in deviations", worst, 4);
    }
}
