using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>Gives sequences what they need to run (adapters, pages, what others computed for the same tokens) and takes it back.</summary>
internal sealed class Holdings
{
    private readonly LanguageModel model;
    private readonly EngineOptions options;
    private readonly AdapterGroups groups = new();
    private readonly Dictionary<string, Mixture> mixtures = new(StringComparer.Ordinal);
    private readonly StateLayout plain;
    private readonly int[] key = new int[Sequence.BlockKeyLength];

    public Holdings(LanguageModel model, EngineOptions options, Memory memory, PrefixCache prefixes, AdapterCache adapters)
    {
        this.model = model;
        this.options = options;
        Memory = memory;
        Prefixes = prefixes;
        Adapters = adapters;
        plain = new StateLayout(model);
    }

    public Memory Memory { get; }

    public PrefixCache Prefixes { get; }

    public AdapterCache Adapters { get; }

    /// <summary>Prompt tokens whose keys and values were looked for.</summary>
    public long AskedTokens { get; private set; }

    /// <summary>Those that were found.</summary>
    public long FoundTokens { get; private set; }

    /// <summary>What a bare sequence holds.</summary>
    public StateLayout Plain => plain;

    /// <summary>Reads ahead what a request in the queue will want.</summary>
    public void Prefetch(Sequence sequence)
    {
        foreach (AdapterShare share in sequence.Owner.Shares)
        {
            // What cannot be had is said when its turn comes.
            Adapters.Want(share.Version, out _);
        }
    }

    /// <summary>Gives a waiting sequence all that it needs to run its present tokens, or nothing.</summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="running">Those that run.</param>
    /// <param name="error">Why it can never run; null.</param>
    public AdapterWish TryTake(Sequence sequence, List<Sequence> running, out Exception? error)
    {
        AdapterWish wish = WantAll(sequence, out error);
        if (wish != AdapterWish.Ready)
        {
            return wish;
        }
        AdapterEntry[] entries = sequence.Owner.Shares.Length == 0 ? [] : Array.ConvertAll(sequence.Owner.Shares, s => Adapters.Find(s.Version)!);
        Mixture? mixture;
        try
        {
            mixture = MixtureOf(sequence.Owner.Shares, entries);
        }
        catch (ArgumentException e)
        {
            error = e;
            return AdapterWish.Failed;
        }
        Adapter? adapter = mixture?.Adapter ?? (entries.Length > 0 ? entries[0].Adapter : sequence.Request.Adapter);
        StateLayout layout = LayoutOf(adapter);
        error = TooLarge(sequence, layout, entries);
        if (error is not null)
        {
            return AdapterWish.Failed;
        }
        Holding held = new()
        {
            State = new SequenceState(Memory.Pool, layout),
            Layout = layout,
            Adapter = adapter,
            Entries = entries,
            Mixture = mixture,
            Group = groups.Enter(adapter),
        };
        Array.ForEach(entries, Adapters.Use);
        if (mixture is not null)
        {
            mixture.Users++;
            mixtures.TryAdd(mixture.Identity, mixture);
        }
        sequence.Held = held;
        int found = Adopt(sequence);
        bool fits = !options.ReserveWholeAnswers || WholeAnswers.Fit(running, sequence, Memory.Pool, Adapters, options);
        if (!fits || !Ensure(sequence, Math.Min(sequence.Ahead, options.MaxRows)))
        {
            Release(sequence);
            return AdapterWish.NoRoom;
        }
        Count(sequence, found);
        return AdapterWish.Ready;
    }

    /// <summary>Takes pages for a sequence's pending tokens; throws out what is idle where that is needed.</summary>
    /// <param name="sequence">A sequence that runs.</param>
    /// <param name="rows">The rows of its next step.</param>
    /// <returns>False: there is no room; nothing was taken.</returns>
    public bool Ensure(Sequence sequence, int rows)
    {
        int positions = Math.Max(sequence.Ahead, rows);
        SequenceState state = sequence.State!;
        if (!Memory.MakeRoom(state.Missing(positions, rows)))
        {
            return false;
        }
        state.Reserve(positions, rows);
        return true;
    }

    /// <summary>Lets others find the blocks that are filled.</summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="filled">Tokens whose keys and values are stored.</param>
    public void Publish(Sequence sequence, int filled)
    {
        Holding held = sequence.Held!;
        int blocks = filled / SequenceState.PageTokens;
        if (held.IsCutOff || blocks <= held.Blocks.Count || !held.Layout.Rewinds || held.State.Planned > held.Layout.SameUpTo)
        {
            return;
        }
        if (RootOf(sequence, held.State.Planned) is not { } root)
        {
            held.IsCutOff = true;
            return;
        }
        for (int i = held.Blocks.Count; i < blocks && !held.IsCutOff; i++)
        {
            PrefixBlock? parent = i == 0 ? null : held.Blocks[i - 1];
            PrefixBlock? block = parent is { IsKnown: false } ? null : Known(held, root, parent, i, Block(sequence, i)) ?? Fresh(held, root, parent, i, Block(sequence, i));
            if (block is null)
            {
                held.IsCutOff = true;
            }
            else
            {
                held.Blocks.Add(block);
            }
        }
    }

    /// <summary>Counts the rows of a step; blocks that all windows have passed are not used any more.</summary>
    public void Append(Sequence sequence, int rows)
    {
        Holding held = sequence.Held!;
        held.State.Append(rows);
        int kept = Math.Min(held.State.FirstBlock, held.Blocks.Count);
        for (; held.Passed < kept; held.Passed++)
        {
            Prefixes.Leave(held.Blocks[held.Passed]);
        }
    }

    /// <summary>Takes everything back; what was computed stays to be found as long as there is room.</summary>
    public void Release(Sequence sequence)
    {
        if (sequence.Held is not { } held)
        {
            return;
        }
        Publish(sequence, held.State.Length);
        held.State.Dispose();
        // The last first: of a past, its end is thrown out before its beginning.
        for (int i = held.Blocks.Count - 1; i >= held.Passed; i--)
        {
            Prefixes.Leave(held.Blocks[i]);
        }
        groups.Leave(held.Adapter);
        if (held.Mixture is { } mixture && --mixture.Users == 0)
        {
            mixtures.Remove(mixture.Identity);
            mixture.Adapter.Dispose();
        }
        Array.ForEach(held.Entries, Adapters.Leave);
        sequence.Held = null;
        sequence.Rows = 0;
        sequence.Drafts = 0;
    }

    private AdapterWish WantAll(Sequence sequence, out Exception? error)
    {
        error = null;
        AdapterWish worst = AdapterWish.Ready;
        foreach (AdapterShare share in sequence.Owner.Shares)
        {
            AdapterWish wish = Adapters.Want(share.Version, out Exception? own);
            error ??= own;
            worst = wish > worst ? wish : worst;
        }
        return worst;
    }

    private Mixture? MixtureOf(AdapterShare[] shares, AdapterEntry[] entries)
    {
        if (shares.Length == 0 || (shares.Length == 1 && shares[0].Weight == 1f))
        {
            return null;
        }
        string identity = AdapterIdentity.Of(shares);
        if (mixtures.TryGetValue(identity, out Mixture? known))
        {
            return known;
        }
        AdapterMixture adapter = new(string.Join(" + ", shares.Select(s => s.Version.Name)), [.. entries.Select((e, i) => (e.Adapter!, shares[i].Weight))]);
        return new Mixture(identity, adapter);
    }

    private StateLayout LayoutOf(Adapter? adapter)
    {
        bool own = adapter?.Side is not null;
        for (int layer = 0; layer < model.Blocks.Count && adapter is not null && !own; layer++)
        {
            own = adapter.Mixer(layer) is not null;
        }
        return own ? new StateLayout(model, adapter) : plain;
    }

    private CacheTooSmallException? TooLarge(Sequence sequence, StateLayout layout, AdapterEntry[] entries)
    {
        int most = sequence.PromptLength + sequence.MaxTokens;
        long bytes = layout.Bytes(most, Math.Min(most, options.MaxRows)) + entries.Sum(e => e.Bytes);
        return bytes <= Memory.Pool.BudgetBytes ? null : new CacheTooSmallException(
            $"the request may need {bytes} bytes of keys, values and adapters; the cache has {Memory.Pool.BudgetBytes}: shorten it, or raise the cache");
    }

    /// <summary>Takes what others computed for the same first tokens; the last token is always computed, for its logits.</summary>
    private int Adopt(Sequence sequence)
    {
        Holding held = sequence.Held!;
        if (!sequence.MayAdopt || !held.Layout.Rewinds || sequence.Count > held.Layout.SameUpTo || RootOf(sequence, sequence.Count) is not { } root)
        {
            return 0;
        }
        int blocks = (sequence.Count - 1) / SequenceState.PageTokens;
        for (int i = 0; i < blocks; i++)
        {
            if (Prefixes.Find(root, i == 0 ? null : held.Blocks[i - 1], Block(sequence, i)) is not { } block)
            {
                break;
            }
            Prefixes.Use(block);
            held.State.Adopt(block.Pages, sequence.Count);
            held.Blocks.Add(block);
        }
        return held.State.Length;
    }

    private void Count(Sequence sequence, int found)
    {
        ActiveRequest owner = sequence.Owner;
        if (sequence.IsCharged)
        {
            return;
        }
        AskedTokens += sequence.PromptLength;
        FoundTokens += found;
        owner.CachedTokens = sequence.Choice == 0 ? found : owner.CachedTokens;
    }

    private PrefixRoot? RootOf(Sequence sequence, int planned)
    {
        int beyond = plain.RestartBeyond;
        return sequence.Owner.Root(Prefixes, options.PrefixCaching, beyond > 0 && planned > beyond);
    }

    private PrefixBlock? Known(Holding held, PrefixRoot root, PrefixBlock? parent, int index, ReadOnlySpan<int> tokens)
    {
        PrefixBlock? block = Prefixes.Find(root, parent, tokens);
        if (block is not null)
        {
            Prefixes.Use(block);
            held.State.Exchange(index, block.Pages);
        }
        return block;
    }

    private PrefixBlock? Fresh(Holding held, PrefixRoot root, PrefixBlock? parent, int index, ReadOnlySpan<int> tokens)
    {
        if (held.State.Lend(index) is not { } pages)
        {
            return null;
        }
        PrefixBlock? block = Prefixes.Add(root, parent, tokens, pages);
        if (block is null)
        {
            pages.Dispose();
        }
        return block;
    }

    /// <summary>What a block is compared by, valid until the next call.</summary>
    private ReadOnlySpan<int> Block(Sequence sequence, int index) => sequence.BlockKey(index, key);
}
