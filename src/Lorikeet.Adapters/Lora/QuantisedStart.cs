using Lorikeet.Kernels;
using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Adapters;

/// <summary>A weight as a four-bit matrix and the low-rank part that takes what four bits lose: QPiSSA's start.</summary>
/// <param name="Base">The quantised residual; the caller owns it.</param>
/// <param name="A">lora_A, [r, inputs].</param>
/// <param name="B">lora_B, [outputs, r].</param>
/// <remarks>
/// E = W; T times: s B A = the r largest components of E; Q = quantise(W - s B A);
/// E = W - deq(Q). The last factors belong to the last Q. The adapter is a plain LoRA over this base and no other. Source: Meng et al., arXiv 2404.02948,
/// and its code's pissa_quant.
/// </remarks>
public sealed record QuantisedStart(FourBitWeight Base, float[] A, float[] B)
{
    /// <summary>Splits a weight.</summary>
    /// <param name="weight">W, [outputs, inputs].</param>
    /// <param name="rank">r.</param>
    /// <param name="rounds">T: 1 quantises PiSSA's residual; more fit and quantise in turn.</param>
    /// <param name="scale">The adapter's s.</param>
    /// <param name="kind">nf4 or fp4.</param>
    /// <param name="doubled">Whether the scales are quantised too.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rank is above the weight's, or there are no rounds.</exception>
    public static QuantisedStart Of(Weight weight, int rank, int rounds = 1, float scale = 1f, string kind = "nf4", bool doubled = false)
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rounds);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rank);
        int outputs = weight.Outputs, inputs = weight.Inputs;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rank, Math.Min(outputs, inputs));
        float[] w = weight.ToArray(), error = [.. w], a = new float[rank * inputs], b = new float[outputs * rank];
        FourBitWeight? quantised = null;
        for (int round = 0; round < rounds; round++)
        {
            PrincipalStart.Split(Svd.Thin(Matrix64.Of(outputs, inputs, error)), rank, scale, a, b);
            float[] residual = [.. w];
            MatrixProduct.Multiply(b, false, a, false, residual, outputs, inputs, rank, -scale, true);
            quantised?.Dispose();
            quantised = FourBitWeight.Quantise(residual, outputs, inputs, kind, doubled);
            float[] restored = quantised.ToArray();
            Elementwise.Subtract(w, restored, error);
        }
        return new QuantisedStart(quantised!, a, b);
    }
}
