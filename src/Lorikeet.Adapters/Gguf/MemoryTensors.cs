using System.Runtime.InteropServices;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>Float32 tensors in memory, as if they lay in a safetensors file.</summary>
/// <param name="path">Where they come from, for messages.</param>
internal sealed class MemoryTensors(string path) : IStoredTensors
{
    private readonly List<StoredTensor> tensors = [];
    private readonly Dictionary<string, float[]> values = [];

    /// <inheritdoc/>
    public string FilePath => path;

    /// <inheritdoc/>
    public IReadOnlyList<StoredTensor> Tensors => tensors;

    /// <summary>Adds a tensor.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Its extents, slowest first.</param>
    /// <param name="numbers">Its numbers.</param>
    public void Add(string name, long[] shape, float[] numbers)
    {
        values.Add(name, numbers);
        tensors.Add(new StoredTensor(name, StoredType.F32, shape, 0, numbers.LongLength * sizeof(float)));
    }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Bytes(StoredTensor t) => MemoryMarshal.AsBytes<float>(values[t.Name]);

    /// <inheritdoc/>
    public void Read(StoredTensor t, Span<byte> to) => Bytes(t).CopyTo(to);

    /// <inheritdoc/>
    public void ReadSingle(StoredTensor t, Span<float> to) => values[t.Name].CopyTo(to);

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
