namespace Lorikeet.Kernels;

/// <summary>The product of two float32 matrices, either of them transposed: what gradients and adapters multiply with.</summary>
/// <remarks>
/// Each element is one chain of fused multiply-adds over ascending k from zero, then <c>scale * chain</c>, or <c>fma(scale, chain, c)</c> with accumulate:
/// bit for bit the same for every number of rows and threads and every kernel variant. Panels of b are packed into cache-sized scratch.
/// </remarks>
public static unsafe partial class MatrixProduct
{
    /// <summary>Effectively computes <c>c = (accumulate ? c : 0) + scale * op(a) op(b)</c>.</summary>
    /// <param name="a">[m, k], or stored [k, m] when <paramref name="transposeA"/>.</param>
    /// <param name="transposeA">a is stored transposed.</param>
    /// <param name="b">[k, n], or stored [n, k] when <paramref name="transposeB"/>.</param>
    /// <param name="transposeB">b is stored transposed.</param>
    /// <param name="c">[m, n]; must not overlap a or b.</param>
    /// <param name="m">Rows of the product; 0 does nothing.</param>
    /// <param name="n">Columns of the product; 0 does nothing.</param>
    /// <param name="k">Length of the sums; 0 makes each of them zero.</param>
    /// <param name="scale">Multiplies the product.</param>
    /// <param name="accumulate">Adds to c instead of replacing it.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A negative size.</exception>
    public static void Multiply(
        ReadOnlySpan<float> a, bool transposeA, ReadOnlySpan<float> b, bool transposeB, Span<float> c, int m, int n, int k, float scale = 1f, bool accumulate = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        Require.Length(a.Length, (long)m * k, nameof(a), transposeA ? "[k, m]" : "[m, k]");
        Require.Length(b.Length, (long)k * n, nameof(b), transposeB ? "[n, k]" : "[k, n]");
        Require.Length(c.Length, (long)m * n, nameof(c), "[m, n]");
        KernelWork.Count(m, n, k, (double)n * k * sizeof(float));
        fixed (float* left = a)
        fixed (float* right = b)
        fixed (float* to = c)
        {
            if (KernelPath.UseAvx512)
            {
                MultiplyAvx512(left, transposeA, right, transposeB, to, m, n, k, scale, accumulate);
            }
            else if (KernelPath.UseAvx2)
            {
                MultiplyAvx2(left, transposeA, right, transposeB, to, m, n, k, scale, accumulate);
            }
            else
            {
                MultiplyScalar(left, transposeA, right, transposeB, to, m, n, k, scale, accumulate);
            }
        }
    }
}
