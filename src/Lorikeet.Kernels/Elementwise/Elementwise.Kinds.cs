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

    /// <summary><c>x[i] = f(x[i])</c> on this thread.</summary>
    internal static void ActivateHere(ActivationKind kind, float* x, nint count)
    {
        switch (kind)
        {
            case ActivationKind.None: break;
            case ActivationKind.Relu: Map.Run(default(ReluOperator), x, x, count); break;
            case ActivationKind.Silu: Map.Run(default(SiluOperator), x, x, count); break;
            case ActivationKind.Gelu: Map.Run(default(GeluOperator), x, x, count); break;
            case ActivationKind.GeluTanh: Map.Run(default(GeluTanhOperator), x, x, count); break;
            case ActivationKind.QuickGelu: Map.Run(default(QuickGeluOperator), x, x, count); break;
            case ActivationKind.Sigmoid: Map.Run(default(SigmoidOperator), x, x, count); break;
            default: Map.Run(default(TanhOperator), x, x, count); break;
        }
    }

    /// <summary><c>x[i] = f(gate[i]) x[i]</c> on this thread.</summary>
    internal static void GateHere(ActivationKind kind, float* gate, float* x, nint count)
    {
        switch (kind)
        {
            case ActivationKind.None: Map.Run(default(MultiplyOperator), gate, x, x, count); break;
            case ActivationKind.Relu: Map.Run(default(Gated<ReluOperator>), gate, x, x, count); break;
            case ActivationKind.Silu: Map.Run(default(Gated<SiluOperator>), gate, x, x, count); break;
            case ActivationKind.Gelu: Map.Run(default(Gated<GeluOperator>), gate, x, x, count); break;
            case ActivationKind.GeluTanh: Map.Run(default(Gated<GeluTanhOperator>), gate, x, x, count); break;
            case ActivationKind.QuickGelu: Map.Run(default(Gated<QuickGeluOperator>), gate, x, x, count); break;
            case ActivationKind.Sigmoid: Map.Run(default(Gated<SigmoidOperator>), gate, x, x, count); break;
            default: Map.Run(default(Gated<TanhOperator>), gate, x, x, count); break;
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
