using System.Runtime.InteropServices;
using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>A frozen matrix in f32, bf16 or f16, packed once at load as [outputs/16][inputs][16]; arithmetic is float32.</summary>
public sealed class DenseWeight : Weight
{
    private readonly Storage packed;

    /// <summary>Packs a matrix.</summary>
    /// <param name="rows">Row-major [outputs, inputs] (or [inputs, outputs] where <paramref name="transposed"/>), little-endian.</param>
    /// <param name="from">The format of <paramref name="rows"/>.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns of the matrix.</param>
    /// <param name="type">The format to keep; conversion rounds to nearest even.</param>
    /// <param name="transposed">The source is stored the other way round.</param>
    public DenseWeight(ReadOnlySpan<byte> rows, ElementType from, int outputs, int inputs, ElementType type, bool transposed = false)
    {
        Outputs = outputs;
        Inputs = inputs;
        Type = type;
        long bytes = PackedMatrix.ByteLength(outputs, inputs, type);
        if (bytes > int.MaxValue)
        {
            throw new ArgumentException($"a weight [{outputs}, {inputs}] takes {bytes} bytes as {type}, the most is {int.MaxValue}: keep it in a shorter format");
        }
        packed = Storage.ForWeights(bytes);
        try
        {
            PackedMatrix.Pack(rows, from, outputs, inputs, packed.Span, type, transposed);
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    /// <summary>Packs a float32 matrix.</summary>
    /// <param name="rows">Row-major [outputs, inputs].</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns of the matrix.</param>
    /// <param name="type">The format to keep.</param>
    public DenseWeight(ReadOnlySpan<float> rows, int outputs, int inputs, ElementType type = ElementType.F32)
        : this(MemoryMarshal.AsBytes(rows), ElementType.F32, outputs, inputs, type)
    {
    }

    /// <inheritdoc/>
    public override int Outputs { get; }

    /// <inheritdoc/>
    public override int Inputs { get; }

    /// <summary>The stored element type.</summary>
    public ElementType Type { get; }

    /// <inheritdoc/>
    public override long Bytes => packed.Bytes;

    /// <inheritdoc/>
    public override string Format => Type switch { ElementType.F32 => "f32", ElementType.BF16 => "bf16", _ => "f16" };

    /// <inheritdoc/>
    public override void Multiply(Run run, in Prepared x, in Tensor y) =>
        PackedMatrix.Multiply(x.X.Span, x.X.Rows, packed.Span, Type, Outputs, Inputs, y.Span);

    /// <inheritdoc/>
    public override unsafe bool MultiplyTogether(
        Run run, in Prepared x, ReadOnlySpan<Weight> weights, ReadOnlySpan<Tensor> y, ReadOnlySpan<HadamardSegments> around = default, ReadOnlySpan<Epilogue> after = default)
    {
        const int Most = 8;
        if (weights.Length > Most)
        {
            return false;
        }
        Span<PackedPart> parts = stackalloc PackedPart[Most];
        for (int i = 0; i < weights.Length; i++)
        {
            bool coded = !after.IsEmpty && after[i].Coded is not null;
            if (coded || weights[i] is not DenseWeight dense || dense.Type != Type || dense.Inputs != Inputs)
            {
                return false;
            }
            parts[i] = new PackedPart
            {
                Packed = dense.packed.Pointer,
                Outputs = dense.Outputs,
                Y = y[i].Pointer,
                Around = around.IsEmpty ? default : around[i],
                After = after.IsEmpty ? default : after[i],
            };
            if (parts[i].Around.First is not null && !PackedMatrix.TakesAround(parts[i].Around.Copies, Inputs, Type))
            {
                return false;
            }
        }
        PackedMatrix.MultiplyTogether(x.X.Span, x.X.Rows, Inputs, Type, parts[..weights.Length]);
        return true;
    }

    /// <inheritdoc/>
    public override void MultiplyTransposed(Run run, in Tensor dy, in Tensor dx, bool accumulate) =>
        PackedMatrix.MultiplyTransposed(dy.Span, dy.Rows, packed.Span, Type, Outputs, Inputs, dx.Span, accumulate);

    /// <inheritdoc/>
    public override unsafe bool MultiplyTransposedTogether(Run run, ReadOnlySpan<Weight> weights, ReadOnlySpan<Tensor> dy, in Tensor dx, bool accumulate)
    {
        const int Most = 8;
        if (weights.Length > Most)
        {
            return false;
        }
        Span<PackedPart> parts = stackalloc PackedPart[Most];
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] is not DenseWeight dense || dense.Type != Type || dense.Inputs != Inputs)
            {
                return false;
            }
            parts[i] = new PackedPart { Packed = dense.packed.Pointer, Outputs = dense.Outputs, Y = dy[i].Pointer };
        }
        PackedMatrix.MultiplyTransposedTogether(parts[..weights.Length], dx.Rows, Inputs, Type, dx.Span, accumulate);
        return true;
    }

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to) => PackedMatrix.ReadRow(packed.Span, Type, Outputs, Inputs, row, to);

    /// <summary>The packed matrix.</summary>
    internal Storage Packed => packed;

    /// <summary>Packs other values into the same memory: of a weight that trains.</summary>
    /// <param name="rows">Row-major [outputs, inputs].</param>
    internal void Repack(ReadOnlySpan<float> rows) => PackedMatrix.Pack(MemoryMarshal.AsBytes(rows), ElementType.F32, Outputs, Inputs, packed.Span, Type, false);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => packed.Dispose();
}
