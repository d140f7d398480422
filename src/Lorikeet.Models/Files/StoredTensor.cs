namespace Lorikeet.Models.Files;

/// <summary>One tensor of a safetensors file: where its bytes lie, not the bytes themselves.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="Type">How its numbers are written.</param>
/// <param name="Shape">Its extents, slowest first; empty for a scalar.</param>
/// <param name="Offset">Its first byte, counted from the start of the file.</param>
/// <param name="ByteLength">How many bytes it has.</param>
public sealed record StoredTensor(string Name, StoredType Type, IReadOnlyList<long> Shape, long Offset, long ByteLength)
{
    /// <summary>How many numbers it has: the product of its shape.</summary>
    public long Count => ByteLength / Type.Size();
}
