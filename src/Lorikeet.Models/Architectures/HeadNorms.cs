using System.Runtime.InteropServices;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A norm of its own for each head (StableLM 2 12B): head h of every row goes through the h-th.</summary>
/// <param name="heads">The norms, one a head.</param>
internal sealed class HeadNorms(NormSite[] heads) : INorm
{
    /// <inheritdoc/>
    public Tensor Forward(ModelRun run, in Tensor x)
    {
        int count = heads.Length, width = x.Width / count;
        Routing routing = run.Routing();
        routing.Begin(x.Rows, count, count);
        Span<int> all = routing.Chosen.Span;
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = i % count;
        }
        routing.Sort();
        for (int head = 0; head < count; head++)
        {
            routing.Answers.Add(heads[head].Forward(run, ColumnSlice.Forward(run, x, head * width, width)));
        }
        // [heads, rows] of what each norm answered, back in the order of the rows.
        Tensor answers = RowConcat.Forward(run, CollectionsMarshal.AsSpan(routing.Answers));
        routing.Answers.Clear();
        return Reshape.Forward(run, GatherRows.Forward(run, answers, routing.Places), x.Shape);
    }
}
