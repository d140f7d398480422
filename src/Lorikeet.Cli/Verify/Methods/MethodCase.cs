using System.Text.Json;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify.Methods;

/// <summary>One case of a method: its settings, its tensors, its tolerance, and the linear layer that most cases have.</summary>
internal sealed class MethodCase : IDisposable
{
    private readonly JsonDocument json;
    private readonly SafetensorsFile? tensors;

    public MethodCase(string folder, CaseReport report)
    {
        Report = report;
        json = SafeJson.ReadObject(Path.Combine(folder, "case.json"));
        string path = Path.Combine(folder, "tensors.safetensors");
        tensors = File.Exists(path) ? SafetensorsFile.Open(path) : null;
        Card = json.RootElement.GetProperty("card").GetString() ?? "";
    }

    public CaseReport Report { get; }

    public string Card { get; }

    public bool Has(string tensor) => tensors?.TryGet(tensor, out _) == true;

    public JsonElement? Option(string name) => Member("options", name);

    public JsonElement? Value(string name) => Member("values", name);

    public int Integer(string option) =>
        Option(option)?.GetInt32() ?? throw new InvalidDataException($"case.json: options.{option} is missing");

    public float Number(string option, float absent) => Option(option) is { } value ? (float)value.GetDouble() : absent;

    public IReadOnlyList<long> Shape(string tensor) => Stored(tensor).Shape;

    public float[] Read(string tensor)
    {
        StoredTensor stored = Stored(tensor);
        float[] values = new float[stored.Count];
        if (stored.Type == StoredType.I32)
        {
            ReadOnlySpan<int> whole = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, int>(tensors!.Bytes(stored));
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = whole[i];
            }
        }
        else
        {
            tensors!.ReadSingle(stored, values);
        }
        return values;
    }

    /// <summary>A matrix of the file as a parameter, transposed where asked.</summary>
    public Parameter Matrix(string tensor, bool transposed = false)
    {
        IReadOnlyList<long> shape = Shape(tensor);
        int width = (int)shape[^1], rows = (int)(Stored(tensor).Count / Math.Max(width, 1));
        float[] values = Read(tensor);
        return transposed ? Make(tensor, Turned(values, rows), new Shape(width, rows)) : Make(tensor, values, new Shape(rows, width));
    }

    public Parameter Vector(string tensor)
    {
        float[] values = Read(tensor);
        return Make(tensor, values, new Shape(values.Length));
    }

    public static Parameter Make(string name, float[] values, Shape shape)
    {
        Tensor value = Storage.Zeros(shape);
        values.CopyTo(value.Span);
        return new Parameter(name, value);
    }

    /// <summary>The transpose of a matrix of so many rows.</summary>
    public static float[] Turned(ReadOnlySpan<float> values, int rows)
    {
        int columns = values.Length / Math.Max(rows, 1);
        float[] turned = new float[values.Length];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                turned[(j * rows) + i] = values[(i * columns) + j];
            }
        }
        return turned;
    }

    /// <summary>The frozen layer of the case.</summary>
    public OneLayer Layer()
    {
        IReadOnlyList<long> shape = Shape("weight");
        Parameter? bias = Has("bias") ? Vector("bias") : null;
        if (bias is not null)
        {
            bias.Trainable = false;
        }
        return OneLayer.Of(new DenseWeight(Read("weight"), (int)shape[0], (int)shape[1]), bias);
    }

    public void Compare(string what, ReadOnlySpan<float> got, string tensor)
    {
        if (Has(tensor))
        {
            Report.Numbers(what, got, Read(tensor), Tolerance("relative"), Tolerance("absolute"));
        }
    }

    public void CompareCount(long got)
    {
        if (Value("parameters") is { } expected)
        {
            Report.Equal("parameters", got == expected.GetInt64(), $"{got} computed, {expected} expected");
        }
    }

    public void CompareNumber(string what, double got)
    {
        if (Value(what) is { } expected)
        {
            Report.Each(what, [got], [expected.GetDouble()], Tolerance("relative"), Tolerance("absolute"));
        }
    }

    /// <summary>Runs the layer with its change on x, both ways it can run, and compares y, all gradients and the merged weight.</summary>
    /// <param name="model">The layer.</param>
    /// <param name="change">The change.</param>
    /// <param name="gradients">Each gradient's name in the file, and how to bring ours into its layout.</param>
    public void CompareLayer(OneLayer model, SiteAdapter change, params ReadOnlySpan<(string Tensor, Func<float[]> Read)> gradients)
    {
        using Adapter adapter = new("case", model);
        adapter.Set(model.Layer, change);
        using Parameter x = Matrix("x");
        int rows = x.Value.Rows;
        using (ModelRun served = new() { Plan = BatchPlan.For(adapter, rows) })
        {
            Compare("y", model.Logits(served, x.Value).Span, "y");
        }
        using ModelRun run = new() { Tape = new Tape(), Plan = BatchPlan.For(adapter, rows) };
        run.Tape.Begin(run);
        Tensor y = model.Logits(run, run.Use(x));
        Compare("y recorded", y.Span, "y");
        if (Has("gy"))
        {
            using Parameter seed = Matrix("gy");
            run.Tape.Backward(run, y, seed.Value);
            Compare("grad.x", x.Gradient.Span, "grad.x");
            foreach ((string tensor, Func<float[]> read) in gradients)
            {
                Compare(tensor, read(), tensor);
            }
        }
        if (Has("merged.weight"))
        {
            float[] weight = Read("weight"), bias = new float[model.Layer.Outputs];
            Report.Equal("merges", change.Merge(model.Layer, weight, bias), "the change says it cannot be merged");
            Compare("merged.weight", weight, "merged.weight");
        }
        CompareCount(adapter.ParameterCount);
    }

    public void Dispose()
    {
        json.Dispose();
        tensors?.Dispose();
    }

    private StoredTensor Stored(string tensor) =>
        tensors is not null && tensors.TryGet(tensor, out StoredTensor? stored)
            ? stored
            : throw new InvalidDataException($"tensors.safetensors: {tensor} is missing");

    // Read where it is used: cards that are not built yet may write theirs in words.
    private double Tolerance(string part) => json.RootElement.GetProperty("tolerance").GetProperty(part).GetDouble();

    private JsonElement? Member(string group, string name) =>
        json.RootElement.TryGetProperty(group, out JsonElement members) && members.TryGetProperty(name, out JsonElement value) ? value : null;
}
