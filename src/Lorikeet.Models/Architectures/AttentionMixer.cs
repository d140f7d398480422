using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Causal self-attention with grouped key heads.</summary>
/// <param name="qkv">The projection of q, k and v: three layers, or one whose outputs <see cref="Fused"/> takes apart.</param>
/// <param name="output">The projection back to the hidden size.</param>
/// <param name="shape">Heads, key heads, head size, scale, window.</param>
public sealed class AttentionMixer(Projection qkv, Projection output, AttentionShape shape) : IMixer
{
    /// <inheritdoc/>
    public StateSpec State { get; } = new(PagedAttention.PageFloats(shape.KeyHeads, shape.HeadDim), 0, shape.Window);

    /// <inheritdoc/>
    public Projection? Entry => qkv;

    /// <summary>The rotation of q and k by their positions, or null.</summary>
    public RotaryTable? Rotary { get; init; }

    /// <summary>How the one layer's outputs hold q, k and v; null: they are three layers.</summary>
    internal FusedRows? Fused { get; init; }

    /// <summary>A norm of q before the rotation, or null.</summary>
    public INorm? QueryNorm { get; init; }

    /// <summary>A norm of k before the rotation, or null.</summary>
    public INorm? KeyNorm { get; init; }

    /// <summary>[heads], the slopes of a bias that grows with the key's position (ALiBi), or null.</summary>
    public float[]? Slopes { get; init; }

    /// <inheritdoc/>
    public Tensor Forward(ModelRun run, int slot, in Tensor x, in Tensor residual)
    {
        ThreeTensors three = default;
        Span<Tensor> parts = three;
        if (Fused is { } fused)
        {
            fused.Split(run, qkv.Forward(run, x), parts);
        }
        else
        {
            qkv.Forward(run, x, parts);
        }
        Tensor q = QueryNorm is null ? parts[0] : QueryNorm.Forward(run, parts[0]);
        Tensor k = KeyNorm is null ? parts[1] : KeyNorm.Forward(run, parts[1]);
        if (Rotary is not null)
        {
            (Tensor cos, Tensor sin) = run.Table(Rotary);
            q = RotaryEmbedding.Into(run, q, shape.Heads, cos, sin, Rotary.Interleaved);
            k = RotaryEmbedding.Into(run, k, shape.KeyHeads, cos, sin, Rotary.Interleaved);
        }
        Tensor y = run.Rows.Stateful ? Paged(run, slot, q, k, parts[2]) : CausalAttention.Forward(run, shape, run.Rows.Sequences, q, k, parts[2], Slopes);
        return output.Forward(run, y, new Following(Residual: residual));
    }

    private unsafe Tensor Paged(ModelRun run, int slot, in Tensor q, in Tensor k, in Tensor v)
    {
        if (q.Recorded || k.Recorded || v.Recorded)
        {
            throw new InvalidOperationException("attention over stored pages has no backward: train on whole sequences, without state");
        }
        AttentionSequence[] sequences = run.Rows.Sequences;
        // A batch of 256 sequences fits the stack; larger ones are rare enough to pay for an array.
        Span<PagedSequence> paged = sequences.Length <= 256 ? stackalloc PagedSequence[sequences.Length] : new PagedSequence[sequences.Length];
        for (int i = 0; i < sequences.Length; i++)
        {
            paged[i] = new PagedSequence
            {
                Row = sequences[i].Row,
                Rows = sequences[i].Rows,
                Start = sequences[i].Start,
                Pages = run.Rows.State(i).Pages(slot),
            };
        }
        PagedAttention.Write(shape, paged, k.Span, v.Span);
        Tensor y = run.Allocate(q.Rows, q.Width);
        PagedAttention.Forward(shape, paged, q.Span, y.Span, Slopes);
        return y;
    }

    [System.Runtime.CompilerServices.InlineArray(3)]
    private struct ThreeTensors
    {
        private Tensor first;
    }
}
