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
        else if (File.Exists(Path.Combine(folder, "maps.safetensors")))
        {
            VerifyCodes(folder, report);
        }
        else if (FactoredLayersCase.Is(root))
        {
            FactoredLayersCase.Verify(folder, root, report);
        }
        else if (root.TryGetProperty("snapshots", out _))
        {
            OptimizerTrace.Verify(folder, root, report);
        }
        else
        {
            throw new NotSupportedException($"{root.GetProperty("what").GetString()}: not built yet");
        }
    }

    private static void VerifyCodes(string folder, CaseReport report)
    {
        using SafetensorsFile maps = SafetensorsFile.Open(Path.Combine(folder, "maps.safetensors")), blocks = SafetensorsFile.Open(Path.Combine(folder, "blocks.safetensors"));
        foreach ((string map, CodeBook codes) in new[] { ("signed", CodeBook.Dynamic8), ("unsigned", CodeBook.UnsignedDynamic8) })
        {
            report.Each(map, TrainingReference.Wide(codes.Values), TrainingReference.Wide(TrainingReference.Floats(maps, map)), 2e-7, 0);
            foreach (string name in blocks.Tensors.Select(t => t.Name).Where(n => n.Contains($".{map}.", StringComparison.Ordinal) && n.EndsWith(".codes", StringComparison.Ordinal)))
            {
                string start = name[..^".codes".Length];
                int size = int.Parse(start[(start.LastIndexOf('.') + 1)..], CultureInfo.InvariantCulture);
                float[] input = TrainingReference.Floats(blocks, start[..start.LastIndexOf('.')] + ".input"), restored = new float[input.Length];
                byte[] got = new byte[input.Length];
                List<float> largest = [];
                for (int at = 0; at < input.Length; at += size)
                {
                    int count = Math.Min(size, input.Length - at);
                    largest.Add(codes.Store(input.AsSpan(at, count), got.AsSpan(at, count)));
                    codes.Restore(got.AsSpan(at, count), largest[^1], restored.AsSpan(at, count));
                }
                byte[] expected = TrainingReference.Bytes(blocks, name);
                int wrong = got.AsSpan().CommonPrefixLength(expected);
                report.Equal(name, wrong == expected.Length, wrong == expected.Length ? "" : $"element {wrong}: {input[wrong]:G9} gives {got[wrong]}, {expected[wrong]} expected");
                report.Each(start + ".absmax", TrainingReference.Wide([.. largest]), TrainingReference.Wide(TrainingReference.Floats(blocks, start + ".absmax")), 0, 1e-37);
                report.Each(start + ".restored", TrainingReference.Wide(restored), TrainingReference.Wide(TrainingReference.Floats(blocks, start + ".restored")), 1e-7, 1e-37);
            }
        }
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
        foreach ((string name, Func<float, byte> to, Func<byte, float> from) in new (string, Func<float, byte>, Func<byte, float>)[]
            { ("f8_e4m3fn", Float8.ToE4M3, Float8.FromE4M3), ("f8_e5m2", Float8.ToE5M2, Float8.FromE5M2) })
        {
            Exact(name + ".bits", [.. input.Select(v => (int)to(v))], TrainingReference.Integers(file, name + ".bits"), i => float.IsNaN(input[i]));
            Singles(name + ".back", [.. input.Select(v => from(to(v)))], TrainingReference.Integers(file, name + ".back"));
            using SafetensorsFile values = SafetensorsFile.Open(Path.Combine(folder, "fp8.safetensors"));
            Singles(name + ".values", [.. Enumerable.Range(0, 256).Select(code => from((byte)code))], TrainingReference.Integers(values, name + ".values.bits"));
        }
        using SafetensorsFile stochastic = SafetensorsFile.Open(Path.Combine(folder, "stochastic.safetensors"));
        float[] numbers = MemoryMarshal.Cast<int, float>(TrainingReference.Integers(stochastic, "input.bits")).ToArray();
        int[] random = TrainingReference.Integers(stochastic, "random16");
        Exact(
            "stochastic bf16",
            [.. numbers.Zip(random, (v, r) => (int)StochasticRounding.ToBF16(v, (ushort)r))],
            [.. TrainingReference.Integers(stochastic, "bf16.bits").Select(b => b & 0xFFFF)],
            i => float.IsNaN(numbers[i]));

        void Singles(string what, float[] got, int[] expected) => Exact(
            what, [.. got.Select(BitConverter.SingleToInt32Bits)], expected, i => float.IsNaN(got[i]) && float.IsNaN(BitConverter.Int32BitsToSingle(expected[i])));

        void Exact(string what, int[] got, int[] expected, Func<int, bool> free)
        {
            int wrong = Enumerable.Range(0, expected.Length).FirstOrDefault(i => i >= got.Length || (got[i] != expected[i] && !free(i)), -1);
            report.Equal(what, wrong < 0, wrong < 0 ? "" : $"element {wrong}: {got[wrong]:X} computed, {expected[wrong]:X} expected");
        }
    }
}
