using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Lorikeet.Kernels;

namespace Lorikeet.Training;

/// <summary>What an element-wise optimiser does to eight elements; written once, also for a tensor's tail.</summary>
internal interface IElementRule
{
    /// <summary>Changes eight elements of a parameter and of its state.</summary>
    /// <param name="value">The parameter.</param>
    /// <param name="gradient">Its gradient.</param>
    /// <param name="first">The first state tensor, where there is one.</param>
    /// <param name="second">The second state tensor, where there is one.</param>
    /// <param name="third">The third state tensor, where there is one.</param>
    void Apply(ref Vector256<float> value, Vector256<float> gradient, ref Vector256<float> first, ref Vector256<float> second, ref Vector256<float> third);
}

/// <summary>Runs an element rule over all parameters of a step as one job of the team. No fused arithmetic: bits are the same on every machine.</summary>
internal static unsafe class ElementRule
{
    /// <summary>Elements of one chunk: all of a chunk's streams stay within the second-level cache.</summary>
    private const int Grain = 8192;

    /// <summary>Makes the rule of one parameter from its state (whose step is already counted), rate and decay.</summary>
    public delegate TRule Make<TRule>(in Update update);

    public static void Run<TRule>(ReadOnlySpan<Update> updates, Make<TRule> make)
        where TRule : unmanaged, IElementRule
    {
        Part<TRule>[] parts = ArrayPool<Part<TRule>>.Shared.Rent(Math.Max(updates.Length, 1));
        try
        {
            int chunks = 0;
            for (int i = 0; i < updates.Length; i++)
            {
                Update update = updates[i];
                if (update.Gradient.Shape.Length != update.Parameter.Value.Shape.Length)
                {
                    throw new ArgumentException(
                        $"{update.Parameter.Name} is {update.Parameter.Value.Shape}, its gradient {update.Gradient.Shape}", nameof(updates));
                }
                update.State.Steps++;
                parts[i] = new Part<TRule>
                {
                    Rule = make(update),
                    Value = update.Parameter.Value.Pointer,
                    Gradient = update.Gradient.Pointer,
                    First = update.State.Tensors.Count > 0 ? update.State.Tensors[0].Pointer : null,
                    Second = update.State.Tensors.Count > 1 ? update.State.Tensors[1].Pointer : null,
                    Third = update.State.Tensors.Count > 2 ? update.State.Tensors[2].Pointer : null,
                    Count = update.Parameter.Value.Shape.Length,
                    Chunk = chunks,
                };
                chunks += (int)((parts[i].Count + Grain - 1) / Grain);
            }
            fixed (Part<TRule>* pointer = parts)
            {
                Job<TRule> job = new() { Parts = pointer, Count = updates.Length };
                Team.Shared.Run(ref job, chunks);
            }
        }
        finally
        {
            ArrayPool<Part<TRule>>.Shared.Return(parts);
        }
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Part<TRule>
        where TRule : unmanaged, IElementRule
    {
        public TRule Rule;
        public float* Value;
        public float* Gradient;
        public float* First;
        public float* Second;
        public float* Third;
        public long Count;
        public int Chunk;
    }

    private struct Job<TRule> : IJob
        where TRule : unmanaged, IElementRule
    {
        public Part<TRule>* Parts;
        public int Count;

        public readonly void Execute(int chunk)
        {
            int low = 0, high = Count - 1;
            while (low < high)
            {
                int middle = (low + high + 1) / 2;
                (low, high) = Parts[middle].Chunk <= chunk ? (middle, high) : (low, middle - 1);
            }
            Part<TRule>* part = Parts + low;
            long start = (long)(chunk - part->Chunk) * Grain;
            Chunk(part, start, (int)Math.Min(Grain, part->Count - start));
        }

        private static void Chunk(Part<TRule>* part, long start, int count)
        {
            float* value = part->Value + start;
            float* gradient = part->Gradient + start;
            float* first = part->First is null ? null : part->First + start;
            float* second = part->Second is null ? null : part->Second + start;
            float* third = part->Third is null ? null : part->Third + start;
            TRule rule = part->Rule;
            int i = 0;
            for (; i + 8 <= count; i += 8)
            {
                Eight(rule, value + i, gradient + i, first is null ? null : first + i, second is null ? null : second + i, third is null ? null : third + i);
            }
            if (i == count)
            {
                return;
            }
            // The tail runs through the same code, in a copy that is padded with zeros.
            int rest = count - i;
            float* copy = stackalloc float[40];
            new Span<float>(copy, 40).Clear();
            Copy(value + i, copy, rest);
            Copy(gradient + i, copy + 8, rest);
            Copy(first is null ? null : first + i, copy + 16, rest);
            Copy(second is null ? null : second + i, copy + 24, rest);
            Copy(third is null ? null : third + i, copy + 32, rest);
            Eight(rule, copy, copy + 8, copy + 16, copy + 24, copy + 32);
            Copy(copy, value + i, rest);
            Put(copy + 16, first, i, rest);
            Put(copy + 24, second, i, rest);
            Put(copy + 32, third, i, rest);
        }

        private static void Eight(TRule rule, float* value, float* gradient, float* first, float* second, float* third)
        {
            Vector256<float> v = Vector256.Load(value);
            Vector256<float> a = first is null ? Vector256<float>.Zero : Vector256.Load(first);
            Vector256<float> b = second is null ? Vector256<float>.Zero : Vector256.Load(second);
            Vector256<float> c = third is null ? Vector256<float>.Zero : Vector256.Load(third);
            rule.Apply(ref v, Vector256.Load(gradient), ref a, ref b, ref c);
            v.Store(value);
            if (first is not null)
            {
                a.Store(first);
            }
            if (second is not null)
            {
                b.Store(second);
            }
            if (third is not null)
            {
                c.Store(third);
            }
        }

        private static void Copy(float* from, float* to, int count)
        {
            if (from is not null)
            {
                new Span<float>(from, count).CopyTo(new Span<float>(to, count));
            }
        }

        private static void Put(float* from, float* to, int at, int count)
        {
            if (to is not null)
            {
                Copy(from, to + at, count);
            }
        }
    }
}
