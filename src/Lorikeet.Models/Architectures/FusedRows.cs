using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>How the outputs of one fused matrix hold q, k and v.</summary>
/// <param name="Shape">Heads, key heads and head size.</param>
/// <param name="Grouped">
/// True: for each key head its query heads, then k, then v, which includes (head, [q, k, v]) of models with as many key as query heads, and all
/// of q, then k, then v of those with one key head. False: all of q, all of k, all of v.
/// </param>
internal readonly record struct FusedRows(AttentionShape Shape, bool Grouped)
{
    /// <summary>Outputs of the matrix.</summary>
    public int Width => (Shape.Heads + (2 * Shape.KeyHeads)) * Shape.HeadDim;

    /// <summary>Takes q, k and v apart.</summary>
    /// <param name="run">The run.</param>
    /// <param name="fused">[rows, <see cref="Width"/>].</param>
    /// <param name="parts">Receives q [rows, heads * headDim], k and v [rows, keyHeads * headDim].</param>
    public void Split(ModelRun run, in Tensor fused, Span<Tensor> parts)
    {
        int dim = Shape.HeadDim;
        if (!Grouped)
        {
            int query = Shape.Heads * dim, key = Shape.KeyHeads * dim;
            parts[0] = ColumnSlice.Forward(run, fused, 0, query);
            parts[1] = ColumnSlice.Forward(run, fused, query, key);
            parts[2] = ColumnSlice.Forward(run, fused, query + key, key);
            return;
        }
        int group = Shape.Heads / Shape.KeyHeads * dim, stride = group + (2 * dim);
        parts[0] = ColumnSlice.Forward(run, fused, 0, group, Shape.KeyHeads, stride);
        parts[1] = ColumnSlice.Forward(run, fused, group, dim, Shape.KeyHeads, stride);
        parts[2] = ColumnSlice.Forward(run, fused, group + dim, dim, Shape.KeyHeads, stride);
    }
}
