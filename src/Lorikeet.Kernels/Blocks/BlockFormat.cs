namespace Lorikeet.Kernels;

/// <summary>How a row of numbers is stored in blocks: some values share a scale. The formats and their bytes are those of GGUF files.</summary>
/// <remarks>
/// Rows are quantised one by one; a row is a whole number of blocks. Halves are IEEE half precision, little-endian; nibbles low first.
/// The layouts are specified by ggml (https://github.com/ggml-org/ggml, ggml-quants.c). Numbers that are not finite do not survive quantising.
/// </remarks>
public abstract class BlockFormat
{
    private protected BlockFormat(string name, int id, int values, int bytes)
    {
        Name = name;
        Id = id;
        Values = values;
        Bytes = bytes;
    }

    /// <summary>All formats; a new one is one line here.</summary>
    public static IReadOnlyList<BlockFormat> All { get; } =
    [
        new PlainBlocks("F32", 0, ElementType.F32),
        new PlainBlocks("F16", 1, ElementType.F16),
        new PlainBlocks("BF16", 30, ElementType.BF16),
        new BlocksQ4_0(),
        new BlocksQ4_1(),
        new BlocksQ5_0(),
        new BlocksQ5_1(),
        new BlocksQ8_0(),
        new BlocksQ2_K(),
        new BlocksQ3_K(),
        new BlocksQ4_K(),
        new BlocksQ5_K(),
        new BlocksQ6_K(),
        new BlocksIQ4_NL(),
        new BlocksIQ4_XS(),
    ];

    /// <summary>float32, one value a block.</summary>
    public static BlockFormat F32 { get; } = Of("F32");

    /// <summary>IEEE half precision, one value a block.</summary>
    public static BlockFormat F16 { get; } = Of("F16");

    /// <summary>bfloat16, one value a block.</summary>
    public static BlockFormat BF16 { get; } = Of("BF16");

    /// <summary>32 signed bytes and a scale.</summary>
    public static BlockFormat Q8_0 { get; } = Of("Q8_0");

    /// <summary>32 values of 4 bits and a scale.</summary>
    public static BlockFormat Q4_0 { get; } = Of("Q4_0");

    /// <summary>256 values of 4 bits, 8 scales and offsets of 6 bits.</summary>
    public static BlockFormat Q4_K { get; } = Of("Q4_K");

    /// <summary>256 values of 6 bits, 16 scales of 8 bits.</summary>
    public static BlockFormat Q6_K { get; } = Of("Q6_K");

    /// <summary>The format's name as GGUF tools write it: <c>Q4_K</c>.</summary>
    public string Name { get; }

    /// <summary>The number of the tensor type in a GGUF file.</summary>
    public int Id { get; }

    /// <summary>How many values a block has.</summary>
    public int Values { get; }

    /// <summary>How many bytes a block has.</summary>
    public int Bytes { get; }

    /// <summary>Bits a value takes, scales included: 8 x bytes / values.</summary>
    public double Bits => 8.0 * Bytes / Values;

    /// <summary>Finds a format by name, in any case; null where there is none.</summary>
    /// <param name="name">For example <c>q4_0</c>.</param>
    public static BlockFormat? Find(string name) => All.FirstOrDefault(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Finds a format by its number in GGUF files; null where there is none.</summary>
    /// <param name="id">The number.</param>
    public static BlockFormat? Find(int id) => All.FirstOrDefault(f => f.Id == id);

    /// <summary>Bytes of a row.</summary>
    /// <param name="values">Its values: a multiple of <see cref="Values"/>.</param>
    /// <exception cref="ArgumentException">The row is no whole number of blocks.</exception>
    public long RowBytes(long values)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(values);
        return values % Values == 0
            ? checked(values / Values * Bytes)
            : throw new ArgumentException($"a row of {values} values is no whole number of {Name} blocks of {Values}: keep it in a format of shorter blocks", nameof(values));
    }

    /// <summary>Quantises a row, or several whose lengths are whole blocks.</summary>
    /// <param name="from">The values.</param>
    /// <param name="to">Receives the blocks: <see cref="RowBytes"/> of them at least.</param>
    public void Quantise(ReadOnlySpan<float> from, Span<byte> to)
    {
        Require.Bytes(to.Length, RowBytes(from.Length), nameof(to));
        QuantiseBlocks(from, to);
    }

    /// <summary>The values of blocks.</summary>
    /// <param name="from">The blocks: <see cref="RowBytes"/> of them at least.</param>
    /// <param name="to">Receives the values; a whole number of blocks.</param>
    public void Dequantise(ReadOnlySpan<byte> from, Span<float> to)
    {
        Require.Bytes(from.Length, RowBytes(to.Length), nameof(from));
        DequantiseBlocks(from, to);
    }

    private protected virtual void QuantiseBlocks(ReadOnlySpan<float> from, Span<byte> to)
    {
        for (int i = 0; i < from.Length / Values; i++)
        {
            QuantiseBlock(from.Slice(i * Values, Values), to.Slice(i * Bytes, Bytes));
        }
    }

    private protected virtual void DequantiseBlocks(ReadOnlySpan<byte> from, Span<float> to)
    {
        for (int i = 0; i < to.Length / Values; i++)
        {
            DequantiseBlock(from.Slice(i * Bytes, Bytes), to.Slice(i * Values, Values));
        }
    }

    private protected abstract void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to);

    private protected abstract void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to);

    private static BlockFormat Of(string name) => Find(name)!;
}
