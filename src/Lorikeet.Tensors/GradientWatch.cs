using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Yields dL/dW of a frozen weight, for methods that look at the gradient of what they do not train.</summary>
/// <remarks>
/// dL/dW [outputs, inputs] = sum over rows of dy[row]^T x[row]; with <paramref name="examples"/>, one such sum for each range of rows. Rows
/// count in the batch where the weight is multiplied with all rows at once, and inside <see cref="HeadLoss"/>.
/// </remarks>
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

    /// <summary>Adds dy^T x of the rows of each example.</summary>
    /// <param name="x">[rows * copies, inputs].</param>
    /// <param name="dy">[rows * copies, outputs].</param>
    /// <param name="firstRow">The batch's row that the first row here is.</param>
    /// <param name="copies">Rows here for each row of the batch.</param>
    internal void Add(in Tensor x, in Tensor dy, int firstRow, int copies = 1)
    {
        Arrived = true;
        for (int i = 0; i < sums.Length; i++)
        {
            Tensor sum = SumOf(i);
            (int row, int rows) = Own(i, firstRow, x.Rows / copies);
            if (rows > 0)
            {
                MatrixProduct.Multiply(
                    dy.ViewRows(row * copies, rows * copies).Span,
                    true,
                    x.ViewRows(row * copies, rows * copies).Span,
                    false,
                    sum.Span,
                    Weight.Outputs,
                    Weight.Inputs,
                    rows * copies,
                    1f,
                    true);
            }
        }
    }

    /// <summary>Adds what a look-up of rows gives: dW[ids[i], :] += dy[i, :].</summary>
    internal void AddRows(ReadOnlySpan<int> ids, in Tensor dy)
    {
        Arrived = true;
        for (int i = 0; i < sums.Length; i++)
        {
            Tensor sum = SumOf(i);
            (int row, int rows) = Own(i, 0, ids.Length);
            for (int r = row; r < row + rows; r++)
            {
                Span<float> to = sum.Row(ids[r]);
                Elementwise.Add(to, dy.Row(r), to);
            }
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

    private Tensor SumOf(int example)
    {
        ref Tensor sum = ref sums[example];
        return sum.Exists ? sum : sum = Storage.Zeros(new Shape(Weight.Outputs, Weight.Inputs));
    }

    /// <summary>The rows of an example among <paramref name="count"/> rows from <paramref name="firstRow"/> on, counted from there.</summary>
    private (int Row, int Rows) Own(int example, int firstRow, int count)
    {
        (int row, int rows) = examples?[example] ?? (firstRow, count);
        int first = Math.Max(row - firstRow, 0);
        return (first, Math.Min(row + rows - firstRow, count) - first);
    }
}
