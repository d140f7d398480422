namespace Lorikeet.Tensors;

/// <summary>A place in an arena to which it can be released.</summary>
/// <param name="Block">Index of the block in use.</param>
/// <param name="Used">Elements used in that block.</param>
public readonly record struct ArenaMark(int Block, long Used);

/// <summary>The step arena: a stack of float32 memory for everything that does not outlive one step.</summary>
/// <remarks>
/// Allocation moves a pointer; <see cref="Release"/> moves it back. Blocks are kept from step to step, because first touch of fresh memory is
/// many times slower than reuse. Content of a fresh tensor is undefined.
/// </remarks>
public sealed class Arena : IDisposable
{
    private const int Alignment = 16;
    private readonly List<Storage> blocks = [];
    private readonly long blockLength;
    private int block;
    private long used;

    /// <summary>An empty arena.</summary>
    /// <param name="blockBytes">Smallest size of a block in bytes; larger tensors get a block of a multiple of it.</param>
    public Arena(long blockBytes = 8 << 20) => blockLength = Math.Max(blockBytes / sizeof(float), Alignment);

    /// <summary>Bytes that the arena holds, used or not.</summary>
    public long HeldBytes
    {
        get
        {
            long bytes = 0;
            foreach (Storage held in blocks)
            {
                bytes += held.Bytes;
            }
            return bytes;
        }
    }

    /// <summary>The most bytes ever in use at once (counting unused block ends).</summary>
    public long PeakBytes { get; private set; }

    /// <summary>How often something was released: memory that was allocated since the last time is nobody else's.</summary>
    internal long Releases { get; private set; }

    /// <summary>The present top of the stack.</summary>
    public ArenaMark Mark => new(block, used);

    /// <summary>A tensor of undefined content that lives until its mark is released.</summary>
    /// <param name="shape">Its shape.</param>
    public Tensor Allocate(Shape shape)
    {
        long length = Math.Max((shape.Length + Alignment - 1) / Alignment * Alignment, Alignment);
        if (used > 0 && used + length > blocks[block].Bytes / sizeof(float))
        {
            block++;
            used = 0;
        }
        if (used == 0)
        {
            Fit(length);
        }
        Tensor tensor = new(blocks[block], used, shape);
        used += length;
        Note();
        return tensor;
    }

    /// <summary>A tensor of zeros.</summary>
    /// <param name="shape">Its shape.</param>
    public Tensor Zeros(Shape shape)
    {
        Tensor tensor = Allocate(shape);
        tensor.Span.Clear();
        return tensor;
    }

    /// <summary>Forgets everything allocated after <paramref name="mark"/>.</summary>
    /// <param name="mark">An earlier <see cref="Mark"/>.</param>
    /// <exception cref="InvalidOperationException">The mark was released already: it is above the top.</exception>
    public void Release(ArenaMark mark)
    {
        if (mark.Block > block || (mark.Block == block && mark.Used > used))
        {
            throw new InvalidOperationException($"arena: the mark {mark} is above the top {Mark}: something below it was released before");
        }
        block = mark.Block;
        used = mark.Used;
        Releases++;
    }

    /// <summary>Forgets everything; the blocks are kept.</summary>
    public void Reset() => Release(default);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Storage held in blocks)
        {
            held.Dispose();
        }
        blocks.Clear();
        Reset();
    }

    /// <summary>Makes the block at the top, of which nothing is used, long enough.</summary>
    private void Fit(long length)
    {
        if (block < blocks.Count && length <= blocks[block].Bytes / sizeof(float))
        {
            return;
        }
        Storage fresh = new((length + blockLength - 1) / blockLength * blockLength * sizeof(float));
        if (block == blocks.Count)
        {
            blocks.Add(fresh);
            return;
        }
        // A block that was skipped would be held for nothing: steps that grow would hold more and more of them.
        blocks[block].Dispose();
        blocks[block] = fresh;
    }

    private void Note()
    {
        long bytes = used * sizeof(float);
        for (int i = 0; i < block; i++)
        {
            bytes += blocks[i].Bytes;
        }
        PeakBytes = Math.Max(PeakBytes, bytes);
    }
}
