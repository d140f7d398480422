namespace Lorikeet.Kernels;

/// <summary>What is added to a cross-entropy; default: nothing.</summary>
/// <param name="Smoothing">
/// e of label smoothing, 0 to below 1: <c>(1 - e) nll + e mean over all classes c of -log p[c]</c> (Szegedy et al., arXiv 1512.00567; the right class is one of
/// all, as in Transformers' LabelSmoother).
/// </param>
/// <param name="ZCoefficient">c of the z-loss, 0 or more: <c>+ c logsumexp(logits)^2</c> (Chowdhery et al., PaLM, arXiv 2204.02311).</param>
public readonly record struct CrossEntropyTerms(float Smoothing, float ZCoefficient);

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
    /// <param name="terms">What is added to each row's loss, and with it to its gradient.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a target is not below <paramref name="vocab"/>.</exception>
    public static void Rows(
        Span<float> logits, int vocab, ReadOnlySpan<int> targets, ReadOnlySpan<float> weights, Span<float> losses, bool gradient, CrossEntropyTerms terms = default)
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
                Terms = terms,
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
        public CrossEntropyTerms Terms;

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
            float smoothing = Terms.Smoothing, c = Terms.ZCoefficient;
            // Before the row becomes its own gradient.
            float mean = smoothing == 0 ? 0 : (float)(Reduce.SumDouble(new ReadOnlySpan<float>(x, Vocab)) / Vocab);
            float sum = RowExp.Run(x, most, Gradient ? x : null, Vocab);
            float log = MathF.Log(sum), all = most + log;
            Losses[row] = log + below;
            if (smoothing != 0)
            {
                Losses[row] = ((1 - smoothing) * Losses[row]) + (smoothing * (all - mean));
            }
            if (c != 0)
            {
                Losses[row] += c * all * all;
            }
            if (Gradient)
            {
                float weight = Weights is null ? 1 : Weights[row];
                Map.Run(new ScaleOperator(weight * (c == 0 ? 1 : 1 + (2 * c * all)) / sum), x, x, Vocab);
                if (smoothing != 0)
                {
                    Map.Run(new ShiftOperator(-weight * smoothing / Vocab), x, x, Vocab);
                }
                x[target] -= weight * (1 - smoothing);
            }
        }
    }
}
