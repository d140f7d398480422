using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>Keys and values of one block of tokens after a certain past: a node of the tree of all pasts.</summary>
/// <param name="cache">The tree.</param>
/// <param name="root">Whose past it is.</param>
/// <param name="parent">The block before it; null: it is the first.</param>
/// <param name="tokens">What it is compared by: its tokens, or what stands for its vectors and the tokens after them (<see cref="Sequence.BlockKey"/>).</param>
/// <param name="pages">Its pages.</param>
internal sealed class PrefixBlock(PrefixCache cache, PrefixRoot root, PrefixBlock? parent, int[] tokens, SharedPages pages) : Evictable
{
    public PrefixRoot Root { get; } = root;

    public PrefixBlock? Parent { get; } = parent;

    public int[] Tokens { get; } = tokens;

    public SharedPages Pages { get; } = pages;

    /// <summary>Sequences that read it or wrote it, and still run.</summary>
    public int Users { get; set; }

    /// <summary>False: it was thrown out and is found no more; those who use it keep its pages.</summary>
    public bool IsKnown { get; set; } = true;

    public override long Bytes => Pages.Bytes;

    public override void Evict() => cache.Forget(this);
}

/// <summary>Where the pasts of one kind of request begin: pasts of different adapters, tenants or salts never meet.</summary>
internal sealed class PrefixRoot
{
    /// <summary>The blocks that lie below it.</summary>
    public HashSet<PrefixBlock> Blocks { get; } = [];

    /// <summary>The name under which it is found; null: it serves one request and goes with it.</summary>
    public string? Identity { get; init; }
}
