using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>How the codes of a <see cref="FourBitWeight"/> become numbers: bitsandbytes' quant state.</summary>
public sealed record FourBitState
{
    /// <summary>The kind of code book: <c>nf4</c> or <c>fp4</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>Values of a block of the flattened matrix.</summary>
    public required int BlockSize { get; init; }

    /// <summary>The numbers that codes stand for, [16].</summary>
    public required float[] Book { get; init; }

    /// <summary>The blocks' absolute maxima; null: they are coded ("double quantisation").</summary>
    public float[]? Maxima { get; init; }

    /// <summary>Codes of the maxima.</summary>
    public byte[]? Codes { get; init; }

    /// <summary>The numbers that these codes stand for, [256].</summary>
    public float[]? NestedBook { get; init; }

    /// <summary>The absolute maxima of blocks of codes.</summary>
    public float[]? NestedMaxima { get; init; }

    /// <summary>Codes of a block.</summary>
    public int NestedBlockSize { get; init; }

    /// <summary>The mean that was subtracted before the maxima were coded.</summary>
    public float NestedOffset { get; init; }

    /// <summary>True where the maxima are coded.</summary>
    public bool Double => Maxima is null;

    /// <summary>Bytes of all scales; code books are not counted.</summary>
    public long Bytes => ((Maxima?.LongLength ?? 0) * sizeof(float)) + (Codes?.LongLength ?? 0) + ((NestedMaxima?.LongLength ?? 0) * sizeof(float));

    /// <summary>As the kernels take it.</summary>
    public FourBitScales Scales => new()
    {
        BlockSize = BlockSize,
        Book = Book,
        Maxima = Maxima,
        Codes = Codes,
        NestedBook = NestedBook,
        NestedMaxima = NestedMaxima,
        NestedBlockSize = NestedBlockSize,
        NestedOffset = NestedOffset,
    };
}
