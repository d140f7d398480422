using System.Runtime.Intrinsics;

namespace Lorikeet.Training;

/// <summary>The two moments of Adam and the change they ask for: lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps).</summary>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the second moment.</param>
/// <param name="eps">Added to the root of the corrected second moment.</param>
/// <param name="rate">The learning rate.</param>
/// <param name="step">The step's number, from 1.</param>
internal readonly struct AdamMoments(double beta1, double beta2, double eps, double rate, int step)
{
    private readonly float lerp = (float)(1 - beta1);
    private readonly float keep = (float)beta2;
    private readonly float take = (float)(1 - beta2);
    private readonly float size = (float)(rate / (1 - Math.Pow(beta1, step)));
    private readonly float root = (float)Math.Sqrt(1 - Math.Pow(beta2, step));
    private readonly float add = (float)eps;

    /// <summary>Moves the moments on and returns what to subtract from the parameter.</summary>
    public Vector256<float> Change(Vector256<float> gradient, ref Vector256<float> first, ref Vector256<float> second)
    {
        first += (gradient - first) * lerp;
        second = (second * keep) + (gradient * gradient * take);
        return first / ((Vector256.Sqrt(second) / Vector256.Create(root)) + Vector256.Create(add)) * size;
    }
}
