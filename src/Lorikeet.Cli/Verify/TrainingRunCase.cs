using System.Text.Json;
using System.Text.Json.Nodes;
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

    private string Folder => folder;

    private JsonElement Root => root;

    /// <summary>Repeats the run.</summary>
    public void Verify()
    {
        RefuseUnbuilt();
        bool full = !Directory.Exists(Path.Combine(folder, "adapter-initial"));
        double[] losses = TrainingReference.Numbers(root.GetProperty("losses"));
        using Session session = new(this, full, checkpointing: false);
        Trainer trainer = session.Trainer;
        CompareStart(losses);
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
        double[] got = new double[losses.Length], norms = new double[losses.Length], rates = new double[losses.Length];
        for (int step = 0; step < losses.Length; step++)
        {
            CompareHeldOut(session, heldOut, step);
            StepNumbers numbers = trainer.Next()[0];
            (got[step], norms[step], rates[step]) = (numbers.Loss, numbers.GradientNorm, numbers.Rate);
        }
        CompareHeldOut(session, heldOut, losses.Length);
        Each("losses", got, losses, Tolerance("losses"));
        Each("grad_norms", norms, TrainingReference.Numbers(root.GetProperty("grad_norms")), Tolerance("grad_norms"));
        Each("learning_rates", rates, TrainingReference.Numbers(root.GetProperty("learning_rates")), (1e-12, 1e-9));
        CompareContinuations("continuations_after", session);
        CompareFinal(session);
        if (settings.TryGetProperty("gradient_checkpointing", out _))
        {
            CompareCheckpointing(full, got);
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
        List<string> unknown = [];
        foreach (JsonProperty option in settings.EnumerateObject())
        {
            switch (option.Name)
            {
                case "optimizer":
                    string optimizer = option.Value.GetString()!;
                    if (optimizer != "torch.optim.AdamW")
                    {
                        throw new NotSupportedException($"the optimiser {optimizer} is not built yet: this version has {string.Join(", ", Optimizers.All.Keys)}");
                    }
                    break;
                case "lr" or "betas" or "eps" or "weight_decay" or "no_decay" or "schedule" or "warmup_steps" or "training_steps" or "clip" or "accumulation"
                    or "scale" or "r" or "lora_alpha" or "gradient_checkpointing" or "loss_convention" or "pissa":
                    break;
                default:
                    unknown.Add(option.Name);
                    break;
            }
        }
        if (unknown.Count > 0)
        {
            throw new NotSupportedException($"{root.GetProperty("what").GetString()}: the settings {string.Join(", ", unknown)} are not built yet");
        }
    }

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

    private void CompareHeldOut(Session session, List<Batch> heldOut, int step)
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

    /// <summary>Where the adapter took over a part of the base: what our own decomposition leaves of it, and the losses of the same run beside the whole base.</summary>
    private void CompareStart(double[] losses)
    {
        if (!File.Exists(Residual))
        {
            return;
        }
        using Session session = new(this, full: false, checkpointing: false, ownStart: true);
        using SafetensorsFile file = SafetensorsFile.Open(Residual);
        foreach (StoredTensor tensor in file.Tensors)
        {
            string module = tensor.Name[..tensor.Name.LastIndexOf('.')];
            if (session.Model.Find(module) is LinearSite site && session.Adapter?[site] is LowRankSite { Start: { } start })
            {
                float[] left = site.Weight.ToArray();
                MatrixProduct.Multiply(start.B.Value.Span, false, start.A.Value.Span, false, left, site.Outputs, site.Inputs, start.Rank, -start.Scale, true);
                Each($"residual {module}", TrainingReference.Wide(left), TrainingReference.Wide(TrainingReference.Floats(file, tensor.Name)), Tolerance("final_weights"));
            }
            else
            {
                report.Fail($"residual {module}", "the adapter took over nothing there");
            }
        }
        Each("losses beside the whole base", [.. losses.Select(_ => session.Trainer.Next()[0].Loss)], losses, Tolerance("losses"));
    }

    /// <summary>The base that the run was made over, where that is not the whole one.</summary>
    private string Residual => Path.Combine(folder, "residual-base.safetensors");

    private void CompareContinuations(string what, Session session)
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

    private void CompareFinal(Session session)
    {
        (double Absolute, double Relative) allowed = Tolerance("final_weights");
        string made = Path.Combine(Path.GetTempPath(), "lorikeet-verify-" + Guid.NewGuid().ToString("N"));
        try
        {
            string reference = session.Adapter is null ? Path.Combine(folder, "final.safetensors") : Path.Combine(folder, "adapter-final", AdapterFolder.WeightsName);
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
    private void CompareCheckpointing(bool full, double[] losses)
    {
        using Session session = new(this, full, checkpointing: true);
        int steps = Math.Min(12, losses.Length);
        bool same = true;
        for (int step = 0; step < steps; step++)
        {
            same &= session.Trainer.Next()[0].Loss.Equals(losses[step]);
        }
        report.Equal("gradient_checkpointing", same, $"the first {steps} losses are not bit-equal to those without");
    }

    /// <summary>Model, adapter and trainer of the case.</summary>
    private sealed class Session : IDisposable
    {
        private readonly ModelRun run = new();

        public Session(TrainingRunCase owner, bool full, bool checkpointing, bool ownStart = false)
        {
            JsonElement settings = owner.settings;
            string name = owner.Root.GetProperty("base").GetString()!;
            List<Batch> batches = BatchFile.Read(Path.Combine(TrainingReference.Beside(owner.Folder, owner.Root.GetProperty("data").GetString()!), "batches.safetensors"));
            Model = ModelLoader.Load(Path.Combine(owner.Folder, "..", "bases", name));
            if (full)
            {
                Model.MakeTrainable();
            }
            else if (ownStart || !File.Exists(owner.Residual))
            {
                Adapter = AdapterFolder.Load(Path.Combine(owner.Folder, "adapter-initial"), Model);
            }
            else
            {
                Adapter = OverResidual(owner);
            }
            int accumulation = settings.GetProperty("accumulation").GetInt32();
            double decay = settings.GetProperty("weight_decay").GetDouble();
            ScheduleSettings schedule = new()
            {
                Rate = settings.GetProperty("lr").GetDouble(),
                Warmup = settings.TryGetProperty("warmup_steps", out JsonElement warmup) ? warmup.GetInt32() : 0,
                Steps = settings.GetProperty("training_steps").GetInt32(),
            };
            AdamW optimizer = new(
                settings.TryGetProperty("betas", out JsonElement betas) ? betas[0].GetDouble() : 0.9,
                settings.TryGetProperty("betas", out betas) ? betas[1].GetDouble() : 0.999,
                settings.TryGetProperty("eps", out JsonElement eps) ? eps.GetDouble() : 1e-8);
            Trainee = new Trainee(
                name,
                Adapter,
                Groups(settings, decay),
                new FixedBatches(batches),
                optimizer,
                Schedule.Create(settings.GetProperty("schedule").GetString()!, schedule),
                settings.TryGetProperty("clip", out JsonElement clip) ? clip.GetDouble() : null);
            Trainer = new Trainer(Model, [Trainee], new TrainerOptions { Accumulation = accumulation, Checkpointing = checkpointing, Mean = Mean(settings) });
        }

        public LanguageModel Model { get; }

        public TrainedAdapter? Adapter { get; }

        public Trainee Trainee { get; }

        public Trainer Trainer { get; }

        /// <summary>The likeliest next token, and how far it is before the second.</summary>
        public (int Best, double Gap) Next(List<int> tokens)
        {
            run.Arena.Reset();
            run.OwnForwards = true;
            run.Rows = new Rows(tokens.Count);
            run.Plan = BatchPlan.For(Adapter, tokens.Count);
            Tensor hidden = Model.Forward(run, Input.Of([.. tokens]));
            run.Plan = null;
            Span<float> logits = Model.Logits(run, hidden.ViewRows(tokens.Count - 1, 1)).Row(0);
            int best = Reduce.ArgMax(logits);
            float most = logits[best];
            logits[best] = float.NegativeInfinity;
            return (best, most - Reduce.Max(logits));
        }

        public void Dispose()
        {
            Trainer.Dispose();
            Trainee.Dispose();
            run.Dispose();
            Adapter?.Dispose();
            Model.Dispose();
        }

        /// <summary>As a published residual model is used: its weights are the base, and the adapter is a plain one.</summary>
        private TrainedAdapter OverResidual(TrainingRunCase owner)
        {
            using SafetensorsFile file = SafetensorsFile.Open(owner.Residual);
            Model.Exchange((tensor, weight) => file.TryGet(tensor, out _) ? new DenseWeight(TrainingReference.Floats(file, tensor), weight.Outputs, weight.Inputs) : weight);
            string plain = Directory.CreateTempSubdirectory("lorikeet-verify-").FullName;
            try
            {
                string given = Path.Combine(owner.Folder, "adapter-initial");
                File.Copy(Path.Combine(given, AdapterFolder.WeightsName), Path.Combine(plain, AdapterFolder.WeightsName));
                JsonObject config = AdapterFolder.ReadConfig(given);
                config["init_lora_weights"] = true;
                File.WriteAllText(Path.Combine(plain, AdapterFolder.ConfigName), config.ToJsonString());
                return AdapterFolder.Load(plain, Model);
            }
            finally
            {
                Directory.Delete(plain, recursive: true);
            }
        }

        private static LossMean Mean(JsonElement settings) =>
            !settings.TryGetProperty("loss_convention", out JsonElement convention) ? LossMean.Tokens
            : convention.GetString() == "mean of micro-batch means" ? LossMean.MicroBatches
            : throw new NotSupportedException($"the loss convention {convention.GetString()} is not built yet");

        private IReadOnlyList<ParameterGroup> Groups(JsonElement settings, double decay)
        {
            IEnumerable<Parameter> parameters = Adapter?.Parameters ?? Model.TrainedParameters;
            HashSet<string> plain = settings.TryGetProperty("no_decay", out JsonElement names) ? [.. names.EnumerateArray().Select(n => n.GetString()!)] : [];
            ILookup<bool, Parameter> parted = parameters.Where(p => p.Trainable).ToLookup(p => plain.Contains(p.Name));
            return [new ParameterGroup("decayed", [.. parted[false]], decay), new ParameterGroup("plain", [.. parted[true]], 0)];
        }
    }
}
