using System.Globalization;
using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify;

/// <summary>Losses of the area <c>training</c>: cross-entropies of given logits with their gradients, and preference losses of given log-probabilities.</summary>
internal static class LossCase
{
    private const string Mark = "_smoothing_";
    private static readonly string[] Given = ["policy_chosen", "policy_rejected", "reference_chosen", "reference_rejected", "chosen_length", "rejected_length"];

    public static void Verify(string folder, JsonElement root, CaseReport report)
    {
        (double absolute, double relative) = TrainingReference.Tolerance(root.GetProperty("tolerance"));
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "losses.safetensors"));
        foreach (JsonElement item in root.GetProperty("values").EnumerateArray())
        {
            if (item.TryGetProperty("beta", out JsonElement beta))
            {
                using SafetensorsFile pairs = SafetensorsFile.Open(Path.Combine(folder, item.GetProperty("name").GetString() + ".safetensors"));
                VerifyPairs(pairs, beta.GetDouble(), report, absolute, relative);
            }
            else
            {
                VerifyLogits(file, item, report, absolute, relative);
            }
        }
    }

    private static void VerifyLogits(SafetensorsFile file, JsonElement item, CaseReport report, double absolute, double relative)
    {
        int[] labels = TrainingReference.Integers(file, "labels"), targets = new int[labels.Length];
        int width = (int)TrainingReference.Tensor(file, "labels").Shape[1];
        for (int i = 0; i < targets.Length; i++)
        {
            targets[i] = (i + 1) % width == 0 || labels[i + 1] < 0 ? -1 : labels[i + 1];
        }
        string name = item.GetProperty("name").GetString()!;
        bool sum = name.EndsWith("-sum", StringComparison.Ordinal), smooths = item.TryGetProperty("epsilon", out JsonElement epsilon);
        bool z = item.TryGetProperty("coefficient", out JsonElement coefficient);
        if (!smooths && !z && !sum && !name.EndsWith("-mean", StringComparison.Ordinal))
        {
            report.Unsupported($"the loss {name} is not built yet");
            return;
        }
        CrossEntropyTerms terms = new(smooths ? (float)epsilon.GetDouble() : 0, z ? (float)coefficient.GetDouble() : 0);
        float[] weights = new float[targets.Length], losses = new float[targets.Length];
        weights.AsSpan().Fill(sum ? 1f : 1f / targets.Count(t => t >= 0));
        Tensor stored = TrainingReference.Load(file, "logits");
        using Parameter logits = new("logits", stored.View(new Shape(stored.Rows, stored.Width)));
        using Run run = new() { Tape = new Tape() };
        run.Tape.Begin(run);
        Tensor loss = HeadLoss.Forward(run, run.Use(logits), (part, _) => part, targets, weights, losses, terms: terms);
        double value = loss.Span[0];
        run.Tape.Backward(run, loss);
        report.Each(name, [value], [item.GetProperty("value").GetDouble()], relative, absolute);
        float[] expected = TrainingReference.Floats(file, name + ".gradient");
        report.Each(name + ".gradient", TrainingReference.Wide(logits.Gradient.Span), TrainingReference.Wide(expected), relative, absolute);
    }

    private static void VerifyPairs(SafetensorsFile file, double beta, CaseReport report, double absolute, double relative)
    {
        float[][] given = [.. Given.Select(name => TrainingReference.Floats(file, name))];
        foreach (StoredTensor tensor in file.Tensors.Where(t => !Given.Contains(t.Name)))
        {
            string[] parts = tensor.Name.Split(Mark, 2);
            PreferenceLoss loss = new()
            {
                Name = parts[0],
                Beta = beta,
                Smoothing = parts.Length > 1 ? double.Parse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture) : 0,
            };
            if (!PreferenceLoss.Names.Contains(loss.Name))
            {
                report.Unsupported($"the preference loss {loss.Name} is not built yet");
                continue;
            }
            loss.Check();
            double[] got = new double[given[0].Length];
            for (int i = 0; i < got.Length; i++)
            {
                got[i] = loss.Of(new(given[0][i], given[2][i], (int)given[4][i]), new(given[1][i], given[3][i], (int)given[5][i])).Loss;
            }
            report.Each(tensor.Name, got, TrainingReference.Wide(TrainingReference.Floats(file, tensor.Name)), relative, absolute);
        }
    }
}
