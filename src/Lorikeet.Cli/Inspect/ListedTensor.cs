using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Inspect;

/// <summary>What is known of a stored tensor, whatever its file.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="Shape">Its extents, slowest first.</param>
/// <param name="Type">How its numbers are stored: <c>BF16</c>, <c>Q4_K</c>.</param>
/// <param name="Bytes">How many bytes it has.</param>
/// <param name="Count">How many numbers it has.</param>
internal sealed record ListedTensor(string Name, IReadOnlyList<long> Shape, string Type, long Bytes, long Count)
{
    /// <summary>A tensor of a safetensors file.</summary>
    public static ListedTensor Of(StoredTensor tensor) => new(tensor.Name, tensor.Shape, tensor.Type.Name(), tensor.ByteLength, tensor.Count);

    /// <summary>All tensors of a model folder.</summary>
    public static IReadOnlyList<ListedTensor> All(TensorFolder files) =>
        [.. files.Names.Select(n => files.TryGet(n, out StoredTensor? tensor, out _) ? Of(tensor) : throw new KeyNotFoundException(n))];

    /// <summary>All tensors of a GGUF file.</summary>
    public static IReadOnlyList<ListedTensor> All(GgufFile file) =>
        [.. file.Tensors.Select(t => new ListedTensor(t.Name, t.Shape, t.TypeName, t.ByteLength, t.Count))];
}
