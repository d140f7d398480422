using Lorikeet.Kernels;

namespace Lorikeet.Models.Files;

/// <summary>One tensor of a GGUF file: where its bytes lie, not the bytes themselves.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="TypeId">The number of its type.</param>
/// <param name="TypeName">The name of its type: <c>Q4_K</c>.</param>
/// <param name="Extents">Its extents, fastest first: a matrix of [outputs, inputs] has inputs, outputs.</param>
/// <param name="Offset">Its first byte, counted from the start of the file.</param>
/// <param name="ByteLength">How many bytes it has.</param>
public sealed record GgufTensor(string Name, int TypeId, string TypeName, IReadOnlyList<long> Extents, long Offset, long ByteLength)
{
    /// <summary>How its rows are stored; null for a type whose numbers are not read here.</summary>
    public BlockFormat? Format { get; } = BlockFormat.Find(TypeId);

    /// <summary>The length of a row: the fastest extent.</summary>
    public long RowLength => Extents[0];

    /// <summary>How many rows it has: the product of all other extents.</summary>
    public long Rows => Extents.Skip(1).Aggregate(1L, (a, b) => a * b);

    /// <summary>How many numbers it has.</summary>
    public long Count => RowLength * Rows;

    /// <summary>Its extents, slowest first, as other formats give them.</summary>
    public IReadOnlyList<long> Shape => [.. Extents.Reverse()];
}
