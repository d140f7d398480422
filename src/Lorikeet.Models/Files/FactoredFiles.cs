using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Files;

/// <summary>Low-rank and sparse-plus-low-rank matrices in safetensors files, under the names of SLTrain's own code.</summary>
/// <remarks>
/// In the place of MODULE.weight: MODULE.lora_A [rank, inputs], MODULE.lora_B [outputs, rank]; where there are entries MODULE.sparse_value [entries] and
/// MODULE.sparse_index [entries], I32 or I64, row-major and ascending; where the scale is learned MODULE.scaling [1]. config.json says alpha, s = alpha / rank.
/// </remarks>
public static class FactoredFiles
{
    /// <summary>The key in config.json.</summary>
    public const string ConfigKey = "factored_weights";

    private const string A = "lora_A", B = "lora_B", Value = "sparse_value", Index = "sparse_index", Scaling = "scaling";

    /// <summary>Reads a matrix; null where the file has it in another form.</summary>
    /// <param name="folder">The files.</param>
    /// <param name="name">The name of the whole matrix, MODULE.weight.</param>
    /// <param name="outputs">The rows it should have.</param>
    /// <param name="inputs">The columns it should have.</param>
    /// <param name="config">What config.json holds, or null.</param>
    /// <exception cref="BadFileException">A tensor is missing, has another shape, or places that make no sense.</exception>
    public static FactoredWeight? TryRead(TensorFolder folder, string name, int outputs, int inputs, JsonObject? config)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string module = Module(name);
        if (!folder.TryGet(module + A, out StoredTensor? first, out _) || folder.TryGet(name, out _, out _))
        {
            return null;
        }
        if (first.Shape is not [var rank, var width] || rank is < 1 or > int.MaxValue || width != inputs)
        {
            throw Wrong(folder, first, $"[rank, {inputs}]");
        }
        List<IDisposable> made = [];
        try
        {
            DenseWeight a = Keep(Matrix(folder, module + A, (int)rank, inputs)), b = Keep(Matrix(folder, module + B, outputs, (int)rank));
            Parameter? scaling = folder.TryGet(module + Scaling, out _, out _) ? Keep(Vector(folder, module + Scaling, 1)) : null;
            SparseEntries? sparse = folder.TryGet(module + Value, out _, out _) ? Keep(Entries(folder, module, outputs, inputs)) : null;
            return new FactoredWeight(a, b, scaling is null ? Alpha(folder, config) / rank : 0f, sparse, scaling);
        }
        catch
        {
            made.ForEach(m => m.Dispose());
            throw;
        }

        T Keep<T>(T part)
            where T : IDisposable
        {
            made.Add(part);
            return part;
        }
    }

    /// <summary>The rows of a matrix that is stored as factors; null where it is not.</summary>
    /// <param name="folder">The files.</param>
    /// <param name="name">The name of the whole matrix.</param>
    internal static int? Rows(TensorFolder folder, string name) =>
        folder.TryGet(Module(name) + B, out StoredTensor? tensor, out _) && tensor.Shape is [> 0 and <= int.MaxValue, _] ? (int)tensor.Shape[0] : null;

    /// <summary>The names of the tensors that stand for a matrix, as far as a file may have them.</summary>
    /// <param name="name">The name of the whole matrix.</param>
    public static IEnumerable<string> Names(string name) => new[] { A, B, Value, Index, Scaling }.Select(part => Module(name) + part);

    /// <summary>The tensors of a matrix.</summary>
    /// <param name="name">The name of the whole matrix.</param>
    /// <param name="weight">The matrix.</param>
    /// <param name="type">The format of its numbers; null: as its factors are kept.</param>
    internal static IEnumerable<TensorToWrite> ToWrite(string name, FactoredWeight weight, ElementType? type)
    {
        string module = Module(name);
        ElementType kept = type ?? ElementType.F32;
        yield return Factor(A, weight.A);
        yield return Factor(B, weight.B);
        if (weight.Sparse is { } sparse)
        {
            yield return new TensorToWrite(module + Value, Stored(kept), [sparse.Count], to => TensorToWrite.WriteSingle(sparse.Values.Value.Span, kept, to));
            yield return (long)weight.Outputs * weight.Inputs <= int.MaxValue
                ? new TensorToWrite(module + Index, StoredType.I32, [sparse.Count], to => to.Write(MemoryMarshal.AsBytes(sparse.Positions().Select(p => (int)p).ToArray().AsSpan())))
                : new TensorToWrite(module + Index, StoredType.I64, [sparse.Count], to => to.Write(MemoryMarshal.AsBytes(sparse.Positions().AsSpan())));
        }
        if (weight.Scaling is { } scaling)
        {
            yield return new TensorToWrite(module + Scaling, StoredType.F32, [1], to => TensorToWrite.WriteSingle(scaling.Value.Span, ElementType.F32, to));
        }

        TensorToWrite Factor(string part, Weight factor)
        {
            ElementType own = type ?? (factor as DenseWeight)?.Type ?? ElementType.F32;
            return new TensorToWrite(module + part, Stored(own), [factor.Outputs, factor.Inputs], to => TensorToWrite.WriteSingle(factor.ToArray(), own, to));
        }
    }

    /// <summary>What config.json says about the factored matrices of a model.</summary>
    /// <param name="weights">The matrices.</param>
    /// <exception cref="NotSupportedException">They differ in alpha.</exception>
    internal static JsonObject? Describe(IReadOnlyList<FactoredWeight> weights)
    {
        if (weights.Count == 0)
        {
            return null;
        }
        float[] alphas = [.. weights.Where(w => w.Scaling is null).Select(w => MathF.Round(w.Scale * w.Rank, 4)).Distinct()];
        return alphas.Length > 1
            ? throw new NotSupportedException($"factored matrices of one model have one alpha, found {string.Join(", ", alphas)}: save them merged")
            : new JsonObject { ["alpha"] = alphas.Length == 0 ? 1f : alphas[0], ["rank"] = weights.Max(w => w.Rank), ["entries"] = weights.Sum(w => (long)(w.Sparse?.Count ?? 0)) };
    }

    private static string Module(string name) => name.EndsWith("weight", StringComparison.Ordinal) ? name[..^"weight".Length] : name + ".";

    private static float Alpha(TensorFolder folder, JsonObject? config)
    {
        JsonNode? alpha = config?[ConfigKey] is JsonObject own ? own["alpha"] : null;
        return alpha is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double number) && double.IsFinite(number) && Math.Abs(number) <= 1e6
            ? (float)number
            : throw new BadFileException($"{folder.Folder}: the weights are stored as factors, but config.json has no {ConfigKey} with an alpha; expected {{\"{ConfigKey}\": {{\"alpha\": 32}}}}.");
    }

    private static StoredTensor Find(TensorFolder folder, string name, out SafetensorsFile file) => folder.TryGet(name, out StoredTensor? tensor, out SafetensorsFile? found)
        ? Both(tensor, found, out file)
        : throw new BadFileException($"{folder.Folder} has no tensor {name}, which belongs to the factors beside it.");

    private static StoredTensor Both(StoredTensor tensor, SafetensorsFile found, out SafetensorsFile file)
    {
        file = found;
        return tensor;
    }

    private static DenseWeight Matrix(TensorFolder folder, string name, int outputs, int inputs)
    {
        StoredTensor tensor = Find(folder, name, out SafetensorsFile file);
        if (tensor.Shape is not [var rows, var columns] || rows != outputs || columns != inputs)
        {
            throw Wrong(folder, tensor, $"[{outputs}, {inputs}]");
        }
        return SafetensorsFile.ToElementType(tensor.Type) is { } type
            ? new DenseWeight(file.Bytes(tensor), type, outputs, inputs, type)
            : throw Wrong(folder, tensor, "numbers in F32, BF16 or F16");
    }

    private static Parameter Vector(TensorFolder folder, string name, long length)
    {
        StoredTensor tensor = Find(folder, name, out SafetensorsFile file);
        if (tensor.Shape is not [var found] || found != length || length > int.MaxValue)
        {
            throw Wrong(folder, tensor, $"[{length.ToString(CultureInfo.InvariantCulture)}]");
        }
        Tensor value = Storage.Zeros(new Shape((int)length));
        try
        {
            file.ReadSingle(tensor, value.Span);
        }
        catch
        {
            value.Free();
            throw;
        }
        return new Parameter(name, value, trainable: false);
    }

    private static SparseEntries Entries(TensorFolder folder, string module, int outputs, int inputs)
    {
        StoredTensor places = Find(folder, module + Index, out SafetensorsFile file);
        if (places.Shape is not [var count] || count > (long)outputs * inputs || places.Type is not (StoredType.I32 or StoredType.I64))
        {
            throw Wrong(folder, places, "[entries] places in I32 or I64");
        }
        ReadOnlySpan<byte> bytes = file.Bytes(places);
        long[] positions = new long[count];
        for (int i = 0; i < positions.Length; i++)
        {
            positions[i] = places.Type == StoredType.I64 ? BinaryPrimitives.ReadInt64LittleEndian(bytes[(8 * i)..]) : BinaryPrimitives.ReadInt32LittleEndian(bytes[(4 * i)..]);
        }
        Parameter values = Vector(folder, module + Value, count);
        try
        {
            return new SparseEntries(positions, values, outputs, inputs);
        }
        catch (ArgumentException e)
        {
            values.Dispose();
            throw new BadFileException($"{folder.Folder}: tensor {places.Name} of a matrix [{outputs}, {inputs}]: {e.Message}", e);
        }
    }

    private static StoredType Stored(ElementType type) => type switch
    {
        ElementType.F32 => StoredType.F32,
        ElementType.BF16 => StoredType.BF16,
        _ => StoredType.F16,
    };

    private static BadFileException Wrong(TensorFolder folder, StoredTensor tensor, string expected) =>
        new($"{folder.Folder}: tensor {tensor.Name} is {tensor.Type.Name()} [{string.Join(", ", tensor.Shape)}]; expected {expected}.");
}
