using System.Runtime.Intrinsics;

namespace Lorikeet.Training;

/// <summary>The two moments of Adam and the change they ask for: lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps).</summary>
internal readonly struct AdamMoments
{
    private readonly float lerp;
    private readonly float keep;
    private readonly float take;
    private readonly float size;
    private readonly float root;
    private readonly float add;

    /// <param name="beta1">Decay of the first moment.</param>
    /// <param name="beta2">Decay of the second moment.</param>
    /// <param name="eps">Added to the root of the corrected second moment.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="step">The step's number, from 1.</param>
    /// <param name="early">True: eps is added before the correction, lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps).</param>
    public AdamMoments(double beta1, double beta2, double eps, double rate, int step, bool early = false)
    {
        double correction = Math.Sqrt(1 - Math.Pow(beta2, step));
        lerp = (float)(1 - beta1);
        keep = (float)beta2;
        take = (float)(1 - beta2);
        size = (float)(rate * (early ? correction : 1) / (1 - Math.Pow(beta1, step)));
        root = early ? 1f : (float)correction;
        add = (float)eps;
    }

    /// <summary>Moves the moments on and returns what to subtract from the parameter.</summary>
    public Vector256<float> Change(Vector256<float> gradient, ref Vector256<float> first, ref Vector256<float> second)
    {
        first += (gradient - first) * lerp;
        second = (second * keep) + (gradient * gradient * take);
        return first / ((Vector256.Sqrt(second) / Vector256.Create(root)) + Vector256.Create(add)) * size;
    }
}
