using System.Text.Json;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify.Quantisation;

/// <summary>Linear layers as bitsandbytes saves them: read, multiplied both ways, written again; and made from the unquantised weight.</summary>
internal sealed class FourBitLayersCase(string folder, JsonElement root, CaseReport report)
{
    private readonly (double Absolute, double Relative) allowed = TrainingReference.Tolerance(root.GetProperty("tolerance").GetProperty("outputs"));

    /// <summary>Compares every layer.</summary>
    public void Verify()
    {
        using SafetensorsFile values = SafetensorsFile.Open(Path.Combine(folder, "values.safetensors"));
        foreach (JsonElement layer in root.GetProperty("layers").EnumerateArray())
        {
            Layer(layer, values);
        }
    }

    private void Layer(JsonElement layer, SafetensorsFile values)
    {
        string name = layer.GetProperty("name").GetString()!;
        int outputs = layer.GetProperty("out").GetInt32(), inputs = layer.GetProperty("in").GetInt32();
        using TensorFolder file = TensorFolder.OpenFile(Path.Combine(folder, $"layer-{name}.safetensors"));
        FolderSource source = new(file);
        using FourBitWeight weight = (FourBitWeight)source.Matrix("layer.weight", outputs, inputs);
        using Parameter? bias = layer.GetProperty("bias").GetBoolean() ? source.Vector("layer.bias", outputs) : null;
        Compare("restored", weight.ToArray());
        using (Parameter x = new("x", TrainingReference.Load(values, name + ".x")), dy = new("dy", TrainingReference.Load(values, name + ".dy")))
        {
            using Run run = new() { Tape = new Tape() };
            run.Tape.Begin(run);
            Tensor input = run.Use(x);
            Tensor y = Linear.Forward(run, weight.Prepare(run, input), weight, bias?.Value ?? default);
            Compare("y", y.Span);
            run.Tape.Backward(run, y, dy.Value);
            Compare("dx", x.Gradient.Span);
            using Run served = new();
            Compare("y", Linear.Forward(served, weight.Prepare(served, x.Value), weight, bias?.Value ?? default).Span, " without a tape");
        }
        using FourBitWeight made = FourBitWeight.Quantise(
            TrainingReference.Floats(values, name + ".weight"), outputs, inputs, layer.GetProperty("quant_type").GetString()!, layer.GetProperty("double").GetBoolean());
        Compare("restored", made.ToArray(), " from the unquantised weight");
        Written(name, weight, file);
        Written(name, made, file);
        State(name, weight.State, layer.GetProperty("quant_state_json"));

        void Compare(string what, ReadOnlySpan<float> got, string how = "")
        {
            if (values.TryGet($"{name}.{what}", out _))
            {
                double[] expected = TrainingReference.Wide(TrainingReference.Floats(values, $"{name}.{what}"));
                report.Each($"{name}.{what}{how}", TrainingReference.Wide(got), expected, allowed.Relative, allowed.Absolute);
            }
        }
    }

    private void State(string name, FourBitState state, JsonElement json)
    {
        report.Equal($"{name}.quant_type", json.GetProperty("quant_type").GetString() == state.Kind, $"{state.Kind} read, {json} expected");
        report.Equal($"{name}.blocksize", json.GetProperty("blocksize").GetInt32() == state.BlockSize, $"{state.BlockSize} read, {json} expected");
        if (json.TryGetProperty("nested_blocksize", out JsonElement nested))
        {
            report.Equal($"{name}.nested_blocksize", nested.GetInt32() == state.NestedBlockSize, $"{state.NestedBlockSize} read, {json} expected");
            report.Equal($"{name}.nested_offset", json.GetProperty("nested_offset").GetDouble() == state.NestedOffset, $"{state.NestedOffset:R} read, {json} expected");
        }
    }

    // The tensors that are written have the names, types, shapes and bytes of those that were read; the JSON may be spaced differently.
    private void Written(string name, FourBitWeight weight, TensorFolder file)
    {
        string made = Path.Combine(Path.GetTempPath(), "lorikeet-verify-" + Guid.NewGuid().ToString("N") + ".safetensors");
        try
        {
            SafetensorsWriter.Write(made, new Dictionary<string, string>(), [.. BitsAndBytes.ToWrite("layer.weight", weight, "float32")]);
            using SafetensorsFile written = SafetensorsFile.Open(made);
            foreach (string tensor in file.Names.Where(n => n.StartsWith("layer.weight", StringComparison.Ordinal)))
            {
                file.TryGet(tensor, out StoredTensor? expected, out SafetensorsFile? from);
                if (!written.TryGet(tensor, out StoredTensor? got) || got.Type != expected!.Type)
                {
                    report.Fail($"{name}: {tensor} as written", "it is absent, or of another type");
                    continue;
                }
                ReadOnlySpan<byte> wanted = from!.Bytes(expected), bytes = written.Bytes(got);
                if (tensor.Contains("quant_state", StringComparison.Ordinal))
                {
                    using JsonDocument a = SafeJson.Parse(wanted.ToArray(), tensor), b = SafeJson.Parse(bytes.ToArray(), tensor);
                    report.Equal($"{name}: {tensor} as written", JsonElement.DeepEquals(a.RootElement, b.RootElement), $"{b.RootElement} written, {a.RootElement} expected");
                    continue;
                }
                report.Equal($"{name}: {tensor} as written", bytes.SequenceEqual(wanted) && got.Shape.SequenceEqual(expected.Shape), FourBitBlocksCase.Differ(wanted, bytes));
            }
        }
        finally
        {
            File.Delete(made);
        }
    }
}
