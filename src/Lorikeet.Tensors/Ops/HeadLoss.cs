using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Cross-entropy that owns the head product: no [tokens, vocabulary] tensor ever exists.</summary>
/// <remarks>
/// loss = sum over i of weight_i (logsumexp(z_i) - z_i[target_i]), z = head(h), in chunks of rows. A recorded forward also walks each chunk
/// backwards at once, so the head's product runs once; d loss / d h [rows, hidden] is kept for the rest of backward. Because of that the loss
/// must be the end of the graph (its gradient is 1): put factors into the weights.
/// </remarks>
public static class HeadLoss
{
    /// <summary>The weighted sum of the tokens' losses.</summary>
    /// <param name="run">The run.</param>
    /// <param name="hidden">[rows, hidden], after the last norm.</param>
    /// <param name="head">Computes logits [chunk, vocabulary] of rows [first, first + chunk): (rows of hidden, first row).</param>
    /// <param name="targets">The right token for each row; negative: the row does not count.</param>
    /// <param name="weights">The factor of each row's loss, for example 1 / (number of targets).</param>
    /// <param name="losses">Receives each row's loss without its factor; empty: not wanted.</param>
    /// <param name="chunk">Rows at once.</param>
    /// <returns>The loss, [1].</returns>
    public static Tensor Forward(
        Run run, in Tensor hidden, Func<Tensor, int, Tensor> head, int[] targets, float[] weights, Span<float> losses, int chunk = 64)
    {
        if (targets.Length != hidden.Rows || weights.Length != hidden.Rows)
        {
            throw new ArgumentException($"loss: {hidden.Rows} rows, {targets.Length} targets, {weights.Length} weights");
        }
        Tensor loss = run.Arena.Allocate(new Shape(1));
        Tape? tape = run.Tape is { Dry: false } ? run.Tape : null;
        Tensor dHidden = tape is not null && hidden.Recorded ? run.Arena.Zeros(hidden.Shape) : default;
        List<Parameter> holds = [];
        double sum = 0;
        float[] rowLosses = new float[Math.Min(chunk, hidden.Rows)];
        for (int first = 0; first < hidden.Rows; first += chunk)
        {
            int rows = Math.Min(chunk, hidden.Rows - first);
            if (targets.AsSpan(first, rows).IndexOfAnyInRange(0, int.MaxValue) < 0)
            {
                if (!losses.IsEmpty)
                {
                    losses.Slice(first, rows).Clear();
                }
                continue;
            }
            ArenaMark mark = run.Arena.Mark;
            Tensor part = hidden.ViewRows(first, rows);
            int start = first;
            if (tape is null)
            {
                Tensor logits = head(part, start);
                CrossEntropy.Rows(logits.Span, logits.Width, targets.AsSpan(start, rows), weights.AsSpan(start, rows), rowLosses.AsSpan(0, rows), false);
            }
            else
            {
                Action<Tensor>? toInput = dHidden.Exists ? share => share.Span.CopyTo(dHidden.ViewRows(start, rows).Span) : null;
                tape.Inside(
                    run,
                    part,
                    h => head(h, start),
                    logits =>
                    {
                        CrossEntropy.Rows(
                            logits.Span, logits.Width, targets.AsSpan(start, rows), weights.AsSpan(start, rows), rowLosses.AsSpan(0, rows), true);
                        return logits.Detached;
                    },
                    toInput,
                    holds);
            }
            for (int i = 0; i < rows; i++)
            {
                sum += (double)weights[first + i] * rowLosses[i];
            }
            if (!losses.IsEmpty)
            {
                rowLosses.AsSpan(0, rows).CopyTo(losses[first..]);
            }
            run.Arena.Release(mark);
        }
        loss.Span[0] = (float)sum;
        if (tape is null || !(dHidden.Exists || holds.Count > 0))
        {
            return loss;
        }
        return tape.Record(run, loss, new HeadLossNode(hidden, dHidden, holds));
    }

    private sealed class HeadLossNode(Tensor hidden, Tensor dHidden, List<Parameter> holds) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            if (gradient.Output.Span[0] != 1f)
            {
                throw new InvalidOperationException(
                    $"the loss must be the end of the graph: its gradient is {gradient.Output.Span[0]}, expected 1; put factors into the rows' weights");
            }
            if (dHidden.Exists)
            {
                Tensor to = gradient.GradientToAddTo(hidden);
                Elementwise.Add(to.Span, dHidden.Span, to.Span);
            }
            run.Tape!.Release(holds);
        }
    }
}
