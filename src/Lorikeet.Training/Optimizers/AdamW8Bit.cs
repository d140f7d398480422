using System.Runtime.Intrinsics;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>AdamW whose moments are stored in 8 bits, in blocks with a scale each; tensors below a size keep float32.</summary>
/// <remarks>
/// A step restores a block's moments, moves them on in float32, changes the parameter with those, and stores them again: a quarter of AdamW's state and
/// 4/block more. Formula of <see cref="AdamW"/>. State names are bitsandbytes': <c>state1</c>, <c>state2</c>, <c>absmax1</c>, <c>absmax2</c>.
/// Source: Dettmers et al., arXiv 2110.02861, as in bitsandbytes.optim.AdamW8bit.
/// </remarks>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the second moment.</param>
/// <param name="eps">Added to the root of the corrected second moment.</param>
/// <param name="smallest">Tensors with fewer elements keep float32 moments.</param>
/// <param name="block">Elements that share a scale.</param>
public sealed unsafe class AdamW8Bit(double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, int smallest = 4096, int block = 256) : IOptimizer
{
    private const int MostBlock = 4096;

    /// <inheritdoc/>
    public string Name => "adamw8bit";

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(block);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(block, MostBlock);
        if (shape.Length < smallest)
        {
            state.Add("state1", shape);
            state.Add("state2", shape);
            return;
        }
        int count = checked((int)shape.Length), blocks = (count + block - 1) / block;
        state.Add("absmax1", new Shape(blocks));
        state.Add("absmax2", new Shape(blocks));
        // A signed 0 is code 127: with a scale of 0 every code restores to 0.
        state.AddCodes("state1", count);
        state.AddCodes("state2", count);
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates)
    {
        for (int i = 0; i < updates.Length; i++)
        {
            Update update = updates[i];
            OptimizerState state = update.State;
            state.Steps++;
            AdamMoments moments = new(beta1, beta2, eps, update.Rate, state.Steps);
            int count = checked((int)update.Parameter.Value.Shape.Length);
            fixed (byte* first = Codes(state, "state1"), second = Codes(state, "state2"))
            {
                Job job = new()
                {
                    Moments = moments,
                    Keep = (float)(1 - (update.Rate * update.Decay)),
                    Value = update.Parameter.Value.Pointer,
                    Gradient = update.Gradient.Pointer,
                    Count = count,
                    Block = block,
                    FirstCodes = first,
                    SecondCodes = second,
                    First = state.Tensors[0].Pointer,
                    Second = state.Tensors[1].Pointer,
                };
                Team.Shared.Run(ref job, (count + (block * Job.Blocks) - 1) / (block * Job.Blocks));
            }
        }
    }

    private static byte[]? Codes(OptimizerState state, string name)
    {
        foreach ((string own, byte[] codes) in state.Codes)
        {
            if (own == name)
            {
                return codes;
            }
        }
        return null;
    }

    private struct Job : IJob
    {
        /// <summary>Blocks of a chunk.</summary>
        public const int Blocks = 16;

        public AdamMoments Moments;
        public float Keep;
        public float* Value;
        public float* Gradient;
        public int Count;
        public int Block;
        public byte* FirstCodes;
        public byte* SecondCodes;

        /// <summary>Scales of the blocks, or the moments themselves where there are no codes.</summary>
        public float* First;
        public float* Second;

        public readonly void Execute(int chunk)
        {
            float* first = stackalloc float[MostBlock], second = stackalloc float[MostBlock];
            for (int number = chunk * Blocks; number < (chunk + 1) * Blocks; number++)
            {
                int start = number * Block, count = Math.Min(Block, Count - start);
                if (count <= 0)
                {
                    return;
                }
                if (FirstCodes is null)
                {
                    Move(start, count, First + start, Second + start);
                    continue;
                }
                Span<byte> firstCodes = new(FirstCodes + start, count), secondCodes = new(SecondCodes + start, count);
                CodeBook.Dynamic8.Restore(firstCodes, First[number], new(first, count));
                CodeBook.UnsignedDynamic8.Restore(secondCodes, Second[number], new(second, count));
                Move(start, count, first, second);
                First[number] = CodeBook.Dynamic8.Store(new(first, count), firstCodes);
                Second[number] = CodeBook.UnsignedDynamic8.Store(new(second, count), secondCodes);
            }
        }

        private readonly void Move(int start, int count, float* first, float* second)
        {
            for (int i = 0; i < count; i++)
            {
                Vector256<float> m = Vector256.CreateScalar(first[i]);
                Vector256<float> v = Vector256.CreateScalar(second[i]);
                Vector256<float> change = Moments.Change(Vector256.CreateScalar(Gradient[start + i]), ref m, ref v);
                first[i] = m[0];
                second[i] = v[0];
                Value[start + i] = (Value[start + i] * Keep) - change[0];
            }
        }
    }
}
