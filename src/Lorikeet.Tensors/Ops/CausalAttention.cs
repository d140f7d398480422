using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Causal attention with grouped key heads over many sequences of one batch; nothing crosses from one sequence to another.</summary>
/// <remarks>
/// y_h = softmax(scale q_h K^T + causal mask) V, query head h with key head h / (heads / keyHeads). Saves q, k, v, y and the log-sum-exp of
/// each row and head; probabilities are computed again in backward, tile by tile (Dao et al., arXiv 2205.14135).
/// </remarks>
public static class CausalAttention
{
    /// <summary>Attends within each sequence.</summary>
    /// <param name="run">The run.</param>
    /// <param name="shape">Heads, key heads, head size, scale, window, cap.</param>
    /// <param name="sequences">The rows of each sequence, which cover every row once; must not change until backward.</param>
    /// <param name="q">[rows, heads * headDim].</param>
    /// <param name="k">[rows, keyHeads * headDim].</param>
    /// <param name="v">[rows, keyHeads * headDim].</param>
    /// <param name="slopes">[heads], the slopes of a bias that grows with the key's position (ALiBi); null for none.</param>
    /// <returns>[rows, heads * headDim].</returns>
    public static Tensor Forward(
        Run run, in AttentionShape shape, AttentionSequence[] sequences, in Tensor q, in Tensor k, in Tensor v, float[]? slopes = null)
    {
        int covered = 0;
        foreach (ref readonly AttentionSequence sequence in sequences.AsSpan())
        {
            covered += sequence.Rows;
        }
        if (covered != q.Rows)
        {
            throw new ArgumentException($"attention: the sequences cover {covered} of the {q.Rows} rows of q {q.Shape}; each row is in one sequence");
        }
        Tensor y = run.Allocate(q.Rows, q.Width);
        if (run.Tape is null || !(q.Recorded || k.Recorded || v.Recorded))
        {
            Attention.Forward(shape, sequences, q.Span, k.Span, v.Span, y.Span, [], slopes);
            return y;
        }
        Tensor logSumExp = run.Allocate(q.Rows, shape.Heads);
        Attention.Forward(shape, sequences, q.Span, k.Span, v.Span, y.Span, logSumExp.Span, slopes);
        return run.Tape.Record(run, y, new AttentionNode(shape, sequences, q, k, v, y, logSumExp, slopes), q, k, v, y);
    }

    private sealed class AttentionNode(
        AttentionShape shape, AttentionSequence[] sequences, Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, float[]? slopes) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            ArenaMark mark = run.Arena.Mark;
            GradientShare dq = gradient.ShareOf(run, q), dk = gradient.ShareOf(run, k), dv = gradient.ShareOf(run, v);
            Attention.Backward(
                shape,
                sequences,
                q.Span,
                k.Span,
                v.Span,
                y.Span,
                logSumExp.Span,
                gradient.Output.Span,
                dq.Tensor.Span,
                dk.Tensor.Span,
                dv.Tensor.Span,
                slopes);
            dq.Finish();
            dk.Finish();
            dv.Finish();
            run.Arena.Release(mark);
        }
    }
}
