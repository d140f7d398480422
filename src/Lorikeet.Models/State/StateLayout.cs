namespace Lorikeet.Models;

/// <summary>What a sequence of a model remembers, with the adapter it runs with: a slot for each block's mixer, then the side network's.</summary>
public sealed class StateLayout
{
    private readonly StateSpec[] slots;

    /// <summary>The layout of a model's sequences.</summary>
    /// <param name="model">The model.</param>
    /// <param name="adapter">The adapter the sequences run with, whose mixers and side network may remember other things.</param>
    public StateLayout(LanguageModel model, Adapter? adapter = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        slots = new StateSpec[model.Blocks.Count + 1];
        for (int i = 0; i < model.Blocks.Count; i++)
        {
            slots[i] = (adapter?.Mixer(i) ?? model.Blocks[i].Mixer).State;
        }
        slots[^1] = adapter?.Side?.State ?? default;
        RestartBeyond = model.Config.Rope.RestartBeyond;
        SameUpTo = model.Config.Rope.SameUpTo;
        foreach (StateSpec slot in slots)
        {
            Rewinds &= slot.FixedFloats == 0;
        }
    }

    /// <summary>True where all that is remembered lies in pages: positions can be forgotten again and shared between sequences.</summary>
    public bool Rewinds { get; } = true;

    /// <summary>The length up to which keys are a function of their tokens alone, and not of how a sequence came to its length.</summary>
    public int SameUpTo { get; }

    /// <summary>The length beyond which what shorter sequences stored no longer holds; 0: there is none.</summary>
    public int RestartBeyond { get; }

    internal ReadOnlySpan<StateSpec> Slots => slots;

    /// <summary>Bytes of the pages of a sequence that reaches a length from nothing.</summary>
    /// <param name="positions">The length.</param>
    /// <param name="rows">The most rows of a step.</param>
    public long Bytes(int positions, int rows)
    {
        long bytes = 0;
        foreach (StateSpec slot in slots)
        {
            bytes += (long)Needed(slot, 0, Pages(positions), rows) * slot.PageFloats * sizeof(float);
        }
        return bytes;
    }

    internal static int Pages(long positions) => checked((int)((positions + SequenceState.PageTokens - 1) / SequenceState.PageTokens));

    /// <summary>Where a slot's pages must end: at the last one planned, or where a step's rows and what they see end at the latest.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="first">Its first page.</param>
    /// <param name="planned">Pages of all positions planned.</param>
    /// <param name="rows">The most rows of a step.</param>
    internal static int Needed(in StateSpec slot, int first, int planned, int rows)
    {
        // n positions in a row touch at most (n - 2) / 32 + 2 pages.
        long seen = (long)slot.Window - 1 + rows;
        return slot.Window == 0 ? planned : (int)Math.Min(planned, first + ((seen + (2 * SequenceState.PageTokens) - 2) / SequenceState.PageTokens));
    }
}
