using Lorikeet.Kernels;

namespace Lorikeet.Serving;

/// <summary>Probabilities of the tokens that are still in: p = softmax(scores).</summary>
internal static class Probabilities
{
    /// <summary>Fills the scratch's probabilities.</summary>
    public static Span<float> Of(ReadOnlySpan<float> scores, SamplingScratch scratch)
    {
        Span<float> to = scratch.Probabilities.AsSpan(0, scores.Length);
        Softmax.Rows(scores, scores.Length, to);
        return to;
    }
}
