using System.Text.Json;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify.Quantisation;

/// <summary>A model in four bits: its matrices, its logits, saving it again, quantising the same model anew, and training an adapter through it.</summary>
internal sealed class QuantisedTrainingCase(string folder, JsonElement root, CaseReport report)
{
    private const string Plain = "model-f32";
    private readonly JsonElement settings = root.GetProperty("settings");

    /// <summary>Compares everything.</summary>
    public void Verify()
    {
        string stored = Directory.EnumerateDirectories(folder, "model-*").Select(Path.GetFileName).First(name => name != Plain)!;
        using SafetensorsFile forward = SafetensorsFile.Open(Path.Combine(folder, "forward.safetensors"));
        using LanguageModel model = ModelLoader.Load(Path.Combine(folder, stored));
        using (SafetensorsFile restored = SafetensorsFile.Open(Path.Combine(folder, "restored.safetensors")))
        {
            Matrices("restored", model, restored);
            using LanguageModel anew = ModelLoader.Load(Path.Combine(folder, Plain), new ModelLoadOptions { ConvertTo = WeightFormat.Find(FormatOf(model)) });
            Matrices("quantised anew", anew, restored);
        }
        Logits("logits", model, forward, "logits");
        using (LanguageModel plain = ModelLoader.Load(Path.Combine(folder, Plain)))
        {
            Logits("logits_f32_model", plain, forward, "logits_f32_model");
        }
        SavedAgain(model, forward);
        Train(model, forward);
    }

    private static string FormatOf(LanguageModel model) => model.Tensors.Select(t => t.Weight).OfType<FourBitWeight>().First().Format;

    private void Matrices(string what, LanguageModel model, SafetensorsFile expected)
    {
        Dictionary<string, Weight> weights = model.Tensors.Where(t => t.Weight is FourBitWeight).ToDictionary(t => t.Name, t => t.Weight!);
        report.Equal($"{what}: matrices", weights.Count == expected.Tensors.Count, $"{weights.Count} are quantised, {expected.Tensors.Count} expected");
        foreach (StoredTensor tensor in expected.Tensors)
        {
            if (weights.TryGetValue(tensor.Name, out Weight? weight))
            {
                report.Each($"{what}: {tensor.Name}", TrainingReference.Wide(weight.ToArray()), TrainingReference.Wide(TrainingReference.Floats(expected, tensor.Name)), 1e-6, 1e-7);
            }
            else
            {
                report.Fail($"{what}: {tensor.Name}", "it is not quantised");
            }
        }
    }

    private void Logits(string what, LanguageModel model, SafetensorsFile forward, string expected)
    {
        IReadOnlyList<long> shape = TrainingReference.Tensor(forward, "input_ids").Shape;
        int[] ids = TrainingReference.Integers(forward, "input_ids");
        using ModelRun run = new() { Rows = new Rows([.. Enumerable.Repeat((int)shape[1], (int)shape[0])]) };
        Tensor logits = model.Logits(run, model.Forward(run, Input.Of(ids)));
        (double absolute, double relative) = Tolerance("logits");
        report.Each(what, TrainingReference.Wide(logits.Span), TrainingReference.Wide(TrainingReference.Floats(forward, expected)), relative, absolute);
    }

    private void SavedAgain(LanguageModel model, SafetensorsFile forward)
    {
        string made = Path.Combine(Path.GetTempPath(), "lorikeet-verify-" + Guid.NewGuid().ToString("N"));
        try
        {
            ModelWriter.Save(model, made);
            using LanguageModel again = ModelLoader.Load(made);
            report.Equal("saved again: format", FormatOf(again) == FormatOf(model), $"{FormatOf(again)} saved, {FormatOf(model)} expected");
            Logits("saved again: logits", again, forward, "logits");
        }
        finally
        {
            if (Directory.Exists(made))
            {
                Directory.Delete(made, recursive: true);
            }
        }
    }

    private void Train(LanguageModel model, SafetensorsFile forward)
    {
        string optimizer = settings.GetProperty("optimizer").GetString()!;
        if (optimizer != "torch.optim.AdamW")
        {
            throw new NotSupportedException($"the optimiser {optimizer} is not built yet: this version has {string.Join(", ", Optimizers.All.Keys)}");
        }
        double[] expected = TrainingReference.Numbers(root.GetProperty("losses"));
        using TrainedAdapter adapter = AdapterFolder.Load(Path.Combine(folder, "adapter-initial"), model);
        double[] betas = TrainingReference.Numbers(settings.GetProperty("betas"));
        using Trainee trainee = new(
            "case",
            adapter,
            Trainee.Group(adapter.Parameters, settings.GetProperty("weight_decay").GetDouble(), all: true),
            new FixedBatches(Batches(forward)),
            new AdamW(betas[0], betas[1], settings.GetProperty("eps").GetDouble()),
            Schedule.Create(settings.GetProperty("schedule").GetString()!, new ScheduleSettings { Rate = settings.GetProperty("lr").GetDouble(), Steps = expected.Length }),
            settings.GetProperty("clip").GetDouble());
        using Trainer trainer = new(model, [trainee], new TrainerOptions());
        trainer.ComputeGradients();
        using (SafetensorsFile gradients = SafetensorsFile.Open(Path.Combine(folder, "first-gradients.safetensors")))
        {
            Gradients(adapter, gradients);
        }
        trainee.Data.Position = default;
        double[] losses = [.. expected.Select(_ => trainer.Next()[0].Loss)];
        (double absolute, double relative) = Tolerance("losses");
        report.Each("losses", losses, expected, relative, absolute);
        (absolute, relative) = Tolerance("final_weights");
        using SafetensorsFile final = SafetensorsFile.Open(Path.Combine(folder, "adapter-final", AdapterFolder.WeightsName));
        Dictionary<string, Parameter> named = adapter.NamedParameters.ToDictionary(p => p.Key, p => p.Parameter);
        foreach (StoredTensor tensor in final.Tensors)
        {
            if (named.TryGetValue(tensor.Name, out Parameter? parameter))
            {
                report.Each($"final {tensor.Name}", TrainingReference.Wide(parameter.Value.Span), TrainingReference.Wide(TrainingReference.Floats(final, tensor.Name)), relative, absolute);
            }
            else
            {
                report.Fail($"final {tensor.Name}", "there is no such parameter");
            }
        }
    }

    private void Gradients(TrainedAdapter adapter, SafetensorsFile file)
    {
        // Of a gradient nothing is said; it is as exact as the logits.
        (double absolute, double relative) = Tolerance("logits");
        Dictionary<string, Parameter> named = adapter.NamedParameters.ToDictionary(p => p.Key, p => p.Parameter);
        foreach (StoredTensor tensor in file.Tensors)
        {
            if (named.TryGetValue(tensor.Name, out Parameter? parameter))
            {
                report.Each($"gradient of {tensor.Name}", TrainingReference.Wide(parameter.Gradient.Span), TrainingReference.Wide(TrainingReference.Floats(file, tensor.Name)), relative, absolute);
            }
            else
            {
                report.Fail($"gradient of {tensor.Name}", "there is no such parameter");
            }
        }
    }

    /// <summary>A batch a step: the sequences predict their own next tokens.</summary>
    private static List<Batch> Batches(SafetensorsFile forward)
    {
        IReadOnlyList<long> shape = TrainingReference.Tensor(forward, "training_ids").Shape;
        int steps = (int)shape[0], rows = (int)shape[1], width = (int)shape[2];
        int[] ids = TrainingReference.Integers(forward, "training_ids");
        List<Batch> batches = [];
        for (int step = 0; step < steps; step++)
        {
            int[] tokens = ids.AsSpan(step * rows * width, rows * width).ToArray();
            int[] targets = [.. tokens.Select((_, i) => i % width == width - 1 ? -1 : tokens[i + 1])];
            batches.Add(new Batch(tokens, targets, [.. Enumerable.Repeat(width, rows)]));
        }
        return batches;
    }

    private (double Absolute, double Relative) Tolerance(string what) => TrainingReference.Tolerance(root.GetProperty("tolerance").GetProperty(what));
}
