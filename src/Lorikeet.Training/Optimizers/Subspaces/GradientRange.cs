using Lorikeet.Kernels;
using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Training;

/// <summary>The first singular vectors of a gradient, by a randomised decomposition whose long products run in float32 on all cores.</summary>
/// <remarks>
/// As <see cref="RandomisedSvd"/>, with T [long, short] the gradient or its transpose, whichever is tall: Q = qr(T Omega); twice Z = qr(T' Q), Q = qr(T Z); then the
/// decomposition of Q' T [q, short]. Only the narrow factors [long, q], [short, q] and [q, short] are float64, one at a time, so that a refresh of a large
/// model's bases neither copies a gradient nor leaves one behind for the garbage collector. A basis needs no more: float32 products err by 1e-6 of the largest singular value,
/// and what a subspace leaves out is larger. Source: Halko, Martinsson and Tropp, SIAM Review 53 (2011), algorithms 4.4 and 5.1.
/// </remarks>
internal static class GradientRange
{
    private const int Oversampling = 8;
    private const int Iterations = 2;

    /// <summary>Singular vectors as rows: [left, m] and [right, n].</summary>
    /// <param name="gradient">[m, n].</param>
    /// <param name="left">How many left ones; 0: none.</param>
    /// <param name="right">How many right ones; 0: none.</param>
    /// <param name="random">Draws the test matrix.</param>
    public static (Matrix64 Left, Matrix64 Right) Vectors(in Tensor gradient, int left, int right, CounterRandom random)
    {
        bool wide = gradient.Rows < gradient.Width;
        int high = Math.Max(gradient.Rows, gradient.Width), low = Math.Min(gradient.Rows, gradient.Width);
        int columns = Math.Min(low, Math.Max(1, Math.Max(left, right)) + Oversampling);
        Tensor q = Storage.Zeros(new Shape(high, columns)), z = Storage.Zeros(new Shape(low, columns)), inside = Storage.Zeros(new Shape(columns, low));
        try
        {
            random.FillNormal(z.Span, 1);
            MatrixProduct.Multiply(gradient.Span, wide, z.Span, false, q.Span, high, columns, low);
            Orthonormalise(q);
            for (int i = 0; i < Iterations; i++)
            {
                MatrixProduct.Multiply(gradient.Span, !wide, q.Span, false, z.Span, low, columns, high);
                Orthonormalise(z);
                MatrixProduct.Multiply(gradient.Span, wide, z.Span, false, q.Span, high, columns, low);
                Orthonormalise(q);
            }
            MatrixProduct.Multiply(q.Span, true, gradient.Span, wide, inside.Span, columns, low, high);
            Svd small = Svd.Thin(Matrix64.Of(columns, low, inside.Span));
            // Vectors of the short side are those of Q' T; those of the long side are Q times its left ones.
            int longCount = wide ? right : left;
            Matrix64 shortSide = small.Vt.FirstRows(wide ? left : right);
            Matrix64 longSide = longCount > 0 ? Matrix64.Of(high, columns, q.Span).Times(small.U.FirstColumns(longCount)).Transposed() : new Matrix64(0, high);
            return wide ? (shortSide, longSide) : (longSide, shortSide);
        }
        finally
        {
            q.Free();
            z.Free();
            inside.Free();
        }
    }

    private static void Orthonormalise(in Tensor columns) => Qr.Thin(Matrix64.Of(columns.Rows, columns.Width, columns.Span)).Q.CopyTo(columns.Span);
}
