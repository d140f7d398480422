namespace Lorikeet.Kernels;

/// <summary>The scales of a matrix in four-bit codes: one absolute maximum for each block of the flattened matrix, plain or coded in turn.</summary>
public readonly ref struct FourBitScales
{
    /// <summary>Values of a block; blocks run over the flattened matrix and may cross rows.</summary>
    public required int BlockSize { get; init; }

    /// <summary>The numbers that codes stand for, [16].</summary>
    public required ReadOnlySpan<float> Book { get; init; }

    /// <summary>The absolute maxima, [blocks]; empty: they are coded.</summary>
    public ReadOnlySpan<float> Maxima { get; init; }

    /// <summary>Codes of the maxima, [blocks].</summary>
    public ReadOnlySpan<byte> Codes { get; init; }

    /// <summary>The numbers that these codes stand for, [256].</summary>
    public ReadOnlySpan<float> NestedBook { get; init; }

    /// <summary>The absolute maxima of blocks of codes.</summary>
    public ReadOnlySpan<float> NestedMaxima { get; init; }

    /// <summary>Codes of a block.</summary>
    public int NestedBlockSize { get; init; }

    /// <summary>The mean that was subtracted before the maxima were coded.</summary>
    public float NestedOffset { get; init; }

    /// <summary>The scale of a block: nestedBook[code] * nestedMaxima[block / nestedBlockSize] + offset, each step rounded.</summary>
    /// <param name="block">Its number.</param>
    public float Scale(long block)
    {
        if (!Maxima.IsEmpty)
        {
            return Maxima[(int)block];
        }
        float scaled = NestedBook[Codes[(int)block]] * NestedMaxima[(int)(block / NestedBlockSize)];
        return scaled + NestedOffset;
    }

    /// <summary>Blocks of so many values.</summary>
    /// <param name="values">The values.</param>
    /// <param name="blockSize">Values of a block.</param>
    public static int Blocks(long values, int blockSize) => checked((int)((values + blockSize - 1) / blockSize));

    internal void Check(int outputs, int inputs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BlockSize, 1, nameof(BlockSize));
        int blocks = Blocks((long)outputs * inputs, BlockSize);
        Require.Length(Book.Length, 16, nameof(Book), "[16]");
        if (!Maxima.IsEmpty)
        {
            Require.Length(Maxima.Length, blocks, nameof(Maxima), "[blocks]");
            return;
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(NestedBlockSize, 1, nameof(NestedBlockSize));
        Require.Bytes(Codes.Length, blocks, nameof(Codes));
        Require.Length(NestedBook.Length, 256, nameof(NestedBook), "[256]");
        Require.Length(NestedMaxima.Length, Blocks(blocks, NestedBlockSize), nameof(NestedMaxima), "[blocks of codes]");
    }
}
