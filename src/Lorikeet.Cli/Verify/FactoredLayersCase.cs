using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify;

/// <summary>A case of sparse-plus-low-rank layers: products, the whole matrix, every gradient, sizes and starts.</summary>
internal static class FactoredLayersCase
{
    /// <summary>True where a case's layers are factored.</summary>
    public static bool Is(JsonElement root) =>
        root.TryGetProperty("layers", out JsonElement layers) && layers.ValueKind == JsonValueKind.Array && layers.EnumerateArray().All(l => l.TryGetProperty("sp_ratio", out _));

    /// <summary>Runs it.</summary>
    public static void Verify(string folder, JsonElement root, CaseReport report)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "layers.safetensors"));
        (double absolute, double relative) = TrainingReference.Tolerance(root.GetProperty("tolerance"));
        foreach (JsonElement layer in root.GetProperty("layers").EnumerateArray())
        {
            Layer(file, layer, report, absolute, relative);
        }
    }

    private static void Layer(SafetensorsFile file, JsonElement layer, CaseReport report, double absolute, double relative)
    {
        string name = layer.GetProperty("name").GetString()!;
        int inputs = layer.GetProperty("in").GetInt32(), outputs = layer.GetProperty("out").GetInt32(), rank = layer.GetProperty("r").GetInt32();
        bool learned = layer.GetProperty("trainable_scaling").GetBoolean(), biased = layer.GetProperty("bias").GetBoolean();
        float scale = (float)(layer.GetProperty("lora_alpha").GetDouble() / rank);
        Parameter a = Own("A"), b = Own("B"), values = Own("values");
        Parameter? scaling = learned ? Own("scaling") : null;
        using Parameter? bias = biased ? Own("bias") : null;
        long[] positions = [.. TrainingReference.Integers(file, $"{name}.indices").Select(i => (long)i)];
        using FactoredWeight weight = new(
            new TrainableWeight(a), new TrainableWeight(b), scale, new SparseEntries(positions, values, outputs, inputs), scaling);
        report.Each($"{name}.scale", [weight.Scale], [layer.GetProperty("scale").GetDouble()], relative, absolute);
        report.Equal($"{name}.nnz", positions.Length == layer.GetProperty("nnz").GetInt32(), $"{positions.Length} places");
        long trained = weight.Count + (bias is null ? 0 : outputs);
        report.Equal($"{name}.trainable", trained == layer.GetProperty("trainable").GetInt64(), $"{trained} numbers train, {layer.GetProperty("trainable")} expected");
        Each("W", weight.ToArray());
        Starts(file, layer, report, weight, name);

        float[] x = TrainingReference.Floats(file, $"{name}.x"), dy = TrainingReference.Floats(file, $"{name}.dy");
        using Parameter input = new("x", Filled(new Shape(x.Length / inputs, inputs), x));
        using Parameter upper = new("dy", Filled(new Shape(dy.Length / outputs, outputs), dy), trainable: false);
        using Run run = new() { Tape = new Tape() };
        run.Tape.Begin(run);
        Tensor at = run.Use(input);
        Tensor y = Linear.Forward(run, weight.Prepare(run, at), weight, bias is null ? default : run.Use(bias));
        Each("y", y.Span);
        run.Tape.Backward(run, y, upper.Value);
        Each("dx", input.Gradient.Span);
        Each("dA", a.Gradient.Span);
        Each("dB", b.Gradient.Span);
        Each("dvalues", values.Gradient.Span);
        if (bias is not null)
        {
            Each("dbias", bias.Gradient.Span);
        }
        if (scaling is not null)
        {
            Each("dscaling", scaling.Gradient.Span);
        }

        Parameter Own(string part) => new($"{name}.{part}", TrainingReference.Load(file, $"{name}.{part}"));

        void Each(string part, ReadOnlySpan<float> got) => report.Each(
            $"{name}.{part}", TrainingReference.Wide(got), TrainingReference.Wide(TrainingReference.Floats(file, $"{name}.{part}")), relative, absolute);
    }

    // Random starts differ from ours by the generator; their sizes and range do not.
    private static void Starts(SafetensorsFile file, JsonElement layer, CaseReport report, FactoredWeight weight, string name)
    {
        double bound = 1 / Math.Sqrt(weight.Inputs);
        bool learned = weight.Scaling is not null;
        using FactoredWeight own = FactoredWeight.SparseStart(
            "", new CounterRandom(1), weight.Outputs, weight.Inputs, weight.Rank, learned ? null : weight.Scale, layer.GetProperty("sp_ratio").GetDouble());
        report.Equal($"{name}.start entries", own.Sparse!.Count == weight.Sparse!.Count, $"{own.Sparse.Count} entries, {weight.Sparse.Count} expected");
        foreach ((string part, float[] ours) in new[] { ("A", own.A.ToArray()), ("values", own.Sparse.Values.Value.Span.ToArray()) })
        {
            float[] theirs = TrainingReference.Floats(file, $"{name}.init.{part}");
            report.Equal($"{name}.init.{part} count", ours.Length == theirs.Length, $"{ours.Length} numbers, {theirs.Length} expected");
            report.AtMost($"{name}.init.{part}", Math.Max(theirs.Max(Math.Abs), ours.Max(Math.Abs)), bound * (1 + 1e-6));
        }
        report.AtMost($"{name}.init.B", own.B.ToArray().Max(Math.Abs), 0);
    }

    private static Tensor Filled(Shape shape, ReadOnlySpan<float> values)
    {
        Tensor tensor = Storage.Zeros(shape);
        values.CopyTo(tensor.Span);
        return tensor;
    }
}
