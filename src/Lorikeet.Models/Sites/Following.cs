using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>
/// What a model does to a projection's result next: y = f(y) + residual; gated, with two layers, y = f(y[0]) o y[1] + residual. A projection may do it while the result is
/// still in the caches; the bits are the same.
/// </summary>
/// <param name="Activation">f.</param>
/// <param name="Gated">The first of two layers is the gate of the second.</param>
/// <param name="Residual">[rows, outputs], added last; or default.</param>
/// <param name="Next">The projection that reads the result as it is, and is the first to read it; or null. The result may be prepared for it.</param>
public readonly record struct Following(ActivationKind Activation = ActivationKind.None, bool Gated = false, Tensor Residual = default, Projection? Next = null)
{
    /// <summary>The same as operations of their own, which may be recorded.</summary>
    /// <param name="run">The run.</param>
    /// <param name="y">What the layers gave, [rows, outputs] each; with a residual, the last may be changed in place.</param>
    /// <returns>[rows, outputs].</returns>
    public Tensor Finish(ModelRun run, ReadOnlySpan<Tensor> y)
    {
        Tensor result = (Gated, Activation) switch
        {
            (true, ActivationKind.Silu) => SwiGlu.Forward(run, y[0], y[1]),
            (true, _) => Multiply.Forward(run, Tensors.Activation.Forward(run, y[0], Activation), y[1]),
            (_, ActivationKind.None) => y[^1],
            _ => Tensors.Activation.Forward(run, y[^1], Activation),
        };
        return Residual.Exists ? Sum.Into(run, result, Residual) : result;
    }

    /// <summary>The same for a kernel: what follows the product of one of the layers.</summary>
    /// <param name="layer">Which of them.</param>
    /// <param name="bias">The layer's bias, or null.</param>
    /// <param name="y">What the layers give.</param>
    /// <param name="codes">Room for the codes of the result, or default.</param>
    internal unsafe Epilogue Of(int layer, Parameter? bias, ReadOnlySpan<Tensor> y, in Tensor codes = default)
    {
        bool last = layer == y.Length - 1;
        return new Epilogue
        {
            Bias = bias is null ? null : bias.Value.Pointer,
            Activation = last ? Activation : ActivationKind.None,
            Gate = Gated && last ? y[0].Pointer : null,
            Residual = Residual.Exists && last ? Residual.Pointer : null,
            Coded = codes.Exists && last ? (byte*)codes.Pointer : null,
        };
    }
}
