using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>The gated activation of Llama's feed-forward: y = silu(gate) o up, silu(z) = z / (1 + e^-z).</summary>
/// <remarks>Saves gate and up. Source: Shazeer, arXiv 2002.05202.</remarks>
public static class SwiGlu
{
    /// <summary>y = silu(gate) o up.</summary>
    /// <param name="run">The run.</param>
    /// <param name="gate">[rows, width].</param>
    /// <param name="up">[rows, width].</param>
    public static Tensor Forward(Run run, in Tensor gate, in Tensor up)
    {
        Tensor y = run.Arena.Allocate(gate.Shape);
        Elementwise.SwiGlu(gate.Span, up.Span, y.Span);
        return run.Tape is not null && (gate.Recorded || up.Recorded) ? run.Tape.Record(run, y, new SwiGluNode(gate, up)) : y;
    }

    private sealed class SwiGluNode(Tensor gate, Tensor up) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            ArenaMark mark = run.Arena.Mark;
            bool addGate = false, addUp = false;
            Tensor dGate = gradient.Wants(gate) ? gradient.GradientOf(gate, out addGate) : run.Arena.Allocate(gate.Shape);
            Tensor dUp = gradient.Wants(up) ? gradient.GradientOf(up, out addUp) : run.Arena.Allocate(up.Shape);
            if (!addGate && !addUp)
            {
                Elementwise.SwiGluBackward(gate.Span, up.Span, gradient.Output.Span, dGate.Span, dUp.Span);
            }
            else
            {
                Tensor shareGate = run.Arena.Allocate(gate.Shape), shareUp = run.Arena.Allocate(up.Shape);
                Elementwise.SwiGluBackward(gate.Span, up.Span, gradient.Output.Span, shareGate.Span, shareUp.Span);
                Merge(shareGate, dGate, addGate);
                Merge(shareUp, dUp, addUp);
            }
            run.Arena.Release(mark);
        }

        private static void Merge(in Tensor share, in Tensor to, bool add)
        {
            if (add)
            {
                Elementwise.Add(to.Span, share.Span, to.Span);
            }
            else
            {
                share.Span.CopyTo(to.Span);
            }
        }
    }
}
