using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>A bfloat16 matrix that can be trained: the packed copy that its products read is the only one, and each step rounds into it by chance.</summary>
/// <remarks>
/// Half the memory of a <see cref="TrainableWeight"/>. The gradient is float32; an optimiser step opens the parameter in scratch memory, changes it in
/// float32 and closes it, which rounds stochastically: a change far below a unit in the last place is made with the probability that it is of that unit, so
/// that on average nothing is lost. Source: Gupta et al., Deep Learning with Limited Numerical Precision, arXiv 1502.02551.
/// </remarks>
public sealed class HalfTrainableWeight : Weight, IParameterStore
{
    private readonly DenseWeight packed;

    private HalfTrainableWeight(string name, DenseWeight packed)
    {
        this.packed = packed;
        Parameter = new Parameter(name, new Shape(packed.Outputs, packed.Inputs), this);
        Parameters = [Parameter];
    }

    /// <summary>A trainable copy of any weight, rounded to nearest.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="source">The weight to copy.</param>
    public static HalfTrainableWeight Copy(string name, Weight source)
    {
        ArgumentNullException.ThrowIfNull(source);
        Tensor rows = Storage.Zeros(new Shape(source.Outputs, source.Inputs));
        try
        {
            for (int row = 0; row < source.Outputs; row++)
            {
                source.Read(row, rows.Row(row));
            }
            return new HalfTrainableWeight(name, new DenseWeight(rows.Span, source.Outputs, source.Inputs, ElementType.BF16));
        }
        finally
        {
            rows.Free();
        }
    }

    /// <summary>The matrix as a parameter.</summary>
    public Parameter Parameter { get; }

    /// <inheritdoc/>
    public override int Outputs => packed.Outputs;

    /// <inheritdoc/>
    public override int Inputs => packed.Inputs;

    /// <inheritdoc/>
    public override long Bytes => packed.Bytes;

    /// <inheritdoc/>
    public override string Format => "bf16";

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; }

    /// <inheritdoc/>
    public override void Multiply(Run run, in Prepared x, in Tensor y) => packed.Multiply(run, x, y);

    /// <inheritdoc/>
    public override bool MultiplyTogether(
        Run run, in Prepared x, ReadOnlySpan<Weight> weights, ReadOnlySpan<Tensor> y, ReadOnlySpan<HadamardSegments> around = default, ReadOnlySpan<Epilogue> after = default)
    {
        Weight[] inside = new Weight[weights.Length];
        for (int i = 0; i < inside.Length; i++)
        {
            if (weights[i] is not HalfTrainableWeight half)
            {
                return false;
            }
            inside[i] = half.packed;
        }
        return packed.MultiplyTogether(run, x, inside, y, around, after);
    }

    /// <inheritdoc/>
    public override void MultiplyTransposed(Run run, in Tensor dy, in Tensor dx, bool accumulate) => packed.MultiplyTransposed(run, dy, dx, accumulate);

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to) => packed.Read(row, to);

    /// <inheritdoc/>
    public override void AddGradient(Run run, in Tensor dy, in Tensor x) => TrainableWeight.AddGradient(Parameter, dy, x);

    /// <inheritdoc/>
    public override void AddRowGradients(Run run, ReadOnlySpan<int> rows, in Tensor dy) => TrainableWeight.AddRowGradients(Parameter, rows, dy);

    /// <inheritdoc/>
    unsafe void IParameterStore.Read(in Tensor to)
    {
        ReadJob job = new() { To = to.Pointer, Outputs = Outputs, Inputs = Inputs, Packed = packed.Packed.Pointer, Bytes = checked((int)packed.Bytes) };
        Team.Shared.Run(ref job, (Outputs + ReadJob.Rows - 1) / ReadJob.Rows);
    }

    /// <inheritdoc/>
    unsafe void IParameterStore.Write(in Tensor from, CounterRandom random)
    {
        long count = from.Shape.Length;
        RoundJob job = new() { Values = from.Pointer, Count = count, Random = random };
        Team.Shared.Run(ref job, (int)((count + RoundJob.Grain - 1) / RoundJob.Grain));
        packed.Repack(from.Span);
    }

    /// <inheritdoc/>
    public override Weight ToTrainable(string name, bool halves = false) => this;

    /// <inheritdoc/>
    public override Weight ToFrozen(ElementType type) => new DenseWeight(ToArray(), Outputs, Inputs, type);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Parameter.FreeGradient();
        packed.Dispose();
    }

    private unsafe struct ReadJob : IJob
    {
        public const int Rows = 32;

        public float* To;
        public byte* Packed;
        public int Bytes;
        public int Outputs;
        public int Inputs;

        public readonly void Execute(int chunk)
        {
            for (int row = chunk * Rows; row < Math.Min(Outputs, (chunk + 1) * Rows); row++)
            {
                PackedMatrix.ReadRow(new ReadOnlySpan<byte>(Packed, Bytes), ElementType.BF16, Outputs, Inputs, row, new Span<float>(To + ((long)row * Inputs), Inputs));
            }
        }
    }

    /// <summary>Rounds in place to numbers that bfloat16 has, so that packing them changes nothing.</summary>
    private unsafe struct RoundJob : IJob
    {
        public const int Grain = 8192;

        public float* Values;
        public long Count;
        public CounterRandom Random;

        public readonly void Execute(int chunk)
        {
            Span<float> chances = stackalloc float[1024];
            long end = Math.Min(Count, ((long)chunk + 1) * Grain);
            for (long at = (long)chunk * Grain; at < end; at += chances.Length)
            {
                int count = (int)Math.Min(chances.Length, end - at);
                // 24 random bits times 2^16: their whole part is 16 of them.
                Random.FillUniform(chances[..count], 0, 1 << 16, (ulong)at);
                for (int i = 0; i < count; i++)
                {
                    Values[at + i] = BitConverter.UInt32BitsToSingle((uint)StochasticRounding.ToBF16(Values[at + i], (ushort)chances[i]) << 16);
                }
            }
        }
    }
}
