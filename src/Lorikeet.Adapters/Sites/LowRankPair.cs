using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>The pair of factors of LoRA, dW = s B A, wherever it acts.</summary>
/// <param name="A">A, [r, inputs] (an embedding: [r, vocabulary]).</param>
/// <param name="B">B, [outputs, r] (an embedding: [hidden, r]).</param>
/// <param name="Scale">s.</param>
public sealed record LowRankPair(Parameter A, Parameter B, float Scale)
{
    /// <summary>r.</summary>
    public int Rank => A.Shape.Rows;

    /// <summary>Adds s B A to a matrix [outputs, inputs].</summary>
    /// <param name="weight">Row-major [outputs, inputs].</param>
    /// <param name="sign">1, or -1 to subtract.</param>
    internal void AddTo(Span<float> weight, float sign = 1f) => MatrixProduct.Multiply(
        B.Value.Span, false, A.Value.Span, false, weight, B.Value.Rows, A.Value.Width, Rank, sign * Scale, true);

    /// <summary>Adds (s B A)^T to a table [inputs, outputs].</summary>
    /// <param name="table">Row-major [vocabulary, hidden].</param>
    internal void AddTransposedTo(Span<float> table) => MatrixProduct.Multiply(
        A.Value.Span, true, B.Value.Span, true, table, A.Value.Width, B.Value.Rows, Rank, Scale, true);
}

/// <summary>A change that holds a low-rank pair, so that pairs of several adapters can be mixed.</summary>
internal interface ILowRankChange
{
    LowRankPair Pair { get; }

    /// <summary>True where the change is nothing but its pair.</summary>
    bool IsPlain { get; }
}
