using System.Runtime.Intrinsics;
using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Inverted dropout: each element is kept with probability 1 - p and divided by it, else 0.</summary>
/// <remarks>
/// Active only while the run trains. Element e is dropped where number e of the place's stream is below p. Backward: the same mask and factor.
/// Saves the mask.
/// </remarks>
public static unsafe class Dropout
{
    /// <summary>y = x o mask / (1 - p).</summary>
    /// <param name="run">The run; <see cref="Run.Random"/> makes the mask.</param>
    /// <param name="x">[rows, width].</param>
    /// <param name="p">The probability of dropping, 0 (nothing happens) up to but not 1.</param>
    /// <param name="place">Tells this use apart from others in the step, for example the site's name.</param>
    public static Tensor Forward(Run run, in Tensor x, float p, string place)
    {
        if (p is < 0f or >= 1f)
        {
            throw new ArgumentOutOfRangeException(nameof(p), p, "dropout is a probability from 0 up to, but not, 1");
        }
        if (!run.Training || p == 0f)
        {
            return x;
        }
        Tensor mask = run.Arena.Allocate(x.Shape);
        Tensor y = run.Arena.Allocate(x.Shape);
        MaskJob job = new()
        {
            Random = run.Random.Named(place),
            P = p,
            Keep = 1f / (1f - p),
            X = x.Pointer,
            Mask = mask.Pointer,
            Y = y.Pointer,
            Count = x.Shape.Length,
        };
        Team.Shared.Run(ref job, checked((int)((job.Count + MaskJob.Grain - 1) / MaskJob.Grain)));
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, y, new DropoutNode(x, mask), mask) : y;
    }

    private sealed class DropoutNode(Tensor x, Tensor mask) : Node
    {
        public override void Backward(Run run, ref Backprop gradient) =>
            Elementwise.MultiplyAdd(gradient.Output.Span, mask.Span, gradient.GradientToAddTo(x).Span);
    }

    /// <summary>Draws, compares and multiplies while the numbers lie in the first-level cache.</summary>
    private struct MaskJob : IJob
    {
        /// <summary>Elements of a chunk; whole blocks of random numbers.</summary>
        public const int Grain = 4096;
        public CounterRandom Random;
        public float P;
        public float Keep;
        public float* X;
        public float* Mask;
        public float* Y;
        public long Count;

        public readonly void Execute(int chunk)
        {
            long first = (long)chunk * Grain;
            int length = (int)Math.Min(Grain, Count - first), i = 0;
            float* x = X + first, mask = Mask + first, y = Y + first;
            Random.FillUniform(new Span<float>(mask, length), 0f, 1f, (ulong)first);
            Vector256<float> p = Vector256.Create(P), keep = Vector256.Create(Keep);
            for (; i + 8 <= length; i += 8)
            {
                Vector256<float> kept = Vector256.AndNot(keep, Vector256.LessThan(Vector256.Load(mask + i), p));
                kept.Store(mask + i);
                (Vector256.Load(x + i) * kept).Store(y + i);
            }
            for (; i < length; i++)
            {
                mask[i] = mask[i] < P ? 0f : Keep;
                y[i] = x[i] * mask[i];
            }
        }
    }
}
