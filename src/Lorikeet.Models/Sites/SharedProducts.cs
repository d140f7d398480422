using System.Runtime.CompilerServices;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>The plain products of a projection's layers as one job of the team.</summary>
internal static class SharedProducts
{
    /// <summary>y[i] = W[i] x for all layers, where their weights are of one kind that multiplies together.</summary>
    /// <param name="run">The run.</param>
    /// <param name="sites">The layers.</param>
    /// <param name="x">[rows, inputs], prepared for the first layer's weight.</param>
    /// <param name="y">One tensor a layer, [rows, outputs], overwritten.</param>
    /// <param name="around">FLoRA's factors around each product; empty: none.</param>
    /// <param name="after">What is done to each product's results at once; empty: nothing.</param>
    /// <returns>False: they are not; nothing was done.</returns>
    public static bool Multiply(
        ModelRun run, LinearSite[] sites, in Prepared x, ReadOnlySpan<Tensor> y, ReadOnlySpan<HadamardSegments> around, ReadOnlySpan<Epilogue> after)
    {
        SomeWeights some = default;
        Span<Weight> weights = some;
        if (sites.Length > weights.Length)
        {
            return false;
        }
        for (int i = 0; i < sites.Length; i++)
        {
            weights[i] = sites[i].Weight;
            if (weights[i].Preparation != weights[0].Preparation)
            {
                return false;
            }
        }
        return weights[0].MultiplyTogether(run, x, weights[..sites.Length], y, around, after);
    }

    [InlineArray(4)]
    private struct SomeWeights
    {
        private Weight first;
    }
}
