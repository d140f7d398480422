using System.Runtime.InteropServices;

namespace Lorikeet.Tensors;

/// <content>Gradients that reach a value through frozen products wait until all of them are there: then they are one job of the team.</content>
/// <remarks>
/// They are added when the walk reaches the value, after all other shares, in the order in which they came. So q, k and v, or gate and up, make their
/// input's gradient together, whatever adapters add to it in between.
/// </remarks>
public sealed partial class Tape
{
    private readonly List<Weight> joined = [];
    private readonly List<Tensor> joinedShares = [];

    /// <summary>Puts off dx += dy W; the buffer of dy is the tape's from here on.</summary>
    /// <param name="run">The run.</param>
    /// <param name="input">x.</param>
    /// <param name="weight">W.</param>
    /// <param name="dy">[rows, outputs].</param>
    internal void GiveProduct(Run run, in Tensor input, Weight weight, ref PooledTensor dy)
    {
        Entry entry = Of(input);
        if (entry.Leaf is null)
        {
            entry.Products.Add((weight, dy));
            dy = default;
            return;
        }
        // A parameter may be read at once.
        weight.MultiplyTransposed(run, dy.Tensor, GradientOf(input, out bool accumulate), accumulate);
    }

    /// <summary>Adds what was put off.</summary>
    private void AddProducts(Run run, Entry entry)
    {
        if (entry.Products.Count == 0)
        {
            return;
        }
        bool accumulate = entry.Gradient.Tensor.Exists;
        entry.Gradient = accumulate ? entry.Gradient : pool.Rent(entry.Shape);
        foreach ((Weight weight, PooledTensor dy) in entry.Products)
        {
            joined.Add(weight);
            joinedShares.Add(dy.Tensor);
        }
        Tensor dx = entry.Gradient.Tensor;
        bool done = joined.Count > 1
            && joined[0].MultiplyTransposedTogether(run, CollectionsMarshal.AsSpan(joined), CollectionsMarshal.AsSpan(joinedShares), dx, accumulate);
        for (int i = 0; i < joined.Count && !done; i++)
        {
            joined[i].MultiplyTransposed(run, joinedShares[i], dx, accumulate || i > 0);
        }
        joined.Clear();
        joinedShares.Clear();
        ReturnProducts(entry);
    }

    private void ReturnProducts(Entry entry)
    {
        foreach ((_, PooledTensor dy) in entry.Products)
        {
            pool.Return(dy);
        }
        entry.Products.Clear();
    }
}
