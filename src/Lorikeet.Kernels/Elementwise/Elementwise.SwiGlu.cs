using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <content>The gated feed-forward's activation and its gradient.</content>
public static unsafe partial class Elementwise
{
    /// <summary>Effectively computes <c>to[i] = silu(gate[i]) * up[i]</c> (Shazeer 2020, arXiv:2002.05202).</summary>
    /// <param name="gate">The gate projection.</param>
    /// <param name="up">The up projection, as long as <paramref name="gate"/>.</param>
    /// <param name="to">The result, as long as <paramref name="gate"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void SwiGlu(ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> to) =>
        MapTeam.Binary(default(SwiGluOperator), gate, up, to);

    /// <summary>
    /// The gradients of <see cref="SwiGlu"/>: effectively computes <c>dGate[i] = dy[i] up[i] silu'(gate[i])</c> and <c>dUp[i] = dy[i]
    /// silu(gate[i])</c>; both are written, and each may be one of the inputs.
    /// </summary>
    /// <param name="gate">The forward's gate.</param>
    /// <param name="up">The forward's up, as long as <paramref name="gate"/>.</param>
    /// <param name="dy">The gradient of its result, as long as <paramref name="gate"/>.</param>
    /// <param name="dGate">The gradient of the gate.</param>
    /// <param name="dUp">The gradient of up; not the same span as <paramref name="dGate"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void SwiGluBackward(
        ReadOnlySpan<float> gate, ReadOnlySpan<float> up, ReadOnlySpan<float> dy, Span<float> dGate, Span<float> dUp)
    {
        RowArguments.Length(up, gate.Length);
        RowArguments.Length(dy, gate.Length);
        RowArguments.Length(dGate, gate.Length);
        RowArguments.Length(dUp, gate.Length);
        RowArguments.SameOrApart(gate, dGate);
        RowArguments.SameOrApart(up, dGate);
        RowArguments.SameOrApart(dy, dGate);
        RowArguments.SameOrApart(gate, dUp);
        RowArguments.SameOrApart(up, dUp);
        RowArguments.SameOrApart(dy, dUp);
        if (dGate.Overlaps(dUp))
        {
            throw new ArgumentException("SwiGluBackward: dGate and dUp overlap; pass two spans", nameof(dUp));
        }
        fixed (float* pGate = gate, pUp = up, pdy = dy, pdGate = dGate, pdUp = dUp)
        {
            SwiGluBackwardJob job = new() { Gate = pGate, Up = pUp, Dy = pdy, DGate = pdGate, DUp = pdUp, Count = gate.Length };
            MapTeam.Run(ref job, gate.Length);
        }
    }

    private struct SwiGluBackwardJob : IJob
    {
        public float* Gate;
        public float* Up;
        public float* Dy;
        public float* DGate;
        public float* DUp;
        public nint Count;

        public readonly void Execute(int chunk)
        {
            nint i = MapTeam.Start(chunk);
            nint end = i + MapTeam.Length(chunk, Count);
            if (KernelPath.UseAvx512)
            {
                for (; i <= end - 16; i += 16)
                {
                    At<Sixteen>(i);
                }
            }
            if (KernelPath.UseAvx2)
            {
                for (; i <= end - 8; i += 8)
                {
                    At<Eight>(i);
                }
            }
            for (; i < end; i++)
            {
                At<One>(i);
            }
        }

        // All three inputs are read before either output is written: an output may be an input.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void At<T>(nint i)
            where T : unmanaged, ILanes<T>
        {
            T gate = T.Load(Gate + i);
            T up = T.Load(Up + i);
            T dy = T.Load(Dy + i);
            T s = LaneMath.Sigmoid(gate);
            T.Store(dy * up * SiluBackwardOperator.Slope(gate, s), DGate + i);
            T.Store(dy * (gate * s), DUp + i);
        }
    }
}
