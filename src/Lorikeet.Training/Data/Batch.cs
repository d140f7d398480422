namespace Lorikeet.Training;

/// <summary>What the targets of a batch are.</summary>
public enum BatchKind
{
    /// <summary>Tokens: each row's next one.</summary>
    Tokens,

    /// <summary>Classes: the last row of a sequence has its class, which the adapter's <see cref="Models.ClassHead"/> tells; other rows have none.</summary>
    Classes,

    /// <summary>Pairs: tokens; the sequences come in pairs, the chosen one and then the rejected one.</summary>
    Pairs,
}

/// <summary>Whole sequences, one after another: what one forward pass reads. Nothing crosses from one sequence to another.</summary>
public sealed class Batch
{
    /// <summary>A batch.</summary>
    /// <param name="tokens">Token ids of all rows.</param>
    /// <param name="targets">For each row the token that should follow; negative: the row has no target.</param>
    /// <param name="lengths">Rows of each sequence, in order; their sum is the number of rows.</param>
    /// <param name="bytes">Bytes of text that the targets stand for; 0: not known.</param>
    /// <param name="kind">What the targets are.</param>
    public Batch(int[] tokens, int[] targets, int[] lengths, long bytes = 0, BatchKind kind = BatchKind.Tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentNullException.ThrowIfNull(lengths);
        if (targets.Length != tokens.Length || lengths.Sum() != tokens.Length)
        {
            throw new ArgumentException(
                $"a batch of {tokens.Length} tokens has {targets.Length} targets and sequences of {lengths.Sum()} tokens: all three must be equal");
        }
        if (kind == BatchKind.Pairs && lengths.Length % 2 != 0)
        {
            throw new ArgumentException($"a batch of pairs has {lengths.Length} sequences; expected an even number", nameof(lengths));
        }
        Kind = kind;
        Tokens = tokens;
        Targets = targets;
        Lengths = lengths;
        Bytes = bytes;
        foreach (int target in targets)
        {
            TargetCount += target >= 0 ? 1 : 0;
        }
        if (kind == BatchKind.Pairs)
        {
            TargetCount = lengths.Length / 2;
        }
    }

    /// <summary>What the targets are.</summary>
    public BatchKind Kind { get; }

    /// <summary>Token ids of all rows.</summary>
    public int[] Tokens { get; }

    /// <summary>The token that should follow each row, or its class; negative: none.</summary>
    public int[] Targets { get; }

    /// <summary>Rows of each sequence.</summary>
    public int[] Lengths { get; }

    /// <summary>What the loss is the mean of: rows that have a target; of pairs, the pairs.</summary>
    public int TargetCount { get; }

    /// <summary>Bytes of text that the targets stand for; 0: not known.</summary>
    public long Bytes { get; }

    /// <summary>Some of its sequences as a batch of their own, without the count of bytes.</summary>
    /// <param name="first">The first sequence.</param>
    /// <param name="count">How many; of pairs both are even.</param>
    public Batch Sequences(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)first, (uint)Lengths.Length, nameof(first));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(Lengths.Length - first), nameof(count));
        int start = Lengths[..first].Sum();
        int[] lengths = Lengths[first..(first + count)];
        Range rows = start..(start + lengths.Sum());
        return new Batch(Tokens[rows], Targets[rows], lengths, kind: Kind);
    }
}
