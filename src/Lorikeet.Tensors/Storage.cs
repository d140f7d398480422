using System.Runtime.InteropServices;

namespace Lorikeet.Tensors;

/// <summary>A block of native memory, 64-byte aligned, that one owner frees; tensors are views of it.</summary>
/// <remarks>Nothing relies on finalisers: <see cref="LiveBytes"/> lets a test prove that everything was freed.</remarks>
public sealed unsafe class Storage : IDisposable
{
    private static long live;
    private readonly LargePages.Region? region;
    private byte* pointer;

    /// <summary>Takes a block; its content is undefined.</summary>
    /// <param name="bytes">Its size.</param>
    /// <exception cref="OutOfMemoryException">The system has no such block.</exception>
    public Storage(long bytes)
        : this(bytes, shared: false)
    {
    }

    private Storage(long bytes, bool shared)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;
        pointer = shared ? LargePages.Share(bytes, out region) : LargePages.Allocate(bytes);
        Interlocked.Add(ref live, bytes);
    }

    /// <summary>Takes a part of a region, or a block of its own where that has no room.</summary>
    internal Storage(long bytes, LargePages.Region from)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;
        pointer = from.TryTake(bytes);
        if (pointer is null)
        {
            pointer = LargePages.Allocate(bytes);
        }
        else
        {
            region = from;
        }
        Interlocked.Add(ref live, bytes);
    }

    /// <summary>Takes a block for a frozen matrix: small ones lie side by side in large pages, whose memory goes back when all of them are freed.</summary>
    /// <param name="bytes">Its size.</param>
    /// <exception cref="OutOfMemoryException">The system has no such block.</exception>
    public static Storage ForWeights(long bytes) => new(bytes, shared: true);

    /// <summary>Bytes of all blocks that are not freed yet.</summary>
    public static long LiveBytes => Interlocked.Read(ref live);

    /// <summary>Size of the block in bytes.</summary>
    public long Bytes { get; }

    /// <summary>The block's first byte.</summary>
    /// <exception cref="ObjectDisposedException">The block was freed.</exception>
    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(pointer is null, this);
            return pointer;
        }
    }

    /// <summary>The block as bytes (at most 2^31 - 1 of them).</summary>
    public Span<byte> Span => new(Pointer, checked((int)Bytes));

    /// <summary>A tensor that owns fresh zeroed memory: parameters, gradients, optimiser state.</summary>
    /// <param name="shape">Its shape.</param>
    public static Tensor Zeros(Shape shape)
    {
        Tensor tensor = new(new Storage(shape.Length * sizeof(float)), 0, shape);
        tensor.Span.Clear();
        return tensor;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (pointer is not null)
        {
            if (region is null)
            {
                NativeMemory.AlignedFree(pointer);
            }
            else
            {
                region.GiveBack(pointer, Bytes);
            }
            pointer = null;
            Interlocked.Add(ref live, -Bytes);
        }
    }
}
