using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>The panels of one format.</summary>
internal sealed unsafe class BlockPanels<TFormat>() : BlockPanels(TFormat.Format)
    where TFormat : struct, IPanelFormat
{
    private const int Lanes = IntegerTile.Lanes;

    public static long PanelBytes(int inputs) => TFormat.HeaderBytes(inputs) + ((long)inputs / CodedRows.Values * TFormat.CodeBytes);

    public override long ByteLength(int outputs, int inputs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        _ = Format.RowBytes(inputs);
        return Panels(outputs) * PanelBytes(inputs);
    }

    public override void Pack(ReadOnlySpan<byte> blocks, int outputs, int inputs, Span<byte> packed)
    {
        Require.Bytes(packed.Length, ByteLength(outputs, inputs), nameof(packed));
        Require.Bytes(blocks.Length, outputs * Format.RowBytes(inputs), nameof(blocks));
        fixed (byte* source = blocks)
        fixed (byte* target = packed)
        {
            // Lanes that do not exist are computed and thrown away.
            new Span<byte>(target + ((Panels(outputs) - 1) * PanelBytes(inputs)), (int)PanelBytes(inputs)).Clear();
            PackJob job = new() { Source = source, Outputs = outputs, Inputs = inputs, Target = target, Bad = -1 };
            Team.Shared.Run(ref job, Panels(outputs));
            if (job.Bad >= 0)
            {
                throw new InvalidDataException(
                    $"{Format.Name} [{outputs}, {inputs}]: a block of row {job.Bad} has a scale that is infinite or NaN; the weights are damaged, or were too large for the format");
            }
        }
    }

    public override void Unpack(ReadOnlySpan<byte> packed, int outputs, int inputs, int row, Span<byte> blocks)
    {
        Require.Bytes(packed.Length, ByteLength(outputs, inputs), nameof(packed));
        Require.Bytes(blocks.Length, Format.RowBytes(inputs), nameof(blocks));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)outputs, nameof(row));
        fixed (byte* source = packed)
        fixed (byte* target = blocks)
        {
            byte* panel = source + (row / Lanes * PanelBytes(inputs));
            for (int b = 0; b < inputs / Format.Values; b++)
            {
                TFormat.Unpack(panel, inputs, b, row % Lanes, target + (b * Format.Bytes));
            }
        }
    }

    internal override void MultiplyCoded(
        ReadOnlySpan<byte> coded, int rows, ReadOnlySpan<byte> packed, int outputs, int inputs, Span<float> y, IntegerVariant variant)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Require.Bytes(packed.Length, ByteLength(outputs, inputs), nameof(packed));
        Require.Bytes(coded.Length, (long)rows * CodedRows.RowBytes(inputs), nameof(coded));
        Require.Length(y.Length, (long)rows * outputs, nameof(y), "[rows, outputs]");
        if (rows == 0)
        {
            return;
        }
        fixed (byte* left = coded)
        fixed (byte* right = packed)
        fixed (float* to = y)
        {
            PackedPart part = new() { Packed = right, Outputs = outputs, Y = to };
            IntegerProduct<TFormat>.Run(left, rows, inputs, &part, 1, variant);
        }
    }

    public override void MultiplyCodedTogether(ReadOnlySpan<byte> coded, int rows, int inputs, ReadOnlySpan<PackedPart> parts)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Require.Bytes(coded.Length, (long)rows * CodedRows.RowBytes(inputs), nameof(coded));
        for (int i = 0; i < parts.Length; i++)
        {
            if (parts[i].Packed is null || parts[i].Y is null || parts[i].Outputs < 1 || parts[i].Around.First is not null)
            {
                throw new ArgumentException($"part {i} has no matrix, no result, or factors around it; expected a matrix and a result alone", nameof(parts));
            }
            bool alone = parts.Length == 1 || (parts.Length == 2 && parts[1].After.Gate == parts[0].Y);
            if (parts[i].After.Coded is not null && (parts[i].Outputs % CodedRows.Values != 0 || !alone))
            {
                throw new ArgumentException(
                    $"part {i} of {parts.Length} wants codes of {parts[i].Outputs} outputs; expected whole blocks of {CodedRows.Values}, and no part beside it but its gate", nameof(parts));
            }
        }
        PackedPart.CheckGates(parts);
        PackedPart.CheckChanges(parts, rows, inputs);
        if (rows == 0)
        {
            return;
        }
        fixed (byte* left = coded)
        fixed (PackedPart* list = parts)
        {
            IntegerProduct<TFormat>.Run(left, rows, inputs, list, parts.Length, IntegerVariants.Current);
        }
    }

    public override void Multiply(ReadOnlySpan<float> x, int rows, ReadOnlySpan<byte> packed, int outputs, int inputs, Span<float> y, bool accumulate)
    {
        Require.Bytes(packed.Length, ByteLength(outputs, inputs), nameof(packed));
        fixed (byte* right = packed)
        {
            Context context = new() { Data = right, Inputs = inputs };
            new PanelExpansion { Expand = &Expand, Context = &context, ValueBytes = (double)TFormat.Format.Bytes / TFormat.Format.Values }.Multiply(x, rows, outputs, inputs, y, accumulate);
        }
    }

    public override void MultiplyTransposed(ReadOnlySpan<float> dy, int rows, ReadOnlySpan<byte> packed, int outputs, int inputs, Span<float> dx, bool accumulate)
    {
        Require.Bytes(packed.Length, ByteLength(outputs, inputs), nameof(packed));
        fixed (byte* right = packed)
        {
            Context context = new() { Data = right, Inputs = inputs };
            new PanelExpansion { Expand = &Expand, Context = &context, ValueBytes = (double)TFormat.Format.Bytes / TFormat.Format.Values }.MultiplyTransposed(dy, rows, outputs, inputs, dx, accumulate);
        }
    }

    internal static void Expand(void* context, int panel, int from, int count, float* to)
    {
        Context* c = (Context*)context;
        byte* data = c->Data + (panel * PanelBytes(c->Inputs));
        byte* codes = data + TFormat.HeaderBytes(c->Inputs);
        float* scales = stackalloc float[2 * Lanes], offsets = stackalloc float[Lanes];
        for (int k = from; k < from + count;)
        {
            int block = k / CodedRows.Values;
            TFormat.Scales(data, c->Inputs, block, 1, scales, offsets);
            // From is a multiple of 16, and so is what is made at once.
            int half = k % CodedRows.Values;
            int some = Math.Min(16, from + count - k);
            float* scale = scales + (half / 16 * (TFormat.Groups - 1) * Lanes);
            Half(codes + ((long)block * TFormat.CodeBytes), half, some, scale, offsets, to);
            to += some * Lanes;
            k += some;
        }
    }

    // Byte j of a step's 32-bit lanes is input j of 8 outputs.
    private static void Half(byte* codes, int half, int count, float* scales, float* offsets, float* to)
    {
        Vector256<float> zero = Vector256.Create(TFormat.Offsets ? 0f : 1 << TFormat.ZeroShift);
        Vector256<int> mask = Vector256.Create(255);
        for (int lane = 0; lane < Lanes; lane += 8)
        {
            Vector256<float> scale = Vector256.Load(scales + lane);
            Vector256<float> offset = TFormat.Offsets ? Vector256.Load(offsets + lane) : default;
            for (int k = 0; k < count; k++)
            {
                int step = k / 4;
                Vector256<int> four = (half == 0 ? TFormat.Low(codes, step, 4 * lane) : TFormat.High(codes, step, 4 * lane)).AsInt32();
                Vector256<float> value = Vector256.ConvertToSingle(Vector256.ShiftRightLogical(four, k % 4 * 8) & mask);
                value = TFormat.Offsets ? (value * scale) - offset : (value - zero) * scale;
                value.Store(to + (k * Lanes) + lane);
            }
        }
    }

    private static int Panels(int outputs) => (outputs + Lanes - 1) / Lanes;

    private struct Context
    {
        public byte* Data;
        public int Inputs;
    }

    /// <summary>One panel a chunk.</summary>
    private struct PackJob : IJob
    {
        public byte* Source;
        public int Outputs;
        public int Inputs;
        public byte* Target;
        public int Bad;

        public void Execute(int panel)
        {
            int blocks = Inputs / TFormat.Format.Values;
            byte* to = Target + (panel * PanelBytes(Inputs));
            for (int row = panel * Lanes; row < Math.Min(Outputs, (panel + 1) * Lanes); row++)
            {
                byte* from = Source + ((long)row * blocks * TFormat.Format.Bytes);
                for (int b = 0; b < blocks; b++, from += TFormat.Format.Bytes)
                {
                    if (!TFormat.Finite(from))
                    {
                        Bad = row;
                    }
                    TFormat.Pack(from, b, row % Lanes, to, Inputs);
                }
            }
        }
    }
}
