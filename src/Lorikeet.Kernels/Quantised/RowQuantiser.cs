namespace Lorikeet.Kernels;

/// <summary>Quantises the rows of a matrix on all cores.</summary>
public static unsafe class RowQuantiser
{
    /// <summary>Quantises rows, each on its own.</summary>
    /// <param name="format">The format.</param>
    /// <param name="rows">[outputs, inputs].</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Columns, whole blocks.</param>
    /// <param name="blocks">Receives the rows' blocks one after another.</param>
    /// <exception cref="ArgumentException">The rows are no whole blocks, or a span is too short.</exception>
    public static void Run(BlockFormat format, ReadOnlySpan<float> rows, int outputs, int inputs, Span<byte> blocks)
    {
        ArgumentNullException.ThrowIfNull(format);
        Require.Length(rows.Length, (long)outputs * inputs, nameof(rows), "[outputs, inputs]");
        Require.Bytes(blocks.Length, outputs * format.RowBytes(inputs), nameof(blocks));
        fixed (float* from = rows)
        fixed (byte* to = blocks)
        {
            Job job = new() { Rows = from, Format = format.Id, Inputs = inputs, Blocks = to };
            Team.Shared.Run(ref job, outputs);
        }
    }

    private struct Job : IJob
    {
        public float* Rows;
        public int Format;
        public int Inputs;
        public byte* Blocks;

        public readonly void Execute(int row)
        {
            BlockFormat format = BlockFormat.Find(Format)!;
            long bytes = format.RowBytes(Inputs);
            format.Quantise(new ReadOnlySpan<float>(Rows + ((long)row * Inputs), Inputs), new Span<byte>(Blocks + (row * bytes), (int)bytes));
        }
    }
}
