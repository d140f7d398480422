using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Cross-entropy that owns the head product: no [tokens, vocabulary] tensor ever exists.</summary>
/// <remarks>
/// loss = sum over i of weight_i (logsumexp(z_i) - z_i[target_i]), z = head(h), in chunks of rows. A recorded forward also walks each chunk
/// backwards at once, so the head's product runs once; d loss / d h [rows, hidden] is kept for the rest of backward, and the gradients of the
/// head's own parameters arrive during the forward. Because of that the loss must be the end of the graph (its gradient is 1): put factors
/// into the weights.
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
    /// <param name="chunk">Rows at once, at least 1.</param>
    /// <param name="terms">What is added to each row's loss.</param>
    /// <returns>The loss, [1].</returns>
    /// <exception cref="ArgumentException">Lengths that differ from the rows.</exception>
    public static Tensor Forward(
        Run run, in Tensor hidden, Func<Tensor, int, Tensor> head, int[] targets, float[] weights, Span<float> losses, int chunk = 64,
        CrossEntropyTerms terms = default)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentOutOfRangeException.ThrowIfLessThan(chunk, 1);
        int all = hidden.Rows;
        if (targets.Length != all || weights.Length != all || (!losses.IsEmpty && losses.Length != all))
        {
            throw new ArgumentException($"loss: {all} rows, {targets.Length} targets, {weights.Length} weights, {losses.Length} losses");
        }
        Tensor loss = run.Arena.Allocate(new Shape(1));
        Tape? tape = run.Tape is { Dry: false } ? run.Tape : null;
        Tensor dHidden = tape is not null && hidden.Recorded ? run.Arena.Zeros(hidden.Shape) : default;
        List<Parameter> holds = [];
        bool trains = false;
        double sum = 0;
        float[] chunkLosses = new float[Math.Min(chunk, all)];
        for (int first = 0; first < all; first += chunk)
        {
            int rows = Math.Min(chunk, all - first);
            Span<float> own = losses.IsEmpty ? chunkLosses.AsSpan(0, rows) : losses.Slice(first, rows);
            if (targets.AsSpan(first, rows).IndexOfAnyInRange(0, int.MaxValue) < 0)
            {
                own.Clear();
                continue;
            }
            ArenaMark mark = run.Arena.Mark;
            Tensor part = hidden.ViewRows(first, rows);
            Loss step = new(head, targets, weights, chunkLosses, first, rows, terms);
            if (tape is null)
            {
                step.Compute(step.Logits(part), false);
            }
            else
            {
                Tensor share = dHidden.Exists ? dHidden.ViewRows(first, rows) : default;
                trains |= Walked(run, tape, part, share, step, holds);
            }
            chunkLosses.AsSpan(0, rows).CopyTo(own);
            for (int i = 0; i < rows; i++)
            {
                sum += (double)weights[first + i] * own[i];
            }
            run.Arena.Release(mark);
        }
        loss.Span[0] = (float)sum;
        if (tape is null || !(dHidden.Exists || trains))
        {
            return loss;
        }
        loss = tape.Record(run, loss, new HeadLossNode(hidden, dHidden), dHidden);
        tape.Hold(holds);
        return loss;
    }

    private static bool Walked(Run run, Tape tape, in Tensor part, Tensor share, Loss step, List<Parameter> holds)
    {
        tape.FirstRow = step.First;
        try
        {
            return tape.Inside(
                run, part, step.Logits, logits => step.Compute(logits, true), share.Exists ? d => d.Span.CopyTo(share.Span) : null, holds);
        }
        finally
        {
            tape.FirstRow = 0;
        }
    }

    /// <summary>One chunk's logits, and the losses of its rows.</summary>
    private sealed class Loss(Func<Tensor, int, Tensor> head, int[] targets, float[] weights, float[] losses, int first, int rows, CrossEntropyTerms terms)
    {
        public int First => first;

        public Tensor Logits(Tensor part) => head(part, first);

        /// <summary>Fills the losses; the logits become their own gradient where it is wanted.</summary>
        public Tensor Compute(Tensor logits, bool gradient)
        {
            if (logits.Rows != rows)
            {
                throw new ArgumentException($"loss: the head made logits {logits.Shape} of {rows} rows");
            }
            CrossEntropy.Rows(
                logits.Span, logits.Width, targets.AsSpan(first, rows), weights.AsSpan(first, rows), losses.AsSpan(0, rows), gradient, terms);
            return logits.Detached;
        }
    }

    private sealed class HeadLossNode(Tensor hidden, Tensor dHidden) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            float seed = gradient.Output.Span[0];
            if (seed != 1f)
            {
                throw new InvalidOperationException(
                    $"the loss must be the end of the graph: its gradient is {seed}, expected 1; put factors into the rows' weights");
            }
            if (dHidden.Exists)
            {
                gradient.Add(hidden, dHidden);
            }
        }
    }
}
