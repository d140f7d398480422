using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Yields dL/dW of a frozen weight, for methods that look at the gradient of what they do not train.</summary>
/// <remarks>dL/dW [outputs, inputs] = sum over rows of dy[row]^T x[row]; with <paramref name="examples"/>, one such sum for each range of rows.</remarks>
/// <param name="weight">The weight to watch.</param>
/// <param name="examples">Ranges of rows whose gradients are wanted apart; null: one sum over all rows.</param>
public sealed class GradientWatch(Weight weight, IReadOnlyList<(int Row, int Rows)>? examples = null) : IDisposable
{
    private readonly Tensor[] sums = new Tensor[examples?.Count ?? 1];

    /// <summary>The weight that is watched.</summary>
    public Weight Weight { get; } = weight;

    /// <summary>Number of separate gradients: examples, or 1.</summary>
    public int Count => sums.Length;

    /// <summary>True once a backward pass went through the weight.</summary>
    public bool Arrived { get; private set; }

    /// <summary>One gradient, [outputs, inputs].</summary>
    /// <param name="example">The example's number; 0 where there is one sum over all rows.</param>
    public Tensor Gradient(int example = 0) =>
        Arrived ? sums[example] : throw new InvalidOperationException("no gradient arrived: the weight was not used in a recorded pass");

    /// <summary>Sets the gradients back to nothing.</summary>
    public void Clear()
    {
        Arrived = false;
        foreach (Tensor sum in sums)
        {
            if (sum.Exists)
            {
                sum.Span.Clear();
            }
        }
    }

    internal void Add(in Tensor x, in Tensor dy)
    {
        Arrived = true;
        for (int i = 0; i < sums.Length; i++)
        {
            if (!sums[i].Exists)
            {
                sums[i] = Storage.Zeros(new Shape(Weight.Outputs, Weight.Inputs));
            }
            (int row, int rows) = examples?[i] ?? (0, x.Rows);
            MatrixProduct.Multiply(
                dy.ViewRows(row, rows).Span, true, x.ViewRows(row, rows).Span, false, sums[i].Span, Weight.Outputs, Weight.Inputs, rows, 1f, true);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor sum in sums)
        {
            sum.Free();
        }
    }
}
