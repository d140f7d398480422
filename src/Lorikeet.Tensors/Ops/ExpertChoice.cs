using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>The experts that a router chooses for each row, and their weights: the k largest of p = softmax(logits), or those divided by their sum.</summary>
/// <remarks>
/// Backward of the weights w: where they are divided by their sum, dlogit[e] = w[e] (dw[e] - sum of w o dw) for the chosen e; else
/// dlogit[e] = p[e] (dw[e] - sum of w o dw), dw being 0 for those that were not chosen. The choice itself has no gradient.
/// Source: Shazeer et al., arXiv 1701.06538; Jiang et al., arXiv 2401.04088.
/// </remarks>
public static class ExpertChoice
{
    /// <summary>Chooses.</summary>
    /// <param name="run">The run.</param>
    /// <param name="logits">[rows, experts].</param>
    /// <param name="renormalise">Divide the chosen probabilities by their sum.</param>
    /// <param name="chosen">Receives [rows, k] experts in ascending order; of equal ones the first is chosen. Must not change until backward.</param>
    /// <returns>[rows, k].</returns>
    /// <exception cref="ArgumentException">There are fewer experts than are to be chosen.</exception>
    public static Tensor Forward(Run run, in Tensor logits, bool renormalise, Memory<int> chosen)
    {
        int k = logits.Rows == 0 ? 1 : chosen.Length / logits.Rows;
        if (k < 1 || k > logits.Width || chosen.Length != k * logits.Rows)
        {
            throw new ArgumentException($"experts: {chosen.Length} choices for logits {logits.Shape}; expected 1 to {logits.Width} for each row", nameof(chosen));
        }
        Tensor p = run.Allocate(logits.Rows, logits.Width), weights = run.Allocate(logits.Rows, k);
        Softmax.Rows(logits.Span, logits.Width, p.Span);
        for (int row = 0; row < logits.Rows; row++)
        {
            Span<int> own = chosen.Span.Slice(row * k, k);
            ReadOnlySpan<float> of = p.Row(row);
            Largest(of, own);
            Span<float> w = weights.Row(row);
            float sum = 0;
            for (int s = 0; s < k; s++)
            {
                w[s] = of[own[s]];
                sum += w[s];
            }
            for (int s = 0; s < k && renormalise; s++)
            {
                w[s] /= sum;
            }
        }
        return run.Tape is not null && logits.Recorded
            ? run.Tape.Record(run, weights, new ExpertChoiceNode(logits, p, weights, renormalise, chosen), p, weights)
            : weights;
    }

    private static void Largest(ReadOnlySpan<float> p, Span<int> chosen)
    {
        for (int s = 0; s < chosen.Length; s++)
        {
            int best = -1;
            for (int e = 0; e < p.Length; e++)
            {
                if ((best < 0 || p[e] > p[best]) && !chosen[..s].Contains(e))
                {
                    best = e;
                }
            }
            chosen[s] = best;
        }
        chosen.Sort();
    }

    private sealed class ExpertChoiceNode(Tensor logits, Tensor p, Tensor weights, bool renormalise, ReadOnlyMemory<int> chosen) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dLogits = gradient.GradientToAddTo(logits);
            int k = weights.Width;
            for (int row = 0; row < logits.Rows; row++)
            {
                ReadOnlySpan<int> own = chosen.Span.Slice(row * k, k);
                ReadOnlySpan<float> w = weights.Row(row), dw = gradient.Output.Row(row);
                Span<float> to = dLogits.Row(row);
                float dot = Reduce.Dot(w, dw);
                if (!renormalise)
                {
                    Elementwise.AddScaled(-dot, p.Row(row), to);
                }
                for (int s = 0; s < k; s++)
                {
                    to[own[s]] += w[s] * (renormalise ? dw[s] - dot : dw[s]);
                }
            }
        }
    }
}
