using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A pre-norm transformer block: h += mixer(norm(h)); h += feedForward(norm(h)).</summary>
/// <param name="Layer">Its number, from 0.</param>
/// <param name="MixerNorm">The norm before the mixer.</param>
/// <param name="Mixer">The part in which tokens see one another.</param>
/// <param name="MixerOutput">The site of the mixer's output.</param>
/// <param name="FeedForwardNorm">The norm before the feed-forward.</param>
/// <param name="FeedForward">The part in which each token is worked on alone.</param>
/// <param name="FeedForwardOutput">The site of the feed-forward's output.</param>
public sealed record Block(
    int Layer, NormSite MixerNorm, IMixer Mixer, OutputSite MixerOutput, NormSite FeedForwardNorm, IFeedForward FeedForward, OutputSite FeedForwardOutput)
{
    /// <summary>Runs the block.</summary>
    /// <param name="run">The run.</param>
    /// <param name="h">The residual stream, [rows, hidden].</param>
    /// <returns>The residual stream after the block, [rows, hidden].</returns>
    public Tensor Forward(ModelRun run, in Tensor h)
    {
        Tensor mixed = MixerOutput.Forward(run, Mix(run, MixerNorm.Forward(run, h)));
        Tensor middle = Sum.Into(run, mixed, h);
        Tensor worked = FeedForwardOutput.Forward(run, FeedForward.Forward(run, FeedForwardNorm.Forward(run, middle)));
        return Sum.Into(run, worked, middle);
    }

    private Tensor Mix(ModelRun run, in Tensor x)
    {
        if (run.Plan is not { HasMixers: true } plan)
        {
            return Mixer.Forward(run, Layer, x);
        }
        Tensor[] parts = new Tensor[plan.Segments.Count];
        for (int i = 0; i < parts.Length; i++)
        {
            RowSegment segment = plan.Segments[i];
            Tensor own = RowSlice.Forward(run, x, segment.Row, segment.Rows);
            using (run.Narrow(i))
            {
                parts[i] = (segment.Adapter?.Mixer(Layer) ?? Mixer).Forward(run, Layer, own);
            }
        }
        return RowConcat.Forward(run, parts);
    }
}
