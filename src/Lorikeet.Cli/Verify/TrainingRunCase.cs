using System.Text.Json;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify;

/// <summary>One run of the area <c>training</c>: repeated by its settings and compared step by step.</summary>
internal sealed class TrainingRunCase(string folder, JsonElement root, CaseReport report)
{
    private const double GapTolerance = 5e-3;
    private readonly JsonElement settings = root.GetProperty("settings");
    private readonly JsonElement tolerance = root.GetProperty("tolerance");

    /// <summary>Repeats the run.</summary>
    public void Verify()
    {
        RefuseUnbuilt();
        double[] losses = TrainingReference.Numbers(root.GetProperty("losses"));
        using TrainingCaseSession session = new(folder, root, checkpointing: false);
        Trainer trainer = session.Trainer;
        ResidualBase.Compare(folder, root, report);
        string gradients = Path.Combine(folder, "first-gradients.safetensors");
        if (File.Exists(gradients))
        {
            trainer.ComputeGradients();
            using SafetensorsFile file = SafetensorsFile.Open(gradients);
            CompareGradients(report, session.Adapter, session.Model, file, Tolerance("first_gradients"));
            session.Trainee.Data.Position = default;
        }
        CompareContinuations("continuations_before", session);
        List<Batch> heldOut = HeldOut();
        double[] got = new double[losses.Length], norms = new double[losses.Length];
        List<double> rates = [];
        for (int step = 0; step < losses.Length; step++)
        {
            CompareHeldOut(session, heldOut, step);
            StepNumbers numbers = trainer.Next()[0];
            (got[step], norms[step]) = (numbers.Loss, numbers.GradientNorm);
            // Where groups differ, the case gives the rate of each.
            rates.AddRange(RatesOf(step).ValueKind == JsonValueKind.Array ? session.Trainee.Groups.Select(g => numbers.Rate * g.RateFactor) : [numbers.Rate]);
        }
        CompareHeldOut(session, heldOut, losses.Length);
        Each("losses", got, losses, Tolerance("losses"));
        Each("grad_norms", norms, TrainingReference.Numbers(root.GetProperty("grad_norms")), Tolerance("grad_norms"));
        double[] expected = [.. root.GetProperty("learning_rates").EnumerateArray().SelectMany(r => r.ValueKind == JsonValueKind.Array ? TrainingReference.Numbers(r) : [r.GetDouble()])];
        Each("learning_rates", [.. rates], expected, (1e-12, 1e-9));
        CompareContinuations("continuations_after", session);
        CompareFinal(session);
        if (settings.TryGetProperty("gradient_checkpointing", out _))
        {
            CompareCheckpointing(got);
        }
    }

    /// <summary>Compares the gradients in the parameters with a file of them.</summary>
    public static void CompareGradients(
        CaseReport report, TrainedAdapter? adapter, LanguageModel model, SafetensorsFile file, (double Absolute, double Relative) allowed)
    {
        Dictionary<string, Parameter> named = new(StringComparer.Ordinal);
        if (adapter is null)
        {
            foreach (Parameter parameter in model.TrainedParameters)
            {
                named[parameter.Name] = parameter;
            }
        }
        else
        {
            foreach ((string key, Parameter parameter) in adapter.NamedParameters)
            {
                if (parameter.Trainable)
                {
                    named[key.Replace(AdapterFile.Prefix, "", StringComparison.Ordinal)] = parameter;
                }
            }
        }
        int compared = 0;
        foreach (StoredTensor tensor in file.Tensors)
        {
            // PEFT's parameter of a magnitude vector ends in .weight, its tensor in the file does not; a saved module has its wrapper's name.
            string name = tensor.Name.Replace(".modules_to_save.", ".", StringComparison.Ordinal);
            if (!named.TryGetValue(name, out Parameter? parameter) && !(name.EndsWith(".weight", StringComparison.Ordinal) && named.TryGetValue(name[..^7], out parameter)))
            {
                report.Fail($"gradient of {tensor.Name}", "there is no such trained parameter");
                continue;
            }
            compared++;
            double[] got = parameter.HasGradient ? TrainingReference.Wide(parameter.Gradient.Span) : new double[parameter.Value.Shape.Length];
            report.Each($"gradient of {tensor.Name}", got, TrainingReference.Wide(TrainingReference.Floats(file, tensor.Name)), allowed.Relative, allowed.Absolute);
        }
        report.Equal("trained parameters", compared == named.Count, $"{named.Count} are trained, {compared} of the case's {file.Tensors.Count} gradients were found");
    }

    private void RefuseUnbuilt()
    {
        string[] unknown = [.. settings.EnumerateObject().Select(o => o.Name).Where(name => !TrainingCaseSession.Settings.Contains(name))];
        if (unknown.Length > 0)
        {
            throw new NotSupportedException($"{root.GetProperty("what").GetString()}: the settings {string.Join(", ", unknown)} are not built yet");
        }
    }

    private JsonElement RatesOf(int step) => root.GetProperty("learning_rates")[step];

    private (double Absolute, double Relative) Tolerance(string what) => TrainingReference.Tolerance(tolerance.GetProperty(what));

    private void Each(string what, double[] got, double[] expected, (double Absolute, double Relative) allowed) =>
        report.Each(what, got, expected, allowed.Relative, allowed.Absolute);

    private List<Batch> HeldOut()
    {
        if (!root.TryGetProperty("held_out_data", out JsonElement data))
        {
            return [];
        }
        string name = data.GetString()!.Split(' ')[0];
        return BatchFile.Read(Path.Combine(TrainingReference.Beside(folder, name), "batch.safetensors"));
    }

    private void CompareHeldOut(TrainingCaseSession session, List<Batch> heldOut, int step)
    {
        if (heldOut.Count == 0)
        {
            return;
        }
        foreach (JsonElement measured in root.GetProperty("held_out").EnumerateArray())
        {
            if (measured.GetProperty("step").GetInt32() == step)
            {
                double loss = session.Trainer.Evaluate(0, heldOut).Loss;
                Each($"held_out after {step} steps", [loss], [measured.GetProperty("held_out_loss").GetDouble()], Tolerance("held_out"));
            }
        }
    }

    private void CompareContinuations(string what, TrainingCaseSession session)
    {
        if (!root.TryGetProperty(what, out JsonElement list))
        {
            return;
        }
        ByteTokenizer tokenizer = new();
        int number = 0;
        foreach (JsonElement item in list.EnumerateArray())
        {
            string name = $"{what}[{number++}]";
            int[] expected = [.. item.GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32())];
            List<int> all = [.. tokenizer.Encode(item.GetProperty("prompt").GetString()!)];
            int prompt = all.Count;
            double smallest = double.PositiveInfinity;
            bool ended = false;
            for (int i = 0; i < expected.Length; i++)
            {
                (int best, double gap) = session.Next(all);
                smallest = Math.Min(smallest, gap);
                all.Add(best);
            }
            int[] got = [.. all.Skip(prompt)];
            report.Equal($"{name}.tokens", got.AsSpan().SequenceEqual(expected), $"[{string.Join(", ", got)}] computed, [{string.Join(", ", expected)}] expected");
            report.Equal($"{name}.text", tokenizer.Decode(got) == item.GetProperty("text").GetString(), $"{tokenizer.Decode(got)} computed, {item.GetProperty("text")} expected");
            if (expected.Length < 48)
            {
                ended = session.Next(all) is (256, > GapTolerance) || expected[^1] == 256;
            }
            report.Equal($"{name}.ended", ended == item.GetProperty("ended").GetBoolean(), $"{ended} computed, {item.GetProperty("ended")} expected");
            report.Each($"{name}.smallest_gap", [smallest], [item.GetProperty("smallest_gap").GetDouble()], 0.01, GapTolerance);
        }
    }

    private void CompareFinal(TrainingCaseSession session)
    {
        string reference = session.Adapter is null ? Path.Combine(folder, "final.safetensors") : Path.Combine(folder, "adapter-final", AdapterFolder.WeightsName);
        if (!File.Exists(reference))
        {
            return;
        }
        (double Absolute, double Relative) allowed = Tolerance("final_weights");
        string made = Path.Combine(Path.GetTempPath(), "lorikeet-verify-" + Guid.NewGuid().ToString("N"));
        try
        {
            if (session.Adapter is null)
            {
                ModelWriter.Save(session.Model, made, ElementType.F32);
            }
            else
            {
                AdapterFolder.Save(session.Adapter, made);
            }
            using SafetensorsFile got = SafetensorsFile.Open(Path.Combine(made, session.Adapter is null ? "model.safetensors" : AdapterFolder.WeightsName));
            using SafetensorsFile expected = SafetensorsFile.Open(reference);
            report.Equal("tensors", got.Tensors.Count == expected.Tensors.Count, $"{got.Tensors.Count} saved, {expected.Tensors.Count} expected");
            foreach (StoredTensor tensor in expected.Tensors)
            {
                if (!got.TryGet(tensor.Name, out _))
                {
                    report.Fail($"final {tensor.Name}", "it was not saved");
                    continue;
                }
                Each(
                    $"final {tensor.Name}",
                    TrainingReference.Wide(TrainingReference.Floats(got, tensor.Name)),
                    TrainingReference.Wide(TrainingReference.Floats(expected, tensor.Name)),
                    allowed);
            }
        }
        finally
        {
            if (Directory.Exists(made))
            {
                Directory.Delete(made, recursive: true);
            }
        }
    }

    /// <summary>Gradient checkpointing gives the very same losses.</summary>
    private void CompareCheckpointing(double[] losses)
    {
        using TrainingCaseSession session = new(folder, root, checkpointing: true);
        int steps = Math.Min(12, losses.Length);
        bool same = true;
        for (int step = 0; step < steps; step++)
        {
            same &= session.Trainer.Next()[0].Loss.Equals(losses[step]);
        }
        report.Equal("gradient_checkpointing", same, $"the first {steps} losses are not bit-equal to those without");
    }
}
