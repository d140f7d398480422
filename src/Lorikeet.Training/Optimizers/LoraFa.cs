using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Training;

/// <summary>LoRA-FA: the A of each pair stays as it began, and B's gradient is brought to what full fine-tuning would do through that A.</summary>
/// <remarks>
/// g_B becomes (1 / s^2) g_B (A A' + 1e-8 I)^-1, then AdamW with eps before the bias correction and decay last. Half of the states and of the gradients, and the
/// input of an adapted layer need not be kept. Clipping sees the gradient as it comes. What is not the B of a pair takes AdamW's step.
/// Source: Zhang et al., LoRA-FA, arXiv 2308.03303, as in peft.optimizers.create_lorafa_optimizer.
/// </remarks>
/// <param name="inner">Steps with the corrected gradient.</param>
/// <param name="pairs">The pair of each B.</param>
public sealed class LoraFa(IOptimizer inner, IReadOnlyDictionary<Parameter, LowRankPair> pairs) : IOptimizer
{
    private const double Lift = 1e-8;

    /// <inheritdoc/>
    public string Name => "lora-fa";

    /// <summary>The B of each pair of an adapter; all A are frozen from here on.</summary>
    /// <param name="adapter">A LoRA adapter.</param>
    /// <exception cref="ArgumentException">The adapter has no pair.</exception>
    public static IReadOnlyDictionary<Parameter, LowRankPair> Freeze(Adapter adapter)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        Dictionary<Parameter, LowRankPair> pairs = [];
        foreach ((_, SiteAdapter change) in adapter.Changes)
        {
            if (change is LowRankSite site)
            {
                site.Pair.A.Trainable = false;
                pairs.Add(site.Pair.B, site.Pair);
            }
        }
        return pairs.Count > 0
            ? pairs
            : throw new ArgumentException($"lora-fa trains the B of low-rank pairs, and {adapter.Name} has none: use it with --method lora");
    }

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape) => inner.Begin(state, shape);

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates)
    {
        Update[] all = updates.ToArray();
        List<Tensor> made = [];
        for (int i = 0; i < all.Length; i++)
        {
            if (pairs.TryGetValue(all[i].Parameter, out LowRankPair? pair))
            {
                made.Add(Corrected(all[i].Gradient, pair));
                all[i] = all[i] with { Gradient = made[^1] };
            }
        }
        inner.Step(all);
        foreach (Tensor tensor in made)
        {
            tensor.Free();
        }
    }

    private static Tensor Corrected(in Tensor gradient, LowRankPair pair)
    {
        Matrix64 a = Matrix64.Of(pair.Rank, pair.A.Value.Width, pair.A.Value.Span), gram = a.Times(a.Transposed());
        for (int i = 0; i < pair.Rank; i++)
        {
            gram[i, i] += Lift;
        }
        Matrix64 inverse = (Cholesky.Try(gram) ?? throw new ArithmeticException($"{pair.A.Name}: A A' has no inverse: A holds NaN, or numbers beyond float64")).Solve(Matrix64.Identity(pair.Rank));
        float[] narrow = new float[pair.Rank * pair.Rank];
        inverse.CopyTo(narrow);
        Tensor to = Storage.Zeros(gradient.Shape);
        MatrixProduct.Multiply(gradient.Span, false, narrow, false, to.Span, gradient.Rows, pair.Rank, pair.Rank, 1f / (pair.Scale * pair.Scale));
        return to;
    }
}
