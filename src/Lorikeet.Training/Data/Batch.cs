namespace Lorikeet.Training;

/// <summary>Whole sequences, one after another: what one forward pass reads. Nothing crosses from one sequence to another.</summary>
public sealed class Batch
{
    /// <summary>A batch.</summary>
    /// <param name="tokens">Token ids of all rows.</param>
    /// <param name="targets">For each row the token that should follow; negative: the row has no target.</param>
    /// <param name="lengths">Rows of each sequence, in order; their sum is the number of rows.</param>
    /// <param name="bytes">Bytes of text that the targets stand for; 0: not known.</param>
    public Batch(int[] tokens, int[] targets, int[] lengths, long bytes = 0)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentNullException.ThrowIfNull(lengths);
        if (targets.Length != tokens.Length || lengths.Sum() != tokens.Length)
        {
            throw new ArgumentException(
                $"a batch of {tokens.Length} tokens has {targets.Length} targets and sequences of {lengths.Sum()} tokens: all three must be equal");
        }
        Tokens = tokens;
        Targets = targets;
        Lengths = lengths;
        Bytes = bytes;
        foreach (int target in targets)
        {
            TargetCount += target >= 0 ? 1 : 0;
        }
    }

    /// <summary>Token ids of all rows.</summary>
    public int[] Tokens { get; }

    /// <summary>The token that should follow each row; negative: none.</summary>
    public int[] Targets { get; }

    /// <summary>Rows of each sequence.</summary>
    public int[] Lengths { get; }

    /// <summary>Rows that have a target.</summary>
    public int TargetCount { get; }

    /// <summary>Bytes of text that the targets stand for; 0: not known.</summary>
    public long Bytes { get; }

    /// <summary>Some of its sequences as a batch of their own, without the count of bytes.</summary>
    /// <param name="first">The first sequence.</param>
    /// <param name="count">How many.</param>
    public Batch Sequences(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)first, (uint)Lengths.Length, nameof(first));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(Lengths.Length - first), nameof(count));
        int start = Lengths[..first].Sum();
        int[] lengths = Lengths[first..(first + count)];
        Range rows = start..(start + lengths.Sum());
        return new Batch(Tokens[rows], Targets[rows], lengths);
    }
}
