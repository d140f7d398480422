using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A transformer block: two branches, a mixer and a feed-forward, each added to the residual stream as <see cref="Form"/> says.</summary>
/// <param name="Layer">Its number, from 0.</param>
/// <param name="MixerNorm">The mixer's norm, or null.</param>
/// <param name="Mixer">The part in which tokens see one another.</param>
/// <param name="MixerOutput">The site of the mixer's output.</param>
/// <param name="FeedForwardNorm">The feed-forward's norm, or null.</param>
/// <param name="FeedForward">The part in which each token is worked on alone.</param>
/// <param name="FeedForwardOutput">The site of the feed-forward's output.</param>
public sealed record Block(
    int Layer, NormSite? MixerNorm, IMixer Mixer, OutputSite MixerOutput, NormSite? FeedForwardNorm, IFeedForward FeedForward, OutputSite FeedForwardOutput)
{
    /// <summary>How branches and norms stand to the residual stream.</summary>
    public BlockForm Form { get; init; }

    /// <summary>A norm of the mixer's answer before it is added (OLMo 2, Gemma 2), or null.</summary>
    public NormSite? MixerAnswerNorm { get; init; }

    /// <summary>A norm of the feed-forward's answer before it is added, or null.</summary>
    public NormSite? FeedForwardAnswerNorm { get; init; }

    /// <summary>What both branches' answers are multiplied by before they are added (Granite).</summary>
    public float BranchScale { get; init; } = 1f;

    /// <summary>Runs the block.</summary>
    /// <param name="run">The run.</param>
    /// <param name="h">The residual stream, [rows, hidden].</param>
    /// <returns>The residual stream after the block, [rows, hidden].</returns>
    public Tensor Forward(ModelRun run, in Tensor h) => Form switch
    {
        BlockForm.Parallel => Parallel(run, h),
        BlockForm.NormAfterSum => NormAfterSum(run, h),
        BlockForm.NormedResidual => NormedResidual(run, h),
        _ => Sequential(run, h),
    };

    private Tensor Sequential(ModelRun run, in Tensor h)
    {
        Tensor middle = Mixed(run, Norm(run, MixerNorm, h, Mixer.Entry), h);
        return Worked(run, Norm(run, FeedForwardNorm, middle, FeedForward.Entry), middle);
    }

    private Tensor Parallel(ModelRun run, in Tensor h)
    {
        Tensor x = Norm(run, MixerNorm, h, Mixer.Entry);
        Tensor mixed = Mixed(run, x, default);
        return Sum.Into(run, Worked(run, FeedForwardNorm is null ? x : Norm(run, FeedForwardNorm, h, FeedForward.Entry), mixed), h);
    }

    private Tensor NormAfterSum(ModelRun run, in Tensor h)
    {
        Tensor middle = Norm(run, MixerNorm, Mixed(run, h, h), FeedForward.Entry);
        return Norm(run, FeedForwardNorm, Worked(run, middle, middle));
    }

    private Tensor NormedResidual(ModelRun run, in Tensor h)
    {
        Tensor x = Norm(run, MixerNorm, h, Mixer.Entry);
        Tensor y = Norm(run, FeedForwardNorm, Mixed(run, x, x), FeedForward.Entry);
        return Worked(run, y, y);
    }

    private static Tensor Norm(ModelRun run, NormSite? norm, in Tensor x, Projection? next = null) => norm is null ? x : norm.Forward(run, x, next);

    // The mixer's branch, added to the residual stream where there is one.
    private Tensor Mixed(ModelRun run, in Tensor x, in Tensor residual) => IsPlain(run, MixerOutput, MixerAnswerNorm)
        ? Mix(run, x, residual)
        : Answer(run, MixerAnswerNorm, MixerOutput.Forward(run, Mix(run, x, default)), residual);

    private Tensor Worked(ModelRun run, in Tensor x, in Tensor residual)
    {
        bool plain = IsPlain(run, FeedForwardOutput, FeedForwardAnswerNorm);
        run.AnnouncePages();
        Tensor y;
        try
        {
            y = FeedForward.Forward(run, x, plain ? residual : default);
        }
        finally
        {
            NextReads.Forget();
        }
        return plain ? y : Answer(run, FeedForwardAnswerNorm, FeedForwardOutput.Forward(run, y), residual);
    }

    /// <summary>Nothing looks at a branch's answer, or changes it, before it is added.</summary>
    private bool IsPlain(ModelRun run, OutputSite output, NormSite? norm) =>
        norm is null && BranchScale == 1f && run.Tap is null && run.Plan?[output] is null;

    private Tensor Answer(ModelRun run, NormSite? norm, in Tensor y, in Tensor residual)
    {
        Tensor normed = Norm(run, norm, y);
        Tensor answer = BranchScale == 1f ? normed : Scale.Forward(run, normed, BranchScale);
        return residual.Exists ? Sum.Into(run, answer, residual) : answer;
    }

    private Tensor Mix(ModelRun run, in Tensor x, in Tensor residual)
    {
        if (run.Plan is not { HasMixers: true } plan)
        {
            return Mixer.Forward(run, Layer, x, residual);
        }
        Tensor[] parts = new Tensor[plan.Segments.Count];
        for (int i = 0; i < parts.Length; i++)
        {
            RowSegment segment = plan.Segments[i];
            Tensor own = RowSlice.Forward(run, x, segment.Row, segment.Rows);
            using (run.Narrow(i))
            {
                parts[i] = (segment.Adapter?.Mixer(Layer) ?? Mixer).Forward(run, Layer, own, default);
            }
        }
        Tensor y = RowConcat.Forward(run, parts);
        return residual.Exists ? Sum.Into(run, y, residual) : y;
    }
}
