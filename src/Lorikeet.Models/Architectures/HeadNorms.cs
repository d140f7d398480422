using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A norm of its own for each head (StableLM 2 12B): head h of every row goes through the h-th.</summary>
/// <param name="heads">The norms, one a head.</param>
internal sealed class HeadNorms(NormSite[] heads) : INorm
{
    /// <inheritdoc/>
    public Tensor Forward(ModelRun run, in Tensor x)
    {
        int rows = x.Rows, count = heads.Length;
        // Rows of [rows, heads] in the order of the heads, and back.
        int[] order = new int[rows * count], back = new int[rows * count];
        for (int i = 0; i < order.Length; i++)
        {
            (int head, int row) = Math.DivRem(i, rows);
            order[i] = (row * count) + head;
            back[order[i]] = i;
        }
        Tensor sorted = GatherRows.Forward(run, Reshape.Forward(run, x, new Shape(rows * count, x.Width / count)), order);
        Tensor[] parts = new Tensor[count];
        for (int head = 0; head < count; head++)
        {
            parts[head] = heads[head].Forward(run, RowSlice.Forward(run, sorted, head * rows, rows));
        }
        return Reshape.Forward(run, GatherRows.Forward(run, RowConcat.Forward(run, parts), back), x.Shape);
    }
}
