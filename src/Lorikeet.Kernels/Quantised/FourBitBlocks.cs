namespace Lorikeet.Kernels;

/// <summary>Blockwise quantising by a code book, as bitsandbytes does it: x / absolute maximum of its block, to the nearest number of the book.</summary>
/// <remarks>Source: bitsandbytes.functional quantize_4bit and quantize_blockwise; Dettmers et al., arXiv 2305.14314.</remarks>
public static class FourBitBlocks
{
    /// <summary>Codes of a flattened matrix, two a byte, the first in the HIGH nibble; an odd count is filled up with the code of 0.</summary>
    /// <param name="values">The matrix, row by row.</param>
    /// <param name="book">16 numbers.</param>
    /// <param name="blockSize">Values of a block, even.</param>
    /// <param name="packed">Receives ceil(values / 2) bytes.</param>
    /// <param name="maxima">Receives the blocks' absolute maxima.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public static void Quantise(ReadOnlySpan<float> values, CodeBook book, int blockSize, Span<byte> packed, Span<float> maxima)
    {
        ArgumentNullException.ThrowIfNull(book);
        ArgumentOutOfRangeException.ThrowIfLessThan(blockSize, 2);
        ArgumentOutOfRangeException.ThrowIfNotEqual(blockSize % 2, 0, nameof(blockSize));
        Require.Bytes(packed.Length, (values.Length + 1) / 2, nameof(packed));
        Require.Length(maxima.Length, FourBitScales.Blocks(values.Length, blockSize), nameof(maxima), "[blocks]");
        Span<byte> codes = new byte[blockSize];
        for (int block = 0, at = 0; at < values.Length; block++, at += blockSize)
        {
            ReadOnlySpan<float> own = values.Slice(at, Math.Min(blockSize, values.Length - at));
            maxima[block] = book.Store(own, codes);
            for (int i = 0; i < own.Length; i += 2)
            {
                byte second = i + 1 < own.Length ? codes[i + 1] : book.Nearest(0);
                packed[(at + i) / 2] = (byte)((codes[i] << 4) | second);
            }
        }
    }

    /// <summary>Codes of absolute maxima in turn ("double quantisation"): the mean is subtracted, blocks of 256 are coded with <see cref="CodeBook.Dynamic8"/>.</summary>
    /// <param name="maxima">The maxima.</param>
    /// <param name="blockSize">Maxima of a block.</param>
    /// <param name="codes">Receives a byte for each.</param>
    /// <param name="nestedMaxima">Receives the blocks' absolute maxima.</param>
    /// <returns>The mean.</returns>
    public static float QuantiseScales(ReadOnlySpan<float> maxima, int blockSize, Span<byte> codes, Span<float> nestedMaxima)
    {
        double sum = 0;
        foreach (float value in maxima)
        {
            sum += value;
        }
        float mean = (float)(sum / maxima.Length);
        float[] rest = new float[maxima.Length];
        for (int i = 0; i < rest.Length; i++)
        {
            rest[i] = maxima[i] - mean;
        }
        for (int block = 0, at = 0; at < rest.Length; block++, at += blockSize)
        {
            ReadOnlySpan<float> own = rest.AsSpan(at, Math.Min(blockSize, rest.Length - at));
            nestedMaxima[block] = CodeBook.Dynamic8.Store(own, codes.Slice(at, own.Length));
        }
        return mean;
    }

    /// <summary>The values of a flattened matrix, or a stretch of it.</summary>
    /// <param name="packed">The codes of the whole matrix.</param>
    /// <param name="scales">Its scales.</param>
    /// <param name="first">The first value wanted.</param>
    /// <param name="values">Receives them.</param>
    public static void Dequantise(ReadOnlySpan<byte> packed, in FourBitScales scales, long first, Span<float> values)
    {
        Require.Bytes(packed.Length, (first + values.Length + 1) / 2, nameof(packed));
        for (int i = 0; i < values.Length; i++)
        {
            long at = first + i;
            byte two = packed[(int)(at / 2)];
            values[i] = scales.Book[at % 2 == 0 ? two >> 4 : two & 15] * scales.Scale(at / scales.BlockSize);
        }
    }
}
