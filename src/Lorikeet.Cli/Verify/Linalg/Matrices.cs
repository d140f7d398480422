using System.Runtime.InteropServices;
using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Cli.Verify.Linalg;

/// <summary>The tensors of a case, by name; it remembers which were asked for.</summary>
/// <param name="file">The tensors.</param>
/// <param name="description">Its case.json.</param>
internal sealed class Matrices(SafetensorsFile file, string description)
{
    private readonly HashSet<string> unread = [.. file.Tensors.Select(t => t.Name)];

    /// <summary>Tensors that nobody asked for.</summary>
    public IReadOnlyCollection<string> Unread => unread;

    /// <summary>The names before <c>.last</c>.</summary>
    public IEnumerable<string> Groups(string last) => file.Tensors
        .Where(t => t.Name.EndsWith("." + last, StringComparison.Ordinal))
        .Select(t => t.Name[..^(last.Length + 1)])
        .Order(StringComparer.Ordinal);

    /// <summary>Names that begin with <paramref name="prefix"/>, and what follows.</summary>
    public IEnumerable<(string Name, string Tail)> After(string prefix) => file.Tensors
        .Where(t => t.Name.StartsWith(prefix, StringComparison.Ordinal))
        .Select(t => (t.Name, t.Name[prefix.Length..]));

    /// <summary>Whether there is a tensor.</summary>
    public bool Has(string name) => file.TryGet(name, out _);

    /// <summary>A tensor's numbers as float64.</summary>
    public double[] Values(string name)
    {
        StoredTensor tensor = Find(name);
        return tensor.Type switch
        {
            StoredType.F64 => MemoryMarshal.Cast<byte, double>(file.Bytes(tensor)).ToArray(),
            StoredType.U8 => [.. file.Bytes(tensor).ToArray().Select(v => (double)v)],
            StoredType.I64 => [.. MemoryMarshal.Cast<byte, long>(file.Bytes(tensor)).ToArray().Select(v => (double)v)],
            _ => TrainingReference.Wide(TensorFiles.Floats(file, tensor)),
        };
    }

    /// <summary>A tensor's integers.</summary>
    public int[] Integers(string name) => [.. Values(name).Select(v => checked((int)v))];

    /// <summary>A tensor as a matrix; one axis is a column.</summary>
    public Matrix64 Matrix(string name)
    {
        IReadOnlyList<long> shape = Find(name).Shape;
        double[] values = Values(name);
        int rows = checked((int)shape[0]);
        return Matrix64.Of(rows, rows == 0 ? 0 : values.Length / rows, values);
    }

    /// <summary>The matrices along a tensor's first axis.</summary>
    public Matrix64[] Blocks(string name)
    {
        IReadOnlyList<long> shape = Find(name).Shape;
        double[] values = Values(name);
        int rows = checked((int)shape[1]), columns = shape.Count > 2 ? checked((int)shape[2]) : 1;
        return [.. Enumerable.Range(0, checked((int)shape[0])).Select(i => Matrix64.Of(rows, columns, values.AsSpan(i * rows * columns, rows * columns)))];
    }

    /// <summary>A number of case.json's <c>small</c> section.</summary>
    public double Small(string group, string name)
    {
        using JsonDocument json = SafeJson.ReadObject(description);
        return json.RootElement.GetProperty("small").GetProperty(group).GetProperty(name).GetDouble();
    }

    private StoredTensor Find(string name)
    {
        unread.Remove(name);
        return TrainingReference.Tensor(file, name);
    }
}
