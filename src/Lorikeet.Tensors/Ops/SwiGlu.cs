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
        return run.Tape is not null && (gate.Recorded || up.Recorded) ? run.Tape.Record(run, y, new SwiGluNode(gate, up), gate, up) : y;
    }

    private sealed class SwiGluNode(Tensor gate, Tensor up) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            ArenaMark mark = run.Arena.Mark;
            GradientShare dGate = gradient.ShareOf(run, gate), dUp = gradient.ShareOf(run, up);
            Elementwise.SwiGluBackward(gate.Span, up.Span, gradient.Output.Span, dGate.Tensor.Span, dUp.Tensor.Span);
            dGate.Finish();
            dUp.Finish();
            run.Arena.Release(mark);
        }
    }
}
