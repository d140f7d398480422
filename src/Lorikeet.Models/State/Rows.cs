using Lorikeet.Kernels;

namespace Lorikeet.Models;

/// <summary>The rows of one model step: which sequences they belong to, at which positions, and where those keep their state.</summary>
public sealed class Rows
{
    private readonly SequenceState?[] states;

    /// <summary>Whole sequences without state, one after another: training and evaluation. Nothing crosses from one to another.</summary>
    /// <param name="lengths">Tokens of each sequence.</param>
    public Rows(params ReadOnlySpan<int> lengths)
    {
        Sequences = new AttentionSequence[lengths.Length];
        states = new SequenceState?[lengths.Length];
        for (int i = 0; i < lengths.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lengths[i], nameof(lengths));
            Sequences[i] = new AttentionSequence { Row = Count, Rows = lengths[i], Start = 0 };
            Count += lengths[i];
        }
    }

    /// <summary>New rows of sequences that keep their state: serving. Positions continue where each state stands.</summary>
    /// <param name="sequences">Each sequence's state and how many new rows it brings.</param>
    public Rows(ReadOnlySpan<(SequenceState State, int Rows)> sequences)
    {
        Sequences = new AttentionSequence[sequences.Length];
        states = new SequenceState?[sequences.Length];
        Stateful = true;
        for (int i = 0; i < sequences.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequences[i].Rows, nameof(sequences));
            states[i] = sequences[i].State;
            Sequences[i] = new AttentionSequence { Row = Count, Rows = sequences[i].Rows, Start = sequences[i].State.Length };
            Count += sequences[i].Rows;
        }
    }

    private Rows(AttentionSequence[] sequences, SequenceState?[] states, bool stateful, int first, int count)
    {
        Sequences = sequences;
        this.states = states;
        Stateful = stateful;
        First = first;
        Count = count;
    }

    /// <summary>The sequences in order of their rows.</summary>
    public AttentionSequence[] Sequences { get; }

    /// <summary>Number of rows.</summary>
    public int Count { get; }

    /// <summary>True where the sequences keep state between steps.</summary>
    public bool Stateful { get; }

    /// <summary>Where these rows begin in the whole batch, when the run is narrowed to a part of it.</summary>
    public int First { get; }

    /// <summary>The state of a sequence.</summary>
    /// <param name="sequence">Its index in <see cref="Sequences"/>.</param>
    public SequenceState State(int sequence) =>
        states[sequence] ?? throw new InvalidOperationException("these rows keep no state: they are whole sequences");

    /// <summary>Tokens of a whole sequence: what its state is to reach with the present chunks, or its rows where it keeps none.</summary>
    /// <param name="sequence">Its index in <see cref="Sequences"/>.</param>
    public int Length(int sequence)
    {
        int end = Sequences[sequence].Start + Sequences[sequence].Rows;
        return states[sequence] is { } state ? Math.Max(end, state.Planned) : end;
    }

    /// <summary>Moves every sequence's start on by its rows, for the next step of the same batch: one row each.</summary>
    /// <exception cref="InvalidOperationException">A sequence brought more than one row.</exception>
    public void Advance()
    {
        for (int i = 0; i < Sequences.Length; i++)
        {
            if (Sequences[i].Rows != 1)
            {
                throw new InvalidOperationException($"advance: sequence {i} has {Sequences[i].Rows} rows; only decode steps repeat");
            }
            Sequences[i].Start = State(i).Length;
        }
    }

    /// <summary>Refuses a step that would write beyond a sequence's pages.</summary>
    internal void CheckReserved()
    {
        for (int i = 0; i < Sequences.Length && Stateful; i++)
        {
            int end = Sequences[i].Start + Sequences[i].Rows;
            if (State(i).Length != Sequences[i].Start || end > State(i).Reserved)
            {
                throw new InvalidOperationException(
                    $"sequence {i} brings positions {Sequences[i].Start} to {end - 1}; its state holds {State(i).Length} and has room for {State(i).Reserved}: "
                    + "reserve before the step, append after it");
            }
        }
    }

    /// <summary>The sequences whose rows lie in a range.</summary>
    /// <exception cref="InvalidOperationException">A sequence lies partly in it.</exception>
    internal Rows Narrow(int row, int rows)
    {
        List<AttentionSequence> kept = [];
        List<SequenceState?> keptStates = [];
        for (int i = 0; i < Sequences.Length; i++)
        {
            AttentionSequence sequence = Sequences[i];
            if (sequence.Row >= row && sequence.Row + sequence.Rows <= row + rows)
            {
                sequence.Row -= row;
                kept.Add(sequence);
                keptStates.Add(states[i]);
            }
        }
        int held = 0;
        foreach (AttentionSequence sequence in kept)
        {
            held += sequence.Rows;
        }
        if (held != rows)
        {
            throw new InvalidOperationException($"rows {row} to {row + rows - 1} cut a sequence: a segment of a plan holds whole sequences");
        }
        return new Rows([.. kept], [.. keptStates], Stateful, First + row, rows);
    }
}
