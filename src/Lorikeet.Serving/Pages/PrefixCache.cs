using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>Keys and values of past requests, to be read by later ones that begin alike.</summary>
/// <remarks>
/// A tree whose edges are blocks of 32 tokens: what is found was compared token by token from the first on, below a root that stands for adapter,
/// weights, tenant and salt. A hash leads to the place; it never decides. Only of vectors in place of tokens SHA-256 decides. Blocks that no running request uses are idle and are thrown out when
/// room is needed.
/// </remarks>
internal sealed class PrefixCache(Memory memory)
{
    private readonly Dictionary<(object Parent, ulong Hash), PrefixBlock> blocks = [];
    private readonly Dictionary<string, PrefixRoot> roots = new(StringComparer.Ordinal);

    /// <summary>Blocks that are known.</summary>
    public int Count => blocks.Count;

    /// <summary>All that are known.</summary>
    public IReadOnlyCollection<PrefixBlock> Blocks => blocks.Values;

    /// <summary>The root of an identity; it is kept from its first block on.</summary>
    public PrefixRoot Root(string identity) => roots.GetValueOrDefault(identity) ?? new PrefixRoot { Identity = identity };

    /// <summary>The block of some tokens after a block, or null.</summary>
    public PrefixBlock? Find(PrefixRoot root, PrefixBlock? parent, ReadOnlySpan<int> tokens) =>
        blocks.TryGetValue((parent ?? (object)root, Hash(tokens)), out PrefixBlock? block) && tokens.SequenceEqual(block.Tokens) ? block : null;

    /// <summary>Makes a block known; the caller uses it.</summary>
    /// <returns>Null: another stands in its place, of the same hash or under another root of the same name.</returns>
    public PrefixBlock? Add(PrefixRoot root, PrefixBlock? parent, ReadOnlySpan<int> tokens, SharedPages pages)
    {
        if (root.Identity is { } identity && !roots.TryAdd(identity, root) && roots[identity] != root)
        {
            return null;
        }
        PrefixBlock block = new(this, root, parent, tokens.ToArray(), pages) { Users = 1 };
        if (!blocks.TryAdd((parent ?? (object)root, Hash(tokens)), block))
        {
            return null;
        }
        root.Blocks.Add(block);
        return block;
    }

    /// <summary>One more sequence uses a block.</summary>
    public void Use(PrefixBlock block)
    {
        if (block.Users++ == 0)
        {
            memory.Busy(block);
        }
    }

    /// <summary>One sequence less uses a block.</summary>
    public void Leave(PrefixBlock block)
    {
        if (--block.Users > 0)
        {
            return;
        }
        if (block.IsKnown)
        {
            memory.Idle(block);
        }
    }

    /// <summary>Takes a block out and gives its pages back, as far as no sequence owns them.</summary>
    public void Forget(PrefixBlock block)
    {
        if (block.IsKnown)
        {
            block.IsKnown = false;
            memory.Busy(block);
            blocks.Remove((block.Parent ?? (object)block.Root, Hash(block.Tokens)));
            block.Root.Blocks.Remove(block);
            if (block.Root.Blocks.Count == 0 && block.Root.Identity is { } identity)
            {
                roots.Remove(identity);
            }
            block.Pages.Dispose();
        }
    }

    /// <summary>Takes out all blocks below a root.</summary>
    public void Forget(PrefixRoot root)
    {
        foreach (PrefixBlock block in root.Blocks.ToArray())
        {
            Forget(block);
        }
    }

    /// <summary>Takes out all blocks whose identity passes a test; null: all.</summary>
    public void Forget(Func<string, bool>? identity)
    {
        foreach (PrefixRoot root in roots.Values.Where(r => identity is null || identity(r.Identity!)).ToArray())
        {
            Forget(root);
        }
    }

    // FNV-1a over the tokens.
    private static ulong Hash(ReadOnlySpan<int> tokens)
    {
        ulong hash = 14695981039346656037UL;
        foreach (int token in tokens)
        {
            hash = (hash ^ (uint)token) * 1099511628211UL;
        }
        return hash;
    }
}
