using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <content>Activation functions by name.</content>
public static unsafe partial class Elementwise
{
    /// <summary>Effectively computes <c>to[i] = f(x[i])</c>.</summary>
    /// <param name="kind">f.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="to">The result, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap at an offset.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An unknown function.</exception>
    public static void Activate(ActivationKind kind, ReadOnlySpan<float> x, Span<float> to)
    {
        switch (kind)
        {
            case ActivationKind.None: x.CopyTo(to); break;
            case ActivationKind.Relu: Relu(x, to); break;
            case ActivationKind.Silu: Silu(x, to); break;
            case ActivationKind.Gelu: Gelu(x, to); break;
            case ActivationKind.GeluTanh: GeluTanh(x, to); break;
            case ActivationKind.QuickGelu: QuickGelu(x, to); break;
            case ActivationKind.Sigmoid: Sigmoid(x, to); break;
            case ActivationKind.Tanh: Tanh(x, to); break;
            default: throw new ArgumentOutOfRangeException(nameof(kind), kind, "expected one of the activation functions");
        }
    }

    /// <summary>The gradient of <see cref="Activate"/>: effectively computes <c>dx[i] = dy[i] f'(x[i])</c>.</summary>
    /// <param name="kind">f.</param>
    /// <param name="x">The forward's inputs.</param>
    /// <param name="dy">The gradient of its result, as long as <paramref name="x"/>.</param>
    /// <param name="dx">The gradient of its input, as long as <paramref name="x"/>.</param>
    /// <param name="accumulate">True adds to <paramref name="dx"/>, false writes it.</param>
    /// <exception cref="ArgumentException">The lengths differ, or spans overlap at an offset.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An unknown function.</exception>
    public static void ActivateBackward(ActivationKind kind, ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate)
    {
        switch (kind)
        {
            case ActivationKind.None when accumulate: Add(dx, dy, dx); break;
            case ActivationKind.None: dy.CopyTo(dx); break;
            case ActivationKind.Relu: ReluBackward(x, dy, dx, accumulate); break;
            case ActivationKind.Silu: SiluBackward(x, dy, dx, accumulate); break;
            case ActivationKind.Gelu: GeluBackward(x, dy, dx, accumulate); break;
            case ActivationKind.GeluTanh: GeluTanhBackward(x, dy, dx, accumulate); break;
            case ActivationKind.QuickGelu: QuickGeluBackward(x, dy, dx, accumulate); break;
            case ActivationKind.Sigmoid: SigmoidBackward(x, dy, dx, accumulate); break;
            case ActivationKind.Tanh: TanhBackward(x, dy, dx, accumulate); break;
            default: throw new ArgumentOutOfRangeException(nameof(kind), kind, "expected one of the activation functions");
        }
    }

    /// <summary><c>x[r, c] = f(x[r, c])</c> on this thread.</summary>
    internal static void ActivateHere(ActivationKind kind, float* x, nint stride, int rows, nint columns)
    {
        switch (kind)
        {
            case ActivationKind.None: break;
            case ActivationKind.Relu: Map.Rows(default(ReluOperator), x, stride, rows, columns); break;
            case ActivationKind.Silu: Map.Rows(default(SiluOperator), x, stride, rows, columns); break;
            case ActivationKind.Gelu: Map.Rows(default(GeluOperator), x, stride, rows, columns); break;
            case ActivationKind.GeluTanh: Map.Rows(default(GeluTanhOperator), x, stride, rows, columns); break;
            case ActivationKind.QuickGelu: Map.Rows(default(QuickGeluOperator), x, stride, rows, columns); break;
            case ActivationKind.Sigmoid: Map.Rows(default(SigmoidOperator), x, stride, rows, columns); break;
            default: Map.Rows(default(TanhOperator), x, stride, rows, columns); break;
        }
    }

    /// <summary><c>x[r, c] = f(gate[r, c]) x[r, c]</c> on this thread.</summary>
    internal static void GateHere(ActivationKind kind, float* gate, float* x, nint stride, int rows, nint columns)
    {
        switch (kind)
        {
            case ActivationKind.None: Map.Rows(default(MultiplyOperator), gate, stride, x, stride, rows, columns); break;
            case ActivationKind.Relu: Map.Rows(default(Gated<ReluOperator>), gate, stride, x, stride, rows, columns); break;
            case ActivationKind.Silu: Map.Rows(default(Gated<SiluOperator>), gate, stride, x, stride, rows, columns); break;
            case ActivationKind.Gelu: Map.Rows(default(Gated<GeluOperator>), gate, stride, x, stride, rows, columns); break;
            case ActivationKind.GeluTanh: Map.Rows(default(Gated<GeluTanhOperator>), gate, stride, x, stride, rows, columns); break;
            case ActivationKind.QuickGelu: Map.Rows(default(Gated<QuickGeluOperator>), gate, stride, x, stride, rows, columns); break;
            case ActivationKind.Sigmoid: Map.Rows(default(Gated<SigmoidOperator>), gate, stride, x, stride, rows, columns); break;
            default: Map.Rows(default(Gated<TanhOperator>), gate, stride, x, stride, rows, columns); break;
        }
    }

    private readonly struct Gated<TOperator> : IBinary
        where TOperator : unmanaged, IUnary
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Invoke<T>(T gate, T x)
            where T : unmanaged, ILanes<T> => default(TOperator).Invoke(gate) * x;
    }
}
