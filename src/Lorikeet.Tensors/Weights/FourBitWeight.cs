using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>A frozen matrix in four-bit codes of a book (NF4, FP4) in the format of bitsandbytes; arithmetic is float32. QLoRA trains through it.</summary>
/// <remarks>Source: Dettmers et al., QLoRA, arXiv 2305.14314.</remarks>
public sealed class FourBitWeight : Weight
{
    private readonly Storage packed;

    /// <summary>Packs codes.</summary>
    /// <param name="codes">Two a byte, the first in the high nibble: [outputs, inputs] row by row without gaps.</param>
    /// <param name="state">What they stand for.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <exception cref="ArgumentException">There are too few bytes or scales.</exception>
    public FourBitWeight(ReadOnlySpan<byte> codes, FourBitState state, int outputs, int inputs)
    {
        ArgumentNullException.ThrowIfNull(state);
        State = state;
        Outputs = outputs;
        Inputs = inputs;
        packed = Weights.Allocate(Format, FourBitPanels.ByteLength(outputs, inputs), outputs, inputs);
        try
        {
            FourBitPanels.Pack(codes, outputs, inputs, packed.Span);
            // Lengths of all scales are checked here, before the first product.
            Read(0, new float[inputs]);
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    /// <summary>Quantises a matrix as bitsandbytes does.</summary>
    /// <param name="values">[outputs, inputs].</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="kind"><c>nf4</c> or <c>fp4</c>.</param>
    /// <param name="doubled">The blocks' scales are coded to 8 bits in turn.</param>
    /// <param name="blockSize">Values of a block.</param>
    public static FourBitWeight Quantise(ReadOnlySpan<float> values, int outputs, int inputs, string kind = "nf4", bool doubled = false, int blockSize = 64)
    {
        CodeBook book = kind switch
        {
            "nf4" => CodeBook.NF4,
            "fp4" => CodeBook.FP4,
            _ => throw new ArgumentException($"four-bit codes are nf4 or fp4, not {kind}", nameof(kind)),
        };
        byte[] codes = new byte[(values.Length + 1) / 2];
        float[] maxima = new float[FourBitScales.Blocks(values.Length, blockSize)];
        FourBitBlocks.Quantise(values, book, blockSize, codes, maxima);
        foreach (float largest in maxima)
        {
            if (!float.IsFinite(largest))
            {
                throw new InvalidDataException($"a weight [{outputs}, {inputs}] holds an infinity or NaN; {kind} codes are shares of a finite absolute maximum");
            }
        }
        FourBitState state = new() { Kind = kind, BlockSize = blockSize, Book = book.Values.ToArray(), Maxima = maxima };
        if (doubled)
        {
            const int NestedBlockSize = 256;
            byte[] scaleCodes = new byte[maxima.Length];
            float[] nested = new float[FourBitScales.Blocks(maxima.Length, NestedBlockSize)];
            state = state with
            {
                Maxima = null,
                Codes = scaleCodes,
                NestedOffset = FourBitBlocks.QuantiseScales(maxima, NestedBlockSize, scaleCodes, nested),
                NestedBook = CodeBook.Dynamic8.Values.ToArray(),
                NestedMaxima = nested,
                NestedBlockSize = NestedBlockSize,
            };
        }
        return new FourBitWeight(codes, state, outputs, inputs);
    }

    /// <summary>What the codes stand for.</summary>
    public FourBitState State { get; }

    /// <inheritdoc/>
    public override int Outputs { get; }

    /// <inheritdoc/>
    public override int Inputs { get; }

    /// <inheritdoc/>
    public override long Bytes => packed.Bytes + State.Bytes;

    /// <inheritdoc/>
    public override string Format => State.Double ? State.Kind + "-double" : State.Kind;

    /// <summary>The codes as bitsandbytes stores them: two a byte, the first in the high nibble, an odd count filled up with the code of 0.</summary>
    public byte[] Codes()
    {
        byte[] codes = new byte[(((long)Outputs * Inputs) + 1) / 2];
        FourBitPanels.Unpack(packed.Span, Outputs, Inputs, new CodeBook(State.Book).Nearest(0), codes);
        return codes;
    }

    /// <inheritdoc/>
    public override void Multiply(Run run, in Prepared x, in Tensor y) =>
        FourBitPanels.Multiply(x.X.Span, x.X.Rows, packed.Span, State.Scales, Outputs, Inputs, y.Span);

    /// <inheritdoc/>
    public override void MultiplyTransposed(Run run, in Tensor dy, in Tensor dx, bool accumulate) =>
        FourBitPanels.MultiplyTransposed(dy.Span, dy.Rows, packed.Span, State.Scales, Outputs, Inputs, dx.Span, accumulate);

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to) => FourBitPanels.ReadRow(packed.Span, State.Scales, Outputs, Inputs, row, to);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => packed.Dispose();
}
