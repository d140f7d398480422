namespace Lorikeet.Kernels;

/// <content>Activation functions and their gradients.</content>
public static partial class Elementwise
{
    /// <summary>Effectively computes <c>to[i] = e^x[i]</c>.</summary>
    /// <remarks>0 below -87.3, infinity above 88.72; within 2 ulp.</remarks>
    /// <param name="x">The inputs.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap at an offset.</exception>
    public static void Exp(ReadOnlySpan<float> x, Span<float> to) => MapTeam.Unary(default(ExpOperator), x, to);

    /// <summary>The gradient of <see cref="Exp"/>: effectively computes <c>dx[i] = dy[i] * e^x[i]</c>.</summary>
    /// <param name="x">The forward's inputs.</param>
    /// <param name="dy">The gradient of its result, as long as <paramref name="x"/>.</param>
    /// <param name="dx">The gradient of its input, as long as <paramref name="x"/>.</param>
    /// <param name="accumulate">True adds to <paramref name="dx"/>, false writes it.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void ExpBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate) =>
        Backward<ExpBackwardOperator>(x, dy, dx, accumulate);

    /// <summary>Effectively computes <c>to[i] = 1 / (1 + e^-x[i])</c>.</summary>
    /// <remarks>Within 3 ulp.</remarks>
    /// <param name="x">The inputs.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap at an offset.</exception>
    public static void Sigmoid(ReadOnlySpan<float> x, Span<float> to) => MapTeam.Unary(default(SigmoidOperator), x, to);

    /// <summary>The gradient of <see cref="Sigmoid"/>: effectively computes <c>dx[i] = dy[i] * s (1 - s), s = sigmoid(x[i])</c>.</summary>
    /// <param name="x">The forward's inputs.</param>
    /// <param name="dy">The gradient of its result, as long as <paramref name="x"/>.</param>
    /// <param name="dx">The gradient of its input, as long as <paramref name="x"/>.</param>
    /// <param name="accumulate">True adds to <paramref name="dx"/>, false writes it.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void SigmoidBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate) =>
        Backward<SigmoidBackwardOperator>(x, dy, dx, accumulate);

    /// <summary>Effectively computes <c>to[i] = tanh(x[i])</c>.</summary>
    /// <remarks>Within 3 ulp.</remarks>
    /// <param name="x">The inputs.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap at an offset.</exception>
    public static void Tanh(ReadOnlySpan<float> x, Span<float> to) => MapTeam.Unary(default(TanhOperator), x, to);

    /// <summary>The gradient of <see cref="Tanh"/>: effectively computes <c>dx[i] = dy[i] * (1 - tanh(x[i])^2)</c>.</summary>
    /// <param name="x">The forward's inputs.</param>
    /// <param name="dy">The gradient of its result, as long as <paramref name="x"/>.</param>
    /// <param name="dx">The gradient of its input, as long as <paramref name="x"/>.</param>
    /// <param name="accumulate">True adds to <paramref name="dx"/>, false writes it.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void TanhBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate) =>
        Backward<TanhBackwardOperator>(x, dy, dx, accumulate);

    /// <summary>Effectively computes <c>to[i] = max(x[i], 0)</c>.</summary>
    /// <remarks>NaN stays NaN.</remarks>
    /// <param name="x">The inputs.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap at an offset.</exception>
    public static void Relu(ReadOnlySpan<float> x, Span<float> to) => MapTeam.Unary(default(ReluOperator), x, to);

    /// <summary>The gradient of <see cref="Relu"/>: effectively computes <c>dx[i] = x[i] &gt; 0 ? dy[i] : 0</c>.</summary>
    /// <param name="x">The forward's inputs.</param>
    /// <param name="dy">The gradient of its result, as long as <paramref name="x"/>.</param>
    /// <param name="dx">The gradient of its input, as long as <paramref name="x"/>.</param>
    /// <param name="accumulate">True adds to <paramref name="dx"/>, false writes it.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void ReluBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate) =>
        Backward<ReluBackwardOperator>(x, dy, dx, accumulate);

    /// <summary>Effectively computes <c>to[i] = x[i] * sigmoid(x[i])</c>.</summary>
    /// <remarks>Also called swish (Elfwing et al. 2017, arXiv:1702.03118).</remarks>
    /// <param name="x">The inputs.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap at an offset.</exception>
    public static void Silu(ReadOnlySpan<float> x, Span<float> to) => MapTeam.Unary(default(SiluOperator), x, to);

    /// <summary>The gradient of <see cref="Silu"/>: effectively computes <c>dx[i] = dy[i] * s (1 + x[i] (1 - s)), s =
    /// sigmoid(x[i])</c>.</summary>
    /// <param name="x">The forward's inputs.</param>
    /// <param name="dy">The gradient of its result, as long as <paramref name="x"/>.</param>
    /// <param name="dx">The gradient of its input, as long as <paramref name="x"/>.</param>
    /// <param name="accumulate">True adds to <paramref name="dx"/>, false writes it.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void SiluBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate) =>
        Backward<SiluBackwardOperator>(x, dy, dx, accumulate);

    /// <summary>Effectively computes <c>to[i] = x[i] * (1 + erf(x[i] / sqrt 2)) / 2</c>.</summary>
    /// <remarks>The exact form (Hendrycks and Gimpel 2016, arXiv:1606.08415), within 2e-7 of |x|.</remarks>
    /// <param name="x">The inputs.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap at an offset.</exception>
    public static void Gelu(ReadOnlySpan<float> x, Span<float> to) => MapTeam.Unary(default(GeluOperator), x, to);

    /// <summary>The gradient of <see cref="Gelu"/>: effectively computes <c>dx[i] = dy[i] * (P(x[i]) + x[i] p(x[i])), with the normal
    /// distribution P and density p</c>.</summary>
    /// <param name="x">The forward's inputs.</param>
    /// <param name="dy">The gradient of its result, as long as <paramref name="x"/>.</param>
    /// <param name="dx">The gradient of its input, as long as <paramref name="x"/>.</param>
    /// <param name="accumulate">True adds to <paramref name="dx"/>, false writes it.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void GeluBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate) =>
        Backward<GeluBackwardOperator>(x, dy, dx, accumulate);

    /// <summary>Effectively computes <c>to[i] = x[i] * (1 + tanh(u)) / 2, u = sqrt(2/pi) (x[i] + 0.044715 x[i]^3)</c>.</summary>
    /// <remarks>The approximation many models were trained with (arXiv:1606.08415, section 2), computed as x sigmoid(2u).</remarks>
    /// <param name="x">The inputs.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap at an offset.</exception>
    public static void GeluTanh(ReadOnlySpan<float> x, Span<float> to) => MapTeam.Unary(default(GeluTanhOperator), x, to);

    /// <summary>The gradient of <see cref="GeluTanh"/>: effectively computes <c>dx[i] = dy[i] * (s + x[i] s (1 - s) 2u'), s =
    /// sigmoid(2u)</c>.</summary>
    /// <param name="x">The forward's inputs.</param>
    /// <param name="dy">The gradient of its result, as long as <paramref name="x"/>.</param>
    /// <param name="dx">The gradient of its input, as long as <paramref name="x"/>.</param>
    /// <param name="accumulate">True adds to <paramref name="dx"/>, false writes it.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void GeluTanhBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate) =>
        Backward<GeluTanhBackwardOperator>(x, dy, dx, accumulate);

    /// <summary>Effectively computes <c>to[i] = x[i] * sigmoid(1.702 x[i])</c>.</summary>
    /// <remarks>The short approximation of the Gelu (arXiv:1606.08415, section 2).</remarks>
    /// <param name="x">The inputs.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap at an offset.</exception>
    public static void QuickGelu(ReadOnlySpan<float> x, Span<float> to) => MapTeam.Unary(default(QuickGeluOperator), x, to);

    /// <summary>The gradient of <see cref="QuickGelu"/>: effectively computes <c>dx[i] = dy[i] * s (1 + z (1 - s)), z = 1.702 x[i], s =
    /// sigmoid(z)</c>.</summary>
    /// <param name="x">The forward's inputs.</param>
    /// <param name="dy">The gradient of its result, as long as <paramref name="x"/>.</param>
    /// <param name="dx">The gradient of its input, as long as <paramref name="x"/>.</param>
    /// <param name="accumulate">True adds to <paramref name="dx"/>, false writes it.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    public static void QuickGeluBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate) =>
        Backward<QuickGeluBackwardOperator>(x, dy, dx, accumulate);

    private static void Backward<TOperator>(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate)
        where TOperator : unmanaged, IBinary
    {
        if (accumulate)
        {
            MapTeam.Ternary(default(AccumulatedOperator<TOperator>), x, dy, dx, dx);
        }
        else
        {
            MapTeam.Binary(default(TOperator), x, dy, dx);
        }
    }
}
