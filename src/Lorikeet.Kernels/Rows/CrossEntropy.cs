namespace Lorikeet.Kernels;

/// <summary>The negative log-likelihood of one target a row, and its gradient in place.</summary>
public static unsafe class CrossEntropy
{
    /// <summary>
    /// Effectively computes <c>losses[i] = log(sum over c of e^logits[i, c]) - logits[i, target]</c> (nats, not weighted) and, with
    /// <paramref name="gradient"/>, overwrites the logits by <c>weights[i] (softmax(logits[i]) - onehot(target))</c>.
    /// </summary>
    /// <remarks>A negative target marks a row without one: its loss is 0 and its gradient is 0, whatever its logits hold.</remarks>
    /// <param name="logits">[rows, vocab]; overwritten where <paramref name="gradient"/> is true, untouched otherwise.</param>
    /// <param name="vocab">Elements of a row.</param>
    /// <param name="targets">[rows], indices below <paramref name="vocab"/>, negative for none.</param>
    /// <param name="weights">[rows], d(total)/d(losses[i]); empty means 1 for all.</param>
    /// <param name="losses">[rows], written.</param>
    /// <param name="gradient">Whether the gradient is wanted.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a target is not below <paramref name="vocab"/>.</exception>
    public static void Rows(
        Span<float> logits, int vocab, ReadOnlySpan<int> targets, ReadOnlySpan<float> weights, Span<float> losses, bool gradient)
    {
        int rows = RowArguments.Rows(logits, vocab);
        RowArguments.LengthOrEmpty(weights, rows);
        RowArguments.Length(losses, rows);
        if (targets.Length != rows)
        {
            throw new ArgumentException(
                $"CrossEntropy.Rows: targets holds {targets.Length} indices, expected {rows}, one a row of logits", nameof(targets));
        }
        for (int i = 0; i < rows; i++)
        {
            if (targets[i] >= vocab)
            {
                throw new ArgumentException(
                    $"CrossEntropy.Rows: target {targets[i]} of row {i} is not below the vocabulary of {vocab}; "
                    + "use a negative target for none",
                    nameof(targets));
            }
        }
        fixed (float* pLogits = logits, pWeights = weights, pLosses = losses)
        fixed (int* pTargets = targets)
        {
            Kernel kernel = new()
            {
                Logits = pLogits,
                Vocab = vocab,
                Targets = pTargets,
                Weights = pWeights,
                Losses = pLosses,
                Gradient = gradient,
            };
            RowTeam.Run(ref kernel, rows, vocab);
        }
    }

    private struct Kernel : IRowKernel
    {
        public float* Logits;
        public int Vocab;
        public int* Targets;
        public float* Weights;
        public float* Losses;
        public bool Gradient;

        public readonly void Row(int row)
        {
            float* x = Logits + ((nint)row * Vocab);
            int target = Targets[row];
            if (target < 0)
            {
                Losses[row] = 0;
                if (Gradient)
                {
                    new Span<float>(x, Vocab).Clear();
                }
                return;
            }
            float most = Extremes.Max(x, Vocab);
            float below = most - x[target];
            float sum = RowExp.Run(x, most, Gradient ? x : null, Vocab);
            Losses[row] = MathF.Log(sum) + below;
            if (Gradient)
            {
                float weight = Weights is null ? 1 : Weights[row];
                Map.Run(new ScaleOperator(weight / sum), x, x, Vocab);
                x[target] -= weight;
            }
        }
    }
}
