using System.Text.Json;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify;

/// <summary>Area <c>training</c>: whole runs step by step, packing, losses.</summary>
internal sealed class TrainingVerifier : IVerifier
{
    /// <inheritdoc/>
    public string Area => "training";

    /// <inheritdoc/>
    public IEnumerable<string> Cases(string folder) => TrainingReference.Cases(folder).Concat(DataCase.Cases(folder)).Order(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void Verify(string folder, CaseReport report)
    {
        using JsonDocument json = TrainingReference.Read(folder);
        JsonElement root = json.RootElement;
        if (root.TryGetProperty("losses", out _) && root.TryGetProperty("settings", out _))
        {
            new TrainingRunCase(folder, root, report).Verify();
        }
        else if (root.TryGetProperty("loss_packed", out _))
        {
            VerifyPacked(folder, root, report);
        }
        else if (root.TryGetProperty("outlier_percent", out _))
        {
            LayerShareCase.Verify(folder, root, report);
        }
        else if (DataCase.Find(folder) is not null)
        {
            DataCase.Verify(folder, report);
        }
        else if (File.Exists(Path.Combine(folder, "losses.safetensors")))
        {
            LossCase.Verify(folder, root, report);
        }
        else
        {
            throw new NotSupportedException($"{(root.TryGetProperty("what", out JsonElement what) ? what.GetString() : "a case of this form")}: not built yet");
        }
    }

    /// <summary>Several documents in one row: equal to the documents one by one.</summary>
    private static void VerifyPacked(string folder, JsonElement root, CaseReport report)
    {
        using LanguageModel model = ModelLoader.Load(Path.Combine(folder, "..", "bases", root.GetProperty("base").GetString()!));
        using TrainedAdapter adapter = AdapterFolder.Load(Path.Combine(folder, "adapter"), model);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "batch.safetensors"));
        int[] ids = TrainingReference.Integers(file, "input_ids"), labels = TrainingReference.Integers(file, "labels");
        int[] positions = TrainingReference.Integers(file, "position_ids"), segments = TrainingReference.Integers(file, "segments");
        IReadOnlyList<long> shape = TrainingReference.Tensor(file, "input_ids").Shape;
        int width = (int)shape[1];
        List<int> tokens = [], targets = [], lengths = [], rowOf = [];
        bool restart = true;
        for (int start = 0; start < ids.Length;)
        {
            int end = start + 1;
            while (end < ids.Length && end % width != 0 && segments[end] == segments[start])
            {
                end++;
            }
            if (segments[start] >= 0)
            {
                lengths.Add(end - start);
                for (int i = start; i < end; i++)
                {
                    restart &= positions[i] == i - start;
                    tokens.Add(ids[i]);
                    targets.Add(i + 1 < end ? labels[i + 1] : -1);
                    rowOf.Add(i);
                }
            }
            start = end;
        }
        report.Equal("position_ids", restart, "positions of the case do not start anew in each document");
        Batch batch = new([.. tokens], [.. targets], [.. lengths]);
        report.Equal("targets", batch.TargetCount == root.GetProperty("targets").GetInt32(), $"{batch.TargetCount} computed, {root.GetProperty("targets")} expected");
        JsonElement tolerance = root.GetProperty("tolerance");
        (double absolute, double relative) = TrainingReference.Tolerance(tolerance.GetProperty("loss"));
        using (Trainee trainee = Plain(adapter, batch))
        using (Trainer trainer = new(model, [trainee], new TrainerOptions()))
        {
            double packed = trainer.ComputeGradients()[0];
            report.Each("loss_packed", [packed], [root.GetProperty("loss_packed").GetDouble()], relative, absolute);
            using SafetensorsFile gradients = SafetensorsFile.Open(Path.Combine(folder, "gradients.safetensors"));
            TrainingRunCase.CompareGradients(report, adapter, model, gradients, TrainingReference.Tolerance(tolerance.GetProperty("gradients")));
        }
        int at = 0;
        List<Batch> alone = [];
        foreach (int length in lengths)
        {
            alone.Add(new Batch([.. tokens.GetRange(at, length)], [.. targets.GetRange(at, length)], [length]));
            at += length;
        }
        report.Each("loss_separate", [Evaluator.Run(model, adapter, alone).Loss], [root.GetProperty("loss_separate").GetDouble()], relative, absolute);
        using ModelRun run = new() { Rows = new Rows([.. lengths]), Plan = BatchPlan.For(adapter, tokens.Count) };
        Tensor logits = model.Logits(run, model.Forward(run, Input.Of([.. tokens])));
        float[] expected = TrainingReference.Floats(file, "logits_of_row_0");
        List<float> got = [], wanted = [];
        for (int i = 0; i < rowOf.Count && rowOf[i] < width; i++)
        {
            got.AddRange(logits.Row(i));
            wanted.AddRange(expected.AsSpan(rowOf[i] * logits.Width, logits.Width));
        }
        (absolute, relative) = TrainingReference.Tolerance(tolerance.GetProperty("logits"));
        report.Numbers("logits_of_row_0", [.. got], [.. wanted], relative, absolute);
    }

    private static Trainee Plain(TrainedAdapter adapter, Batch batch) => new(
        "packed",
        adapter,
        Trainee.Group(adapter.Parameters, 0, all: true),
        new FixedBatches([batch]),
        new AdamW(),
        Schedule.Create("constant", new ScheduleSettings { Rate = 0 }),
        null);
}
