using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify;

/// <summary>Area <c>optimizers</c>: traces of optimisers on given gradients, schedules, clipping, averages, casts.</summary>
internal sealed class OptimizersVerifier : IVerifier
{
    // Which optimiser of ours a case's original is.
    private static readonly Dictionary<string, string> Originals = new(StringComparer.Ordinal)
    {
        ["torch.optim.AdamW"] = "adamw",
        ["torch.optim.Adam"] = "adam",
        ["torch.optim.SGD"] = "sgd",
        ["google/automl lion/lion_pytorch.py"] = "lion",
    };

    /// <inheritdoc/>
    public string Area => "optimizers";

    /// <inheritdoc/>
    public IEnumerable<string> Cases(string folder) => TrainingReference.Cases(folder);

    /// <inheritdoc/>
    public void Verify(string folder, CaseReport report)
    {
        using JsonDocument json = TrainingReference.Read(folder);
        JsonElement root = json.RootElement;
        if (root.TryGetProperty("schedules", out JsonElement schedules))
        {
            VerifySchedules(schedules, TrainingReference.Tolerance(root.GetProperty("tolerance")), report);
        }
        else if (root.TryGetProperty("cases", out JsonElement cases) && File.Exists(Path.Combine(folder, "gradients.safetensors")))
        {
            VerifyClip(folder, cases, TrainingReference.Tolerance(root.GetProperty("tolerance")), report);
        }
        else if (File.Exists(Path.Combine(folder, "ema.safetensors")))
        {
            VerifyAverages(folder, TrainingReference.Tolerance(root.GetProperty("tolerance")), report);
        }
        else if (File.Exists(Path.Combine(folder, "casts.safetensors")))
        {
            VerifyCasts(folder, report);
        }
        else if (root.TryGetProperty("snapshots", out _))
        {
            VerifyTrace(folder, root, report);
        }
        else
        {
            throw new NotSupportedException($"{root.GetProperty("what").GetString()}: not built yet");
        }
    }

    private static void VerifyTrace(string folder, JsonElement root, CaseReport report)
    {
        string source = root.GetProperty("source").GetString()!;
        if (!Originals.TryGetValue(source, out string? name))
        {
            throw new NotSupportedException($"the optimiser of {source} is not built yet: this version has {string.Join(", ", Optimizers.All.Keys)}");
        }
        JsonElement settings = root.GetProperty("settings");
        IOptimizer optimizer = Optimizers.Create(name, Settings(settings, out double decay));
        double[] rates = TrainingReference.Numbers(root.GetProperty("lr"));
        HashSet<int> snapshots = [.. root.GetProperty("snapshots").EnumerateArray().Select(e => e.GetInt32())];
        (double absolute, double relative) = TrainingReference.Tolerance(root.GetProperty("tolerance"));
        string inputs = TrainingReference.Beside(folder, root.TryGetProperty("inputs", out JsonElement named) ? named.GetString()! : "inputs");
        using SafetensorsFile starts = SafetensorsFile.Open(Path.Combine(inputs, "params.safetensors"));
        using SafetensorsFile gradients = SafetensorsFile.Open(Path.Combine(inputs, "gradients.safetensors"));
        using SafetensorsFile trace = SafetensorsFile.Open(Path.Combine(folder, "trace.safetensors"));
        HashSet<string> compared = [];
        List<(string Name, Parameter Parameter, float[] Gradients, Tensor Gradient, OptimizerState State)> items = [];
        try
        {
            foreach (JsonElement element in root.GetProperty("parameters").EnumerateArray())
            {
                string key = element.GetString()!;
                Parameter parameter = new(key, TrainingReference.Load(starts, key));
                items.Add((key, parameter, TrainingReference.Floats(gradients, "grad." + key), Storage.Zeros(parameter.Value.Shape), optimizer.Begin(parameter)));
            }
            int steps = root.GetProperty("steps").GetInt32();
            Update[] updates = new Update[items.Count];
            for (int step = 1; step <= steps; step++)
            {
                for (int i = 0; i < updates.Length; i++)
                {
                    (_, Parameter parameter, float[] all, Tensor gradient, OptimizerState state) = items[i];
                    all.AsSpan((step - 1) * gradient.Span.Length, gradient.Span.Length).CopyTo(gradient.Span);
                    updates[i] = new Update(parameter, gradient, state, rates[step - 1], decay);
                }
                optimizer.Step(updates);
                if (!snapshots.Contains(step))
                {
                    continue;
                }
                string prefix = string.Create(CultureInfo.InvariantCulture, $"step{step:D2}.");
                foreach ((string key, Parameter parameter, _, _, OptimizerState state) in items)
                {
                    Compare($"{prefix}param.{key}", parameter.Value.Span);
                    for (int i = 0; i < state.Names.Count; i++)
                    {
                        Compare($"{prefix}state.{key}.{state.Names[i]}", state.Tensors[i].Span);
                    }
                    string count = $"{prefix}state.{key}.step";
                    if (trace.TryGet(count, out _))
                    {
                        Compare(count, [state.Steps]);
                    }
                }
            }
        }
        finally
        {
            foreach ((_, Parameter parameter, _, Tensor gradient, OptimizerState state) in items)
            {
                parameter.Dispose();
                gradient.Free();
                state.Dispose();
            }
        }
        report.Equal("tensors", compared.Count == trace.Tensors.Count, $"{compared.Count} of the case's {trace.Tensors.Count} tensors were compared");

        void Compare(string tensor, ReadOnlySpan<float> got)
        {
            compared.Add(tensor);
            report.Each(tensor, TrainingReference.Wide(got), TrainingReference.Wide(TrainingReference.Floats(trace, tensor)), relative, absolute);
        }
    }

    private static OptimizerSettings Settings(JsonElement json, out double decay)
    {
        OptimizerSettings settings = new();
        decay = 0;
        foreach (JsonProperty option in json.EnumerateObject())
        {
            JsonElement value = option.Value;
            switch (option.Name)
            {
                case "betas": settings = settings with { Beta1 = value[0].GetDouble(), Beta2 = value[1].GetDouble() }; break;
                case "eps": settings = settings with { Eps = value.GetDouble() }; break;
                case "weight_decay": decay = value.GetDouble(); break;
                case "momentum": settings = settings with { Momentum = value.GetDouble() }; break;
                case "dampening": settings = settings with { Dampening = value.GetDouble() }; break;
                case "nesterov": settings = settings with { Nesterov = value.GetBoolean() }; break;
                default: throw new NotSupportedException($"the optimiser's setting {option.Name} is not built yet");
            }
        }
        return settings;
    }

    private static void VerifySchedules(JsonElement schedules, (double Absolute, double Relative) tolerance, CaseReport report)
    {
        int number = 0;
        foreach (JsonElement item in schedules.EnumerateArray())
        {
            string kind = item.GetProperty("kind").GetString()!;
            ScheduleSettings settings = new()
            {
                Rate = item.GetProperty("lr").GetDouble(),
                Warmup = Integer(item.GetProperty("warmup_steps")),
                Steps = Integer(item.GetProperty("training_steps")),
            };
            foreach (JsonProperty option in item.GetProperty("options").EnumerateObject())
            {
                settings = With(settings, option);
            }
            double[] expected = TrainingReference.Numbers(item.GetProperty("values"));
            Schedule schedule = Schedule.Create(kind, settings);
            double[] got = [.. Enumerable.Range(0, expected.Length).Select(schedule.Rate)];
            report.Each($"{number++}: {kind} {item.GetProperty("options").GetRawText()}", got, expected, tolerance.Relative, tolerance.Absolute);
        }

        static int Integer(JsonElement value) => value.ValueKind == JsonValueKind.Null ? 0 : value.GetInt32();
    }

    private static ScheduleSettings With(ScheduleSettings settings, JsonProperty option) => option.Name switch
    {
        "num_cycles" => settings with { Cycles = option.Value.GetDouble() },
        "lr_end" => settings with { EndRate = option.Value.GetDouble() },
        "power" => settings with { Power = option.Value.GetDouble() },
        "timescale" => settings with { TimeScale = option.Value.GetDouble() },
        "min_lr" => settings with { MinimumRate = option.Value.GetDouble() },
        "min_lr_rate" or "min_lr_ratio" => settings with { MinimumShare = option.Value.GetDouble() },
        "warmup_lr_rate" => settings with { WarmupShare = option.Value.GetDouble() },
        "num_decay_steps" => settings with { DecaySteps = option.Value.GetInt32() },
        "decay_type" => settings with { DecayShape = option.Value.GetString() },
        "warmup_type" => settings with { WarmupShape = option.Value.GetString() },
        _ => throw new NotSupportedException($"the schedule's option {option.Name} is not built yet"),
    };

    private static void VerifyClip(string folder, JsonElement cases, (double Absolute, double Relative) tolerance, CaseReport report)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "gradients.safetensors"));
        foreach (JsonElement item in cases.EnumerateArray())
        {
            string name = item.GetProperty("name").GetString()!;
            JsonElement type = item.GetProperty("norm_type");
            NormKind kind = type.ValueKind == JsonValueKind.String ? NormKind.Infinity : type.GetDouble() switch
            {
                2 => NormKind.Two,
                1 => NormKind.One,
                double other => throw new NotSupportedException($"the {other}-norm is not built yet"),
            };
            Tensor[] tensors = new Tensor[item.GetProperty("tensors").GetArrayLength()];
            for (int i = 0; i < tensors.Length; i++)
            {
                tensors[i] = TrainingReference.Load(file, $"{name}.before.{i}");
            }
            float norm = GradientClip.Norm(tensors, kind);
            GradientClip.Apply(tensors, item.GetProperty("max_norm").GetDouble(), norm);
            report.Each($"{name}.norm", [norm], TrainingReference.Wide(TrainingReference.Floats(file, $"{name}.norm")), tolerance.Relative, tolerance.Absolute);
            string found = float.IsNaN(norm) ? "nan" : float.IsInfinity(norm) ? "inf" : "finite";
            report.Equal($"{name}.norm_is", item.GetProperty("norm_is").GetString() == found, $"{found} computed, {item.GetProperty("norm_is")} expected");
            for (int i = 0; i < tensors.Length; i++)
            {
                float[] expected = TrainingReference.Floats(file, $"{name}.after.{i}");
                report.Each($"{name}.after.{i}", TrainingReference.Wide(tensors[i].Span), TrainingReference.Wide(expected), tolerance.Relative, tolerance.Absolute);
                tensors[i].Free();
            }
        }
    }

    private static void VerifyAverages(string folder, (double Absolute, double Relative) tolerance, CaseReport report)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "ema.safetensors"));
        float[] weights = TrainingReference.Floats(file, "weights");
        IReadOnlyList<long> shape = TrainingReference.Tensor(file, "weights").Shape;
        int length = checked((int)(weights.Length / shape[0]));
        foreach (StoredTensor tensor in file.Tensors.Where(t => t.Name.StartsWith("average-", StringComparison.Ordinal)))
        {
            double decay = double.Parse(tensor.Name["average-".Length..], CultureInfo.InvariantCulture);
            float[] got = new float[weights.Length];
            using Parameter parameter = new("weights", Storage.Zeros(new Shape(length)));
            using MovingAverage average = new(parameter, decay);
            for (int update = 0; update < shape[0]; update++)
            {
                weights.AsSpan(update * length, length).CopyTo(parameter.Value.Span);
                average.Add();
                average.Value.Span.CopyTo(got.AsSpan(update * length));
            }
            float[] expected = TrainingReference.Floats(file, tensor.Name);
            report.Each(tensor.Name, TrainingReference.Wide(got), TrainingReference.Wide(expected), tolerance.Relative, tolerance.Absolute);
        }
    }

    private static void VerifyCasts(string folder, CaseReport report)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "casts.safetensors"));
        float[] input = MemoryMarshal.Cast<int, float>(TrainingReference.Integers(file, "input.bits")).ToArray();
        foreach ((string name, ElementType type) in new[] { ("bf16", ElementType.BF16), ("f16", ElementType.F16) })
        {
            byte[] narrow = new byte[2 * input.Length];
            Casting.FromSingle(input, type, narrow);
            float[] back = new float[input.Length];
            Casting.ToSingle(narrow, type, back);
            ushort[] bits = MemoryMarshal.Cast<byte, ushort>(narrow).ToArray();
            int[] expectedBits = TrainingReference.Integers(file, name + ".bits"), expectedBack = TrainingReference.Integers(file, name + ".back");
            int wrong = -1;
            for (int i = 0; i < input.Length && wrong < 0; i++)
            {
                float expected = BitConverter.Int32BitsToSingle(expectedBack[i]);
                bool same = float.IsNaN(expected) ? float.IsNaN(back[i]) : bits[i] == (ushort)expectedBits[i] && BitConverter.SingleToInt32Bits(back[i]) == expectedBack[i];
                wrong = same ? -1 : i;
            }
            report.Equal(name, wrong < 0, wrong < 0 ? "" : $"element {wrong}: {input[wrong]:G9} gives {bits[wrong]:X4}, {expectedBits[wrong]:X4} expected");
        }
        foreach (string name in file.Tensors.Select(t => t.Name).Where(n => n.EndsWith(".bits", StringComparison.Ordinal) && n.StartsWith("f8", StringComparison.Ordinal)))
        {
            report.Unsupported($"casts to {name[..^5]} are not built yet");
        }
        if (File.Exists(Path.Combine(folder, "stochastic.safetensors")))
        {
            report.Unsupported("stochastic rounding is not built yet");
        }
    }
}
