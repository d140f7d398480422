using System.Runtime.InteropServices;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A feed-forward of many experts of which a router chooses a few for each token: y = sum over the chosen e of w_e expert_e(x).</summary>
/// <remarks>
/// Rows are sorted by expert, so that each expert runs once over its rows. Every row's answer is what it is alone: experts work on each row
/// by itself, and a row's answers are added in the order of the experts. Source: Shazeer et al., arXiv 1701.06538.
/// </remarks>
/// <param name="router">The projection to one logit an expert.</param>
/// <param name="experts">The experts.</param>
/// <param name="perToken">How many each token has.</param>
/// <param name="renormalise">Whether the weights of the chosen are divided by their sum.</param>
internal sealed class ExpertFeedForward(Projection router, Expert[] experts, int perToken, bool renormalise) : IFeedForward
{
    /// <summary>An expert for every token, weighted by <see cref="SharedGate"/>, or null.</summary>
    public IFeedForward? Shared { get; init; }

    /// <summary>The layer [1, hidden] whose sigmoid is the shared expert's weight.</summary>
    public Projection? SharedGate { get; init; }

    /// <summary>Its layers as they are stacked in Transformers.</summary>
    public required ExpertStack Stack { get; init; }

    /// <inheritdoc/>
    public Tensor Forward(ModelRun run, in Tensor x, in Tensor residual)
    {
        Routing routing = run.Routing();
        routing.Begin(x.Rows, perToken, experts.Length);
        Tensor weights = ExpertChoice.Forward(run, router.Forward(run, x), renormalise, routing.Chosen);
        routing.Sort();
        Tensor sorted = GatherRows.Forward(run, x, routing.Order);
        List<Tensor> answers = routing.Answers;
        for (int e = 0; e < experts.Length; e++)
        {
            ReadOnlySpan<int> rows = routing.RowsOf(e);
            if (!rows.IsEmpty)
            {
                Tensor own = RowSlice.Forward(run, sorted, routing.Start(e), rows.Length);
                using (run.Gather(experts[e].Sites, rows))
                {
                    answers.Add(experts[e].Work.Forward(run, own, default));
                }
            }
        }
        Tensor y = MixRows.Forward(run, RowConcat.Forward(run, CollectionsMarshal.AsSpan(answers)), routing.Places, weights);
        answers.Clear();
        if (Shared is not null && SharedGate is not null)
        {
            Tensor share = SharedGate.Forward(run, x, new Following(ActivationKind.Sigmoid));
            y = Sum.Into(run, MixRows.Forward(run, Shared.Forward(run, x, default), routing.Same, share), y);
        }
        return residual.Exists ? Sum.Into(run, y, residual) : y;
    }
}

/// <summary>One expert.</summary>
/// <param name="Work">What it computes.</param>
/// <param name="Sites">Its layers.</param>
internal sealed record Expert(IFeedForward Work, LinearSite[] Sites);
