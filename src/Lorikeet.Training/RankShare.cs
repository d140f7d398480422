using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>What of a step is this rank's: whole micro-batches where they divide evenly among the ranks, else a part of each one's sequences.</summary>
/// <remarks>Every row is weighted as one process would weight it, so that the sum of all ranks' gradients is that of the whole step.</remarks>
internal sealed class RankShare
{
    // Gradients travel in pieces of 1 MiB: many small ones together, large ones in parts, and no second copy of all of them exists.
    private const int Piece = 1 << 18;
    private readonly IRanks ranks;
    private readonly int accumulation;
    private readonly bool whole;
    private readonly float[] piece = new float[Piece];
    private int filled;

    /// <param name="ranks">The ranks, two or more.</param>
    /// <param name="accumulation">Micro-batches in a step.</param>
    public RankShare(IRanks ranks, int accumulation)
    {
        this.ranks = ranks;
        this.accumulation = accumulation;
        whole = accumulation % ranks.Count == 0;
    }

    /// <summary>Sets the ranks' dropout masks apart where they share a micro-batch.</summary>
    public string Mark => whole ? "" : $"/{ranks.Rank}";

    /// <summary>Whether this rank computes anything of a micro-batch.</summary>
    public bool Owns(int micro) => !whole || micro / (accumulation / ranks.Count) == ranks.Rank;

    /// <summary>This rank's sequences: consecutive ones, about as many tokens for each rank.</summary>
    public Batch Part(Batch batch)
    {
        if (whole)
        {
            return batch;
        }
        long before = 0, total = batch.Tokens.Length;
        int first = 0, count = 0, group = batch.Kind == BatchKind.Pairs ? 2 : 1;
        for (int i = 0; i < batch.Lengths.Length; i += group)
        {
            int length = batch.Lengths[i] + (group > 1 ? batch.Lengths[i + 1] : 0);
            // A sequence, or a pair, goes to the rank in whose share its middle lies.
            long owner = ((2 * before) + length) * ranks.Count / Math.Max(2 * total, 1);
            first += owner < ranks.Rank ? group : 0;
            count += owner == ranks.Rank ? group : 0;
            before += length;
        }
        return batch.Sequences(first, count);
    }

    /// <summary>Sums losses and gradients over all ranks; a parameter that got a gradient anywhere has it everywhere afterwards.</summary>
    public void Sum(double[] losses, IReadOnlyList<Trainee> trainees)
    {
        Parameter[] parameters = [.. trainees.SelectMany(t => t.Groups).SelectMany(g => g.Parameters)];
        double[] small = [.. losses, .. parameters.Select(p => p.HasGradient ? 1.0 : 0.0)];
        ranks.Sum(small);
        small.AsSpan(0, losses.Length).CopyTo(losses);
        List<Tensor> gradients = [];
        for (int i = 0; i < parameters.Length; i++)
        {
            if (small[losses.Length + i] > 0)
            {
                Tensor gradient = parameters[i].GradientToWrite(out bool present);
                if (!present)
                {
                    gradient.Span.Clear();
                }
                gradients.Add(gradient);
            }
        }
        Sum(gradients);
    }

    private void Sum(List<Tensor> gradients)
    {
        int from = 0;
        filled = 0;
        for (int i = 0; i < gradients.Count; i++)
        {
            ReadOnlySpan<float> values = gradients[i].Span;
            if (values.Length >= Piece)
            {
                // A large one needs no copy.
                Flush(gradients, from, i);
                from = i + 1;
                Span<float> all = gradients[i].Span;
                for (int at = 0; at < all.Length; at += Piece)
                {
                    ranks.Sum(all.Slice(at, Math.Min(Piece, all.Length - at)));
                }
                continue;
            }
            if (filled + values.Length > Piece)
            {
                Flush(gradients, from, i);
                from = i;
            }
            values.CopyTo(piece.AsSpan(filled));
            filled += values.Length;
        }
        Flush(gradients, from, gradients.Count);
    }

    /// <summary>Sums the gradients that lie in the piece and puts them back.</summary>
    private void Flush(List<Tensor> gradients, int from, int to)
    {
        if (filled == 0)
        {
            return;
        }
        ranks.Sum(piece.AsSpan(0, filled));
        int at = 0;
        for (int i = from; i < to; i++)
        {
            Span<float> values = gradients[i].Span;
            piece.AsSpan(at, values.Length).CopyTo(values);
            at += values.Length;
        }
        filled = 0;
    }
}
