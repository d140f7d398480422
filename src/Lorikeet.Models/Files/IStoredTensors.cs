namespace Lorikeet.Models.Files;

/// <summary>Tensors by the names and types of a safetensors file, whatever holds them.</summary>
public interface IStoredTensors : IDisposable
{
    /// <summary>Where they come from.</summary>
    string FilePath { get; }

    /// <summary>The tensors.</summary>
    IReadOnlyList<StoredTensor> Tensors { get; }

    /// <summary>The bytes of a tensor.</summary>
    /// <param name="t">One of <see cref="Tensors"/>.</param>
    ReadOnlySpan<byte> Bytes(StoredTensor t);

    /// <summary>Reads the bytes of a tensor; several threads may read at once.</summary>
    /// <param name="t">One of <see cref="Tensors"/>.</param>
    /// <param name="to">Receives all of them; as long as the tensor.</param>
    void Read(StoredTensor t, Span<byte> to);

    /// <summary>Reads a tensor as float32, whatever float type it is stored as.</summary>
    /// <param name="t">One of <see cref="Tensors"/>.</param>
    /// <param name="to">Receives all its numbers; as long as the tensor.</param>
    void ReadSingle(StoredTensor t, Span<float> to);
}
