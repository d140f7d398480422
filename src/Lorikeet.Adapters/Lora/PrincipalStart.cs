using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Adapters;

/// <summary>Starts that take over a part of the weight: s B0 A0 is that part, the rest stays the base's.</summary>
/// <remarks>
/// PiSSA: the r largest singular components, B0 = U sqrt(S / s) [outputs, r], A0 = sqrt(S / s) V^T [r, inputs]. OLoRA: W = Q R, B0 = Q's first r columns,
/// A0 = R's first r rows. The fast decomposition takes a few columns more than r, which torch.svd_lowrank does not: nearer to the exact one for the same iterations.
/// Sources: Meng et al., arXiv 2404.02948; Büyükakyüz, arXiv 2406.01775.
/// </remarks>
internal static class PrincipalStart
{
    /// <summary>PiSSA's factors of a weight.</summary>
    /// <param name="weight">W, [outputs, inputs].</param>
    /// <param name="rank">r.</param>
    /// <param name="scale">s.</param>
    /// <param name="iterations">Subspace iterations of the fast decomposition; null: the exact one.</param>
    /// <param name="random">Draws the fast decomposition's first basis.</param>
    /// <param name="a">Receives A0, [r, inputs].</param>
    /// <param name="b">Receives B0, [outputs, r].</param>
    public static void Principal(Weight weight, int rank, float scale, int? iterations, CounterRandom random, Span<float> a, Span<float> b)
    {
        Matrix64 w = Matrix64.Of(weight.Outputs, weight.Inputs, weight.ToArray());
        Split(iterations is { } count ? RandomisedSvd.Thin(w, rank, random, count) : Svd.Thin(w), rank, scale, a, b);
    }

    /// <summary>The first components of a decomposition as two factors, each with the root of S / s.</summary>
    public static void Split(Svd svd, int rank, float scale, Span<float> a, Span<float> b)
    {
        int outputs = svd.U.Rows, inputs = svd.Vt.Columns;
        for (int k = 0; k < rank; k++)
        {
            double root = Math.Sqrt(svd.S[k] / scale);
            ReadOnlySpan<double> right = svd.Vt.Row(k);
            for (int i = 0; i < inputs; i++)
            {
                a[(k * inputs) + i] = (float)(root * right[i]);
            }
            for (int o = 0; o < outputs; o++)
            {
                b[(o * rank) + k] = (float)(root * svd.U[o, k]);
            }
        }
    }

    /// <summary>OLoRA's factors of a weight.</summary>
    /// <param name="weight">W, [outputs, inputs].</param>
    /// <param name="rank">r.</param>
    /// <param name="a">Receives A0, [r, inputs].</param>
    /// <param name="b">Receives B0, [outputs, r].</param>
    public static void Orthonormal(Weight weight, int rank, Span<float> a, Span<float> b)
    {
        Qr qr = Qr.Thin(Matrix64.Of(weight.Outputs, weight.Inputs, weight.ToArray()));
        qr.R.FirstRows(rank).CopyTo(a);
        qr.Q.FirstColumns(rank).CopyTo(b);
    }
}
