using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>A frozen matrix in blocks of 8 or 4 bits (Q8_0, Q4_0, Q4_K, Q6_K), repacked once for products, without loss.</summary>
/// <remarks>
/// Recorded runs, and runs that ask for it (<see cref="Run.FullActivations"/>), multiply the dequantised values in float32. Other runs code the input to
/// 8-bit blocks and sum up exact integers: each |x - coded x| is at most 1/254 of the largest |x| of its 32.
/// </remarks>
public sealed class BlockWeight : Weight
{
    private readonly BlockPanels panels;
    private readonly Storage packed;

    /// <summary>Packs blocks.</summary>
    /// <param name="panels">The layout of their format.</param>
    /// <param name="blocks">[outputs, inputs] in the bytes of a GGUF file, row by row.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns, whole blocks.</param>
    /// <exception cref="InvalidDataException">A scale is infinite or NaN.</exception>
    /// <exception cref="ArgumentException">The rows are no whole blocks, or there are too few bytes.</exception>
    public BlockWeight(BlockPanels panels, ReadOnlySpan<byte> blocks, int outputs, int inputs)
    {
        ArgumentNullException.ThrowIfNull(panels);
        this.panels = panels;
        Outputs = outputs;
        Inputs = inputs;
        packed = Weights.Allocate(Format, panels.ByteLength(outputs, inputs), outputs, inputs);
        try
        {
            panels.Pack(blocks, outputs, inputs, packed.Span);
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override int Outputs { get; }

    /// <inheritdoc/>
    public override int Inputs { get; }

    /// <inheritdoc/>
    public override long Bytes => packed.Bytes;

    /// <inheritdoc/>
    public override string Format => panels.Format.Name.ToLowerInvariant();

    /// <inheritdoc/>
    public override BlockFormat? Blocks => panels.Format;

    /// <inheritdoc/>
    public override string Preparation => "8-bit blocks";

    /// <inheritdoc/>
    public override bool ReadsCodes(Run run) => run.Tape is null && !run.FullActivations;

    /// <inheritdoc/>
    public override Prepared Prepare(Run run, in Tensor x)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (!ReadsCodes(run))
        {
            return new Prepared(x);
        }
        if (run.CodesOf(x) is { Exists: true } made)
        {
            return new Prepared(x, made);
        }
        Tensor coded = run.AllocateCodes(x.Rows, Inputs);
        CodedRows.Code(x.Span, x.Rows, Inputs, coded.Bytes);
        return new Prepared(x, coded);
    }

    /// <inheritdoc/>
    public override void Multiply(Run run, in Prepared x, in Tensor y)
    {
        if (x.Codes.Exists)
        {
            panels.MultiplyCoded(x.Codes.Bytes, x.X.Rows, packed.Span, Outputs, Inputs, y.Span);
        }
        else
        {
            panels.Multiply(x.X.Span, x.X.Rows, packed.Span, Outputs, Inputs, y.Span);
        }
    }

    /// <inheritdoc/>
    public override unsafe bool MultiplyTogether(
        Run run, in Prepared x, ReadOnlySpan<Weight> weights, ReadOnlySpan<Tensor> y, ReadOnlySpan<HadamardSegments> around = default, ReadOnlySpan<Epilogue> after = default)
    {
        const int Most = 8;
        if (weights.Length > Most || !x.Codes.Exists)
        {
            return false;
        }
        Span<PackedPart> parts = stackalloc PackedPart[Most];
        for (int i = 0; i < weights.Length; i++)
        {
            bool plain = around.IsEmpty || around[i].First is null;
            if (!plain || weights[i] is not BlockWeight block || block.panels != panels || block.Inputs != Inputs)
            {
                return false;
            }
            parts[i] = new PackedPart { Packed = block.packed.Pointer, Outputs = block.Outputs, Y = y[i].Pointer, After = after.IsEmpty ? default : after[i] };
        }
        panels.MultiplyCodedTogether(x.Codes.Bytes, x.X.Rows, Inputs, parts[..weights.Length]);
        return true;
    }

    /// <inheritdoc/>
    public override void MultiplyTransposed(Run run, in Tensor dy, in Tensor dx, bool accumulate) =>
        panels.MultiplyTransposed(dy.Span, dy.Rows, packed.Span, Outputs, Inputs, dx.Span, accumulate);

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to) => panels.ReadRow(packed.Span, Outputs, Inputs, row, to);

    /// <inheritdoc/>
    public override void ReadBlocks(int row, Span<byte> to) => panels.Unpack(packed.Span, Outputs, Inputs, row, to);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => packed.Dispose();
}
